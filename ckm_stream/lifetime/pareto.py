"""
Pareto/NBD: customers buy at random and leave at random, at any moment, each with own rates.

A customer buys as a Poisson process of rate λ ~ Gamma(r, alpha) and lives for an exponential time
of rate μ ~ Gamma(s, beta). Customers that buy often leave no sooner for it.

Source:
    Schmittlein, Morrison, Colombo: Counting your customers, Management Science 1987;
    Fader, Hardie: A note on deriving the Pareto/NBD model and related expressions, 2005.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy.special import exprel, gammaln

from ckm_stream.lifetime.curves import on_curves
from ckm_stream.lifetime.histories import FloatArray, Histories, IndexArray, weighted_total
from ckm_stream.lifetime.model import Schedule, check_parameters
from ckm_stream.lifetime.posterior import BetaNodes

#: Below, ln(1 + w)/w is 1 to the last bit, and 0/0 at w = 0.
_TINY: Final = 1e-300


@dataclass(frozen=True, slots=True)
class ParetoNBD:
    """
    Pareto/NBD(r, alpha, s, beta).

    Attributes:
        r: Shape of the purchase rates.
        alpha: Their scale, in weeks.
        s: Shape of the rates of leaving.
        beta: Their scale, in weeks.

    Raises:
        FitError: If a parameter is outside ``LOWEST``..``HIGHEST``.
    """

    r: float
    alpha: float
    s: float
    beta: float

    NAME: ClassVar[str] = "pareto_nbd"
    PARAMETERS: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")

    def __post_init__(self) -> None:
        check_parameters(self.NAME, self.PARAMETERS, self.parameters())

    def parameters(self) -> tuple[float, ...]:
        """Return (r, alpha, s, beta)."""
        return self.r, self.alpha, self.s, self.beta

    def log_likelihood(self, histories: Histories) -> float:
        """Return Σ customers·ln L(r, alpha, s, beta | x, t_x, T)."""
        x, index = histories.distinct_repeats()
        shape = self.r + x
        bought = gammaln(shape) - gammaln(self.r) + self.r * np.log(self.alpha)
        age = histories.age_weeks
        # L = (density of the purchases, and alive at T) / P(alive at T | the purchases).
        alive = (
            bought[index]
            - shape[index] * np.log(self.alpha + age)
            - self.s * np.log1p(age / self.beta)
        )
        return weighted_total(histories.customers, alive - self._log_alive(histories, x, index))

    def probability_alive(self, histories: Histories) -> FloatArray:
        """Return P(alive at T | x, t_x, T) for each row, in [0, 1]."""
        alive: FloatArray = np.exp(self._log_alive(histories, *histories.distinct_repeats()))
        return alive

    def expected_purchases(self, histories: Histories, weeks: float) -> FloatArray:
        """Return E[Y(weeks) | x, t_x, T] for each row, >= 0; *weeks* in 0..``MOST_WEEKS``."""
        return self.weighted_purchases(histories, Schedule.until(weeks))

    def weighted_purchases(self, histories: Histories, schedule: Schedule) -> FloatArray:
        """Return Σ_k weight_k·E[Y(end_k) | x, t_x, T] for each row, >= 0."""
        if not len(histories) or not len(schedule.ends_weeks):
            return np.zeros(len(histories))
        x, index = histories.distinct_repeats()
        age = histories.age_weeks
        # How long a customer alive at T will stay does not depend on x: one curve for all.
        everyone = np.zeros(len(histories), dtype=np.intp)
        subject = _WhileAlive(self.s, schedule)
        (kept,) = on_curves(subject, 1, everyone, np.log(self.beta + age))
        alive = np.exp(self._log_alive(histories, x, index))
        rate = (self.r + x)[index] / (self.alpha + age)
        expected: FloatArray = schedule.weeks * rate * kept * alive
        return expected

    def _log_alive(self, histories: Histories, x: FloatArray, index: IndexArray) -> FloatArray:
        """
        Return ln P(alive at T), in [-inf, 0].

        1/P(alive) = q·H(t_x) + 1 - H(T), with H(u) the probability that a customer alive at u
        leaves before buying again, q = ((alpha + T)/(alpha + t_x))^(r + x)·
        ((beta + T)/(beta + t_x))^s. The literature's A_0 is the difference of two hypergeometric
        terms; here nothing cancels.
        """
        if not len(histories):
            return np.empty(0)
        t_x, age = histories.recency_weeks, histories.age_weeks
        subject = _LeavesFirst.of(self, x)
        ratios = self._log_ratio(t_x), self._log_ratio(age)
        at_last, at_end = on_curves(subject, len(x), index, *ratios)
        log_q = (self.r + x)[index] * np.log1p((age - t_x) / (self.alpha + t_x))
        log_q += self.s * np.log1p((age - t_x) / (self.beta + t_x))
        gone = log_q + np.log(at_last)
        surplus = np.maximum(1.0 - at_end, 0.0) * np.exp(-gone)
        log_alive: FloatArray = np.minimum(-(gone + np.log1p(surplus)), 0.0)
        return log_alive

    def _log_ratio(self, at: FloatArray) -> FloatArray:
        """Return ln κ = ln((alpha + u)/(beta + u)), on which alone H depends but for x."""
        ratio: FloatArray = np.log(self.alpha + at) - np.log(self.beta + at)
        return ratio


@dataclass(frozen=True, slots=True, eq=False)
class _WhileAlive:
    """
    E[Y(t) | alive at T] over what it would be if nobody left, t·(r + x)/(alpha + T): in (0, 1].

    With w = t/(beta + T) it is (1 - (1 + w)^(1 - s))/(w(s - 1)), and ln(1 + w)/w at s = 1;
    (e^z - 1)/z in z = (1 - s)·ln(1 + w) is both.
    """

    s: float
    schedule: Schedule

    def __call__(self, _: IndexArray, log_ages: FloatArray) -> FloatArray:
        """Return the mean over the schedule for rows, by ln(beta + T)."""
        values = np.zeros_like(log_ages)
        per_week = np.exp(-log_ages)
        for end, share in zip(self.schedule.ends_weeks, self.schedule.shares, strict=True):
            w = np.maximum(end * per_week, _TINY)
            log_longer = np.log1p(w)
            values += share * (log_longer / w) * exprel((1.0 - self.s) * log_longer)
        return values


@dataclass(frozen=True, slots=True, eq=False)
class _LeavesFirst:
    """
    H: the probability to leave before buying again, E[μ/(λ + μ)], for a customer alive at u.

    λ ~ Gamma(R = r + x, alpha + u) and μ ~ Gamma(s, beta + u), so with
    κ = (alpha + u)/(beta + u) it is the mean of κm/(κm + 1 - m) over m ~ Beta(s, R). The mean is
    taken over m for κ >= 1 and over 1 - m for κ < 1: where the function bends sharply, near 0,
    the nodes lie close. Both are stated over a first shape greater by 1, whose density vanishes
    there.
    """

    r_plus_x: FloatArray
    s: float
    nodes: BetaNodes
    mirrored: bool

    @classmethod
    def of(cls, model: ParetoNBD, x: FloatArray) -> "_LeavesFirst":
        """Return the subject for distinct *x*."""
        shape = model.r + x
        s = np.full_like(x, model.s)
        ratio = model.alpha / model.beta
        if ratio >= 1.0:
            nodes = BetaNodes.of(s, shape, np.full_like(x, 1.0 + ratio))
        else:
            nodes = BetaNodes.of(shape, s, np.full_like(x, 1.0 + ratio**-2))
        return cls(shape, model.s, nodes, ratio < 1.0)

    def __call__(self, index: IndexArray, log_ratio: FloatArray) -> FloatArray:
        """Return H for rows, by the places of their x and ln κ."""
        nodes = self.nodes.take(index)
        kappa = np.exp(log_ratio)[:, None]
        total = (self.r_plus_x[index] + self.s)[:, None]
        if self.mirrored:
            # f = κ(1 - p)/(κ(1 - p) + p) over p ~ Beta(R, s), and f - (1 - p)·f'/(R + s) by parts.
            inverse = 1.0 / (kappa * nodes.rest + nodes.p)
            terms = nodes.rest * inverse
            factors = kappa
            inverse /= total
            inverse += 1.0
            terms *= inverse
        else:
            terms = 1.0 / (kappa * nodes.p + nodes.rest)
            factors = kappa * (self.s / total)
        mean: FloatArray = np.einsum("ij,ij->i", terms, nodes.weights) * factors[:, 0]
        return np.minimum(mean, 1.0)
