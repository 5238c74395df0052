"""
Forward decay in exact integers: sums that any order of the same events leaves equal, to the bit.

A sum holds Σ v·w(t) with w growing as 2^(t/H) from a landmark L; read at *now* it is divided by
w(now). Nothing is ever rescaled, so adding commutes and merging is plain addition.

Source:
    Cormode, Shkapenyuk, Srivastava, Xu: Forward Decay, ICDE 2009; exact integers are ours.
"""

from collections.abc import Iterable
from functools import reduce
from math import ldexp, log
from operator import add
from typing import Final

_MANTISSA: Final = float(1 << 52)
_LN2: Final = log(2.0)


def total_of(values: Iterable[float], start: float = 0.0) -> float:
    """
    Return the sum of *values*, added to *start* one by one, from left to right.

    The built-in ``sum`` of floats compensates for rounding since Python 3.12: with it, the last
    bits of a score, and so its bytes, would depend on the interpreter.
    """
    return reduce(add, values, start)


def weight(age_s: int, half_life_s: int) -> int:
    """
    Return w(t) = ⌊2^(r/H)·2^52⌋·2^e, where (e, r) = divmod(age, H).

    Args:
        age_s: Event time in whole seconds since the landmark, >= 0.
        half_life_s: H in seconds, > 0.

    Raises:
        ValueError: If the event lies before the landmark.
    """
    return weights_at(age_s, (half_life_s,))[0]


def damping(age_s: int, half_life_s: int) -> float:
    """
    Return 1/w(now): a sum times this is what it is worth now.

    The product is within 2^-51 of the exact quotient of integers, at a third of its cost, and
    halves exactly with each half-life, up to 960 of them; after 1,100 it is 0.

    Args:
        age_s: Whole seconds from the landmark to now, >= 0.
        half_life_s: H in seconds, > 0.

    Raises:
        ValueError: If *now* lies before the landmark.
    """
    return dampings_at(age_s, (half_life_s,))[0]


def weights_at(age_s: int, half_lives_s: Iterable[int]) -> list[int]:
    """
    Return ``weight`` for several half-lives at once: what an event of that instant adds to sums.

    Raises:
        ValueError: If the event lies before the landmark.
    """
    _refuse_before_landmark(age_s)
    return [int(2.0 ** (age_s % h / h) * _MANTISSA) << age_s // h for h in half_lives_s]


def dampings_at(age_s: int, half_lives_s: Iterable[int]) -> list[float]:
    """
    Return ``damping`` for several half-lives at once: what sums are read with at that instant.

    Raises:
        ValueError: If *now* lies before the landmark.
    """
    _refuse_before_landmark(age_s)
    return [
        ldexp(1.0 / int(2.0 ** (age_s % h / h) * _MANTISSA), -(age_s // h)) for h in half_lives_s
    ]


def _refuse_before_landmark(age_s: int) -> None:
    if age_s < 0:
        raise ValueError("an instant lies before the landmark")


def exposure_s(first_s: int, now_s: int, half_life_s: int) -> float:
    """
    Return the decayed seconds between *first_s* and *now_s*: (H/ln 2)(1 - 2^(-(now - first)/H)).

    It tends to H/ln 2, so a steady rate divided by it does not depend on how long it has lasted.
    """
    age_s = now_s - first_s
    if age_s <= 0:
        return 0.0
    left: float = 2.0 ** (-age_s / half_life_s)
    return half_life_s / _LN2 * (1.0 - left)


def beta_mean(supporting: float, against: float, a: float, b: float) -> float:
    """Return the posterior mean (a + s)/(a + b + s + f); the prior's when evidence has aged."""
    return (a + supporting) / (a + b + supporting + against)


def normalised_entropy(counts: Iterable[float], bins: int, epsilon: float = 0.25) -> float:
    """
    Return the entropy of the shares (c + ε)/(W + Kε), divided by ln K, in [0, 1].

    Args:
        counts: The non-negative contents of the bins that are not empty, at most *bins* of them.
        bins: K, >= 2; bins that *counts* leaves out are empty.
        epsilon: ε, what every bin is taken to hold before any evidence.
    """
    smoothed = [count + epsilon for count in counts]
    empty = bins - len(smoothed)
    total = total_of(smoothed) + empty * epsilon
    # -Σ p ln p with p = x/total is ln total - Σ x ln x / total: one logarithm for each full bin.
    inner = total_of(x * log(x) for x in smoothed) + empty * epsilon * log(epsilon)
    return (log(total) - inner / total) / log(bins)
