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
class Moments:
    """
    Sums over the customers' evidence, in one pass: of each, s out of n or s events in n of time.

    With m = Σs/Σn, the squared distance (s - m·n)² of a customer is expected to be
    n·φ·(β + δ·n): φ is the variance of one piece of evidence about m, β <= 1 what is left of it
    when evidence has aged, δ the customers' own differences.

    Source:
        Bühlmann and Straub, Glaubwürdigkeit für Schadensätze, 1970; for Beta-Binomial data
        Kleinman, Proportions with extraneous variance, JASA 68 (1973).
    """

    customers: int = 0
    s: float = 0.0
    n: float = 0.0
    ss: float = 0.0
    sn: float = 0.0
    nn: float = 0.0
    ss_over_n: float = 0.0

    def add(self, s: float, n: float) -> None:
        """Add a customer's evidence; one without any says nothing."""
        if n > 0:
            self.customers += 1
            self.s += s
            self.n += n
            self.ss += s * s
            self.sn += s * n
            self.nn += n * n
            self.ss_over_n += s * s / n

    def slope(self, variance: float) -> float:
        """Return δ by the line of (s - m·n)²/(n·φ) over n: it needs customers of many n."""
        count, mean = self.customers, self.s / self.n
        spread = self.nn - self.n * self.n / count
        if spread <= 0:
            return 0.0
        distances = (self.ss_over_n - 2 * mean * self.s + mean * mean * self.n) / variance
        return max(0.0, (self._squares(variance) - distances * self.n / count) / spread)

    def excess(self, variance: float) -> float:
        """Return δ by what the squared distances exceed those of β = 1 by: at most the true one."""
        return max(0.0, (self._squares(variance) - self.n) / self.nn)

    def _squares(self, variance: float) -> float:
        mean = self.s / self.n
        return (self.ss - 2 * mean * self.sn + mean * mean * self.nn) / variance


def learn_share(moments: Moments, known: Prior, *, least: float = 0.0) -> Learnt:
    """
    Return the Beta prior of a share, both of its counts at least *least*.

    *moments* are of (evidence for, evidence); *known* stays where too few customers have any.
    """
    if moments.customers < FEWEST:
        return Learnt(known, moments.customers, is_learnt=False)
    # Where nobody has said otherwise yet, half a piece of evidence keeps the mean off the end.
    margin = 0.5 / (moments.n + 1.0)
    mean = min(max(moments.s / moments.n, margin), 1.0 - margin)
    strength = _within(1.0 / max(moments.slope(mean * (1.0 - mean)), _ALIKE) - 1.0)
    strength = max(strength, least / min(mean, 1.0 - mean))
    prior = Prior(a=mean * strength, b=(1.0 - mean) * strength)
    return Learnt(prior, moments.customers, is_learnt=True)


def learn_rate(moments: Moments, known: Prior, *, most: float = STRONGEST) -> Learnt:
    """
    Return the Gamma prior of a rate, worth *most* events at the most.

    *moments* are of (events, exposure); *known* stays where too few customers have any.
    """
    if moments.customers < FEWEST or not moments.s > 0:
        return Learnt(known, moments.customers, is_learnt=False)
    mean = moments.s / moments.n
    # Not by the slope: after a few half-lives all exposures are alike.
    events = min(_within(mean / max(moments.excess(mean), _ALIKE)), most)
    return Learnt(Prior(a=events, b=events / mean), moments.customers, is_learnt=True)


def _within(strength: float) -> float:
    return min(max(strength, WEAKEST), STRONGEST)
