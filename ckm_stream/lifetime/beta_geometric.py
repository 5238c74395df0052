"""
BG/NBD and MBG/NBD: customers buy at random and may leave after a purchase, each with own rates.

A customer buys as a Poisson process of rate λ ~ Gamma(r, alpha) and leaves with probability
p ~ Beta(a, b) after each purchase: under BG/NBD after each repeat, under MBG/NBD already after the
first purchase. So whoever bought once is alive for certain under BG/NBD; never rank by it.

Source:
    Fader, Hardie, Lee: "Counting your customers" the easy way, Marketing Science 2005;
    Batislam, Denizel, Filiztekin, IJRM 2007; Hoppe, Wagner, Marketing JRM 2007 (E[Y]).
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy.special import betaln, expit, gammaln

from ckm_stream.lifetime.curves import on_curves
from ckm_stream.lifetime.histories import FloatArray, Histories, IndexArray, weighted_total
from ckm_stream.lifetime.model import Schedule, check_parameters
from ckm_stream.lifetime.posterior import BetaNodes

#: Below, (1 - (1 + w)^-R)/(R·w) is 1 to the last bit, and 0/0 at w = 0.
_TINY: Final = 1e-300


@dataclass(frozen=True, slots=True)
class _GeometricDropout:
    """
    What both models share; they differ in how many chances to leave *x* repeats have given.

    Attributes:
        r: Shape of the purchase rates.
        alpha: Their scale, in weeks.
        a: First shape of the probabilities to leave.
        b: Second shape.

    Raises:
        FitError: If a parameter is outside ``LOWEST``..``HIGHEST``.
    """

    r: float
    alpha: float
    a: float
    b: float

    NAME: ClassVar[str]
    PARAMETERS: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    _CHANCES_AT_FIRST: ClassVar[int]

    def __post_init__(self) -> None:
        check_parameters(self.NAME, self.PARAMETERS, self.parameters())

    def parameters(self) -> tuple[float, ...]:
        """Return (r, alpha, a, b)."""
        return self.r, self.alpha, self.a, self.b

    def log_likelihood(self, histories: Histories) -> float:
        """Return Σ customers·ln L(r, alpha, a, b | x, t_x, T)."""
        x, index = histories.distinct_repeats()
        shape = self.r + x
        chances = x + self._CHANCES_AT_FIRST
        # L = (density of the purchases, and alive at T) / P(alive at T | the purchases).
        bought = gammaln(shape) - gammaln(self.r) + self.r * np.log(self.alpha)
        stayed = betaln(self.a, self.b + chances) - betaln(self.a, self.b)
        ages = self.alpha + histories.age_weeks
        alive = (bought + stayed)[index] - shape[index] * np.log(ages)
        each = alive + np.logaddexp(0.0, self._log_odds_gone(histories, x, index))
        return weighted_total(histories.customers, each)

    def probability_alive(self, histories: Histories) -> FloatArray:
        """Return P(alive at T | x, t_x, T) for each row, in [0, 1]."""
        alive: FloatArray = expit(-self._log_odds_gone(histories, *histories.distinct_repeats()))
        return alive

    def expected_purchases(self, histories: Histories, weeks: float) -> FloatArray:
        """Return E[Y(weeks) | x, t_x, T] for each row, >= 0; *weeks* in 0..``MOST_WEEKS``."""
        return self.weighted_purchases(histories, Schedule.until(weeks))

    def weighted_purchases(self, histories: Histories, schedule: Schedule) -> FloatArray:
        """Return Σ_k weight_k·E[Y(end_k) | x, t_x, T] for each row, >= 0."""
        if not len(histories) or not len(schedule.ends_weeks):
            return np.zeros(len(histories))
        x, index = histories.distinct_repeats()
        ages = self.alpha + histories.age_weeks
        subject = _WhileAlive.of(self, x, schedule, float(ages.min()))
        (kept,) = on_curves(subject, len(x), index, np.log(ages))
        gone = self._log_odds_gone(histories, x, index)
        expected: FloatArray = schedule.weeks * (self.r + x)[index] / ages * kept * expit(-gone)
        return expected

    def chances(self, x: FloatArray) -> FloatArray:
        """Return how often a customer with *x* repeats could have left and be seen no more."""
        return x + self._CHANCES_AT_FIRST

    def _log_odds_gone(self, histories: Histories, x: FloatArray, index: IndexArray) -> FloatArray:
        """
        Return ln of a/(b + m - 1)·((alpha + T)/(alpha + t_x))^(r + x), with m the chances.

        It is -inf without any chance.
        """
        chances = self.chances(x)
        at_last = np.full_like(x, -np.inf)
        some = chances > 0
        at_last[some] = np.log(self.a) - np.log(self.b + (chances[some] - 1))
        silence = histories.age_weeks - histories.recency_weeks
        longer = np.log1p(silence / (self.alpha + histories.recency_weeks))
        return at_last[index] + (self.r + x)[index] * longer


@dataclass(frozen=True, slots=True)
class BetaGeometric(_GeometricDropout):
    """BG/NBD(r, alpha, a, b): nobody leaves before the first repeat."""

    NAME: ClassVar[str] = "bg_nbd"
    _CHANCES_AT_FIRST: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class ModifiedBetaGeometric(_GeometricDropout):
    """MBG/NBD(r, alpha, a, b): customers may leave after their first purchase."""

    NAME: ClassVar[str] = "mbg_nbd"
    _CHANCES_AT_FIRST: ClassVar[int] = 1


@dataclass(frozen=True, slots=True, eq=False)
class _WhileAlive:
    """
    E[Y(t) | alive at T] over what it would be if nobody left, t·(r + x)/(alpha + T): in (0, 1].

    Alive at T, λ ~ Gamma(R = r + x, alpha + T) and p ~ Beta(a, B = b + chances) are independent,
    and E[Y(t) | λ, p] = (1 - e^(-λpt))/p. With τ = t/(alpha + T) the mean over λ is
    (1 - (1 + pτ)^-R)/p, that over p a quadrature. With g(p) = (1 - (1 + pτ)^-R)/(pτR), by parts,
    E[g] over Beta(a, B) is E[g - (1 - p)·g'/(a + B)] over Beta(a + 1, B): that density vanishes
    at p = 0 however small a is. The familiar 2F1 is the same mean, undefined at a = 1.
    """

    shape: FloatArray
    nodes: BetaNodes
    total: FloatArray
    schedule: Schedule

    @classmethod
    def of(
        cls, model: _GeometricDropout, x: FloatArray, schedule: Schedule, youngest: float
    ) -> "_WhileAlive":
        """Return the subject for distinct *x*, good for alpha + T >= *youngest*."""
        shape = model.r + x
        b = model.b + model.chances(x)
        steepness = 1.0 + shape * float(schedule.ends_weeks.max()) / youngest
        nodes = BetaNodes.of(np.full_like(x, model.a), b, steepness)
        return cls(shape, nodes, model.a + b, schedule)

    def __call__(self, index: IndexArray, log_ages: FloatArray) -> FloatArray:
        """Return the mean for rows, by the places of their x and ln(alpha + T)."""
        nodes = self.nodes.take(index)
        shape = self.shape[index, None]
        falling = nodes.rest / (nodes.p * self.total[index, None])
        per_week = nodes.p * np.exp(-log_ages)[:, None]
        values = np.zeros_like(nodes.p)
        for end, share in zip(self.schedule.ends_weeks, self.schedule.shares, strict=True):
            w = np.maximum(per_week * end, _TINY)
            lost = np.expm1(-shape * np.log1p(w))
            g = -lost / (shape * w)
            # -g'·p, which is positive; its rounding at small p is not, and weighs nothing there.
            slope = np.maximum(g - (1.0 + lost) / (1.0 + w), 0.0)
            values += share * (g + falling * slope)
        mean: FloatArray = np.einsum("ij,ij->i", values, nodes.weights)
        return mean
