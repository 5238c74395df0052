"""The lower quantile of a Beta distribution in closed form: how high is a rate, at the least?"""

from math import sqrt
from typing import Final

# Standard normal quantile that leaves a tenth above.
_Y: Final = 1.2815515655446004
_Y2: Final = _Y * _Y

#: The closed form holds from here on; it has no value below 0.39.
LEAST_COUNT: Final = 0.5


def lower_decile(a: float, b: float) -> float:
    """
    Return x with P(X < x) ≈ 0.1 for X ~ Beta(a, b).

    Args:
        a: Pseudo-count for, >= ``LEAST_COUNT``.
        b: Pseudo-count against, >= ``LEAST_COUNT``.

    Returns:
        The quantile in (0, 1), rising in a and falling in b; within 0.018 of the exact one, within
        0.0065 where both are >= 1, and within 0.001 where both are >= 2.

    Source:
        Paulson, An approximate normalization of the analysis of variance distribution, 1942
        (Abramowitz and Stegun 26.6.15), for F = (x/a)/((1 - x)/b). Their 26.5.22 for the Beta
        itself costs less and is off by up to 0.07 near b = 1.
    """
    c = 1.0 / (9.0 * a)
    d = 1.0 / (9.0 * b)
    p = 1.0 - c
    q = 1.0 - d
    y2d = _Y2 * d
    cube_root = (p * q - _Y * sqrt(p * p * d + (q * q - y2d) * c)) / (q * q - y2d)
    odds = a * cube_root * cube_root * cube_root
    return odds / (odds + b)
