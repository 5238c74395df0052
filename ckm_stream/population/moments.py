"""
How alike the customers are: priors by moments, so that thin evidence is read beside the rest's.

A rate that differs much from customer to customer gives a weak prior, one that is about the same
for all a strong one. Refuses to guess: a prior that too few customers have evidence for stays.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from ckm_stream.domain.choices import Prior

#: Customers with evidence that a prior is learnt from at the least.
FEWEST: Final = 30

#: What a prior may weigh, in pieces of evidence (or in units of exposure, times its rate).
WEAKEST: Final = 1.0
STRONGEST: Final = 200.0

# A difference below this is none: its prior is stronger than any that is used.
_ALIKE: Final = 1e-9


class Learnt(NamedTuple):
    """A prior, the customers behind it, and whether it was learnt from them or left as it was."""

    prior: Prior
    customers: int
    is_learnt: bool


@dataclass(slots=True)
class Shares:
    """
    Sums over the customers' evidence, in one pass: of each, s of n is for.

    Evidence that has aged varies less than its weight says: where n is Σw over the pieces, their
    variance goes with Σw². Most sums count a customer 1/(1 + n), because the squared distance of
    one with much evidence is as much by chance as that of any other.
    """

    customers: int = 0
    s: float = 0.0
    n: float = 0.0
    freshness: float = 0.0
    ss_over_n: float = 0.0
    weighed_n: float = 0.0
    ss: float = 0.0
    sn: float = 0.0
    nn: float = 0.0
    squares_for: float = 0.0
    squares_against: float = 0.0

    def add(self, s: float, n: float, freshness: float = 1.0) -> None:
        """Add a customer's evidence, of that freshness; one without any says nothing."""
        if not n > 0:
            return
        # No piece weighs more than all of them together.
        freshness = min(freshness, n)
        self.customers += 1
        self.s += s
        self.n += n
        self.freshness += freshness
        self.ss_over_n += s * s / n
        weight = 1.0 / (1.0 + n)
        self.weighed_n += weight * n
        self.ss += weight * s * s
        self.sn += weight * s * n
        self.nn += weight * n * n
        self.squares_for += weight * freshness * s
        self.squares_against += weight * freshness * (n - s)

    def strength(self, mean: float, refusal: float | None) -> float | None:
        """
        Return k that makes (m·k + s)/(k + n) the best linear estimate of a customer's own share.

        With w and x the weight and the side (1 for, 0 against) of each piece, a customer's squared
        distance (s - m·n)² exceeds Σw²(x - m)² by τ²·(n² - Σw²) on average, where τ² is the
        variance of the shares. What τ² leaves of Σw²(x - m)² is the pieces' own: σ² per unit of n.
        Then k = σ²/τ²; for fresh evidence it is a + b of the Beta distribution of the shares.

        Args:
            mean: m, within (0, 1).
            refusal: What a piece against weighs when it is fresh, Σw²/Σw. None where a piece may
                speak partly for and partly against: how (x - m)² compares with m·(1 - m) is then
                told by customers with little and with much evidence.

        Returns:
            k, or None if nothing tells it: everybody has one piece of evidence, for instance.

        Source:
            Bühlmann and Straub, Glaubwürdigkeit für Schadensätze, 1970; for Beta-Binomial data
            Kleinman, Proportions with extraneous variance, JASA 68 (1973).
        """
        squares = self.squares_for + (1.0 if refusal is None else refusal) * self.squares_against
        pairs = self.nn - squares
        if pairs <= _ALIKE * self.nn:
            return None
        distances = self.ss - 2 * mean * self.sn + mean * mean * self.nn
        if refusal is None:
            apart = pairs * self.freshness - squares * (self.n - self.freshness)
            if apart <= _ALIKE * pairs * self.n:
                return None
            over_n = self.ss_over_n - 2 * mean * self.s + mean * mean * self.n
            between = (distances * self.freshness - over_n * squares) / apart
            between = max(between, _ALIKE)
            by_pieces = distances - between * pairs
        else:
            against = mean * mean * refusal * self.squares_against
            by_pieces = (1.0 - mean) ** 2 * self.squares_for + against
            between = max((distances - by_pieces) / pairs, _ALIKE)
        return _within((by_pieces - between * squares) / self.weighed_n / between)


@dataclass(slots=True)
class Rates:
    """
    Sums over the customers' events, in one pass: of each, s events in n of exposure.

    With m = Σs/Σn, the squared distance (s - m·n)² of a customer is expected to be
    n·m·(β + δ·n): β <= 1 is what is left of the events' own variance when they have aged, δ the
    customers' own differences.
    """

    customers: int = 0
    s: float = 0.0
    n: float = 0.0
    ss: float = 0.0
    sn: float = 0.0
    nn: float = 0.0

    def add(self, s: float, n: float) -> None:
        """Add a customer's events and exposure; one without any says nothing."""
        if n > 0:
            self.customers += 1
            self.s += s
            self.n += n
            self.ss += s * s
            self.sn += s * n
            self.nn += n * n

    def excess(self, mean: float) -> float:
        """Return δ by what the squared distances exceed those of β = 1 by: at most the true one."""
        squares = (self.ss - 2 * mean * self.sn + mean * mean * self.nn) / mean
        return max(0.0, (squares - self.n) / self.nn)


def freshness(known_s: float, half_life_s: float) -> float:
    """
    Return Σw²/Σw of evidence that came at a steady rate: 1 when it begins, 1/2 after long.

    Squared weights halve in half the time: the quotient is that of two exposures.

    Args:
        known_s: Seconds since evidence could come, >= 0.
        half_life_s: Seconds after which a piece weighs half, > 0.
    """
    left: float = 2.0 ** (-known_s / half_life_s)
    return (1.0 + left) / 2


def learn_share(
    shares: Shares, known: Prior, *, least: float = 0.0, refusal: float | None = 1.0
) -> Learnt:
    """
    Return the Beta prior of a share, both of its counts at least *least*.

    *known* stays where too few customers have evidence, and its strength where nothing tells
    another. *refusal* is as in ``Shares.strength``.
    """
    if shares.customers < FEWEST:
        return Learnt(known, shares.customers, is_learnt=False)
    # Where nobody has said otherwise yet, half a piece of evidence keeps the mean off the end.
    margin = 0.5 / (shares.n + 1.0)
    mean = min(max(shares.s / shares.n, margin), 1.0 - margin)
    strength = shares.strength(mean, refusal) or known.a + known.b
    strength = max(strength, least / min(mean, 1.0 - mean))
    prior = Prior(a=mean * strength, b=(1.0 - mean) * strength)
    return Learnt(prior, shares.customers, is_learnt=True)


def learn_rate(rates: Rates, known: Prior, *, most: float = STRONGEST) -> Learnt:
    """
    Return the Gamma prior of a rate, worth *most* events at the most.

    *known* stays where too few customers have any exposure, or none has an event.
    """
    if rates.customers < FEWEST or not rates.s > 0:
        return Learnt(known, rates.customers, is_learnt=False)
    mean = rates.s / rates.n
    # Not by the slope: after a few half-lives all exposures are alike.
    events = min(_within(mean / max(rates.excess(mean), _ALIKE)), most)
    return Learnt(Prior(a=events, b=events / mean), rates.customers, is_learnt=True)


def _within(strength: float) -> float:
    return min(max(strength, WEAKEST), STRONGEST)
