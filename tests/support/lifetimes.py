"""
Second opinions on the lifetime models, and populations whose truth is known.

The references are the models' definitions, integrated by adaptive quadrature one customer at a
time; they share no formula with the package beyond the conjugate posteriors.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import exp, lgamma, log, log1p

import numpy as np
from scipy.integrate import quad
from scipy.special import hyp2f1

from ckm_stream.lifetime.beta_geometric import BetaGeometric, ModifiedBetaGeometric
from ckm_stream.lifetime.fitting import AnyBuying
from ckm_stream.lifetime.histories import FloatArray, Histories, Spends
from ckm_stream.lifetime.pareto import ParetoNBD

Geometric = BetaGeometric | ModifiedBetaGeometric


def one(repeats: int, recency_weeks: float, age_weeks: float) -> Histories:
    """Return the history of one customer."""
    return Histories.of([repeats], [recency_weeks], [age_weeks])


def closed_form(model: Geometric, history: tuple[int, float, float], weeks: float) -> float:
    """Return E[Y] by the formula with 2F1 of the BG/NBD paper and its like for MBG/NBD."""
    x, t_x, age = history
    r, alpha, a, b = model.parameters()
    chances = x + isinstance(model, ModifiedBetaGeometric)
    z = weeks / (alpha + age + weeks)
    kept = ((alpha + age) / (alpha + age + weeks)) ** (r + x)
    series: float = hyp2f1(r + x, b + chances, a + b + chances - 1, z)
    bought = (a + b + chances - 1) / (a - 1) * (1 - kept * series)
    odds = a / (b + chances - 1) * ((alpha + age) / (alpha + t_x)) ** (r + x) if chances else 0.0
    return float(bought / (1 + odds))


def geometric_reference(
    model: Geometric, history: tuple[int, float, float], weeks: float
) -> tuple[float, float]:
    """
    Return (P(alive), E[Y(weeks)]) as ratios of integrals over p of the joint density.

    Integrated over λ, the customer's purchases and being alive at T have, for a given p, the
    density (1 - p)^m·(alpha + T)^-R, having left at t_x p·(1 - p)^(m-1)·(alpha + t_x)^-R, m the
    chances to leave. λ's posterior gives E[(1 - e^(-λpt))/p].
    """
    x, t_x, age = history
    r, alpha, a, b = model.parameters()
    chances = x + isinstance(model, ModifiedBetaGeometric)
    shape = r + x
    longer = shape * log1p((age - t_x) / (alpha + t_x))
    tau = weeks / (alpha + age)

    def log_density(y: float) -> float:
        # p = 1/(1 + e^-y), so that no power of p or 1 - p is singular.
        return -a * float(np.logaddexp(0.0, -y)) - (b + chances) * float(np.logaddexp(0.0, y))

    def density(y: float) -> float:
        return exp(log_density(y) - highest)

    def gone(y: float) -> float:
        return exp(min(log_density(y) - highest + y + longer, 700.0))

    def bought(y: float) -> float:
        p = 1.0 / (1.0 + exp(-y))
        return density(y) * float(-np.expm1(-shape * log1p(p * tau))) / p

    peak = log(a / (b + chances))
    highest = log_density(peak)
    alive = _integral(density, peak)
    left = _integral(gone, peak) if chances else 0.0
    return alive / (alive + left), _integral(bought, peak) / (alive + left)


def pareto_reference(
    model: ParetoNBD, history: tuple[int, float, float], weeks: float
) -> tuple[float, float]:
    """
    Return (P(alive), E[Y(weeks)]) by integrals over the time of leaving.

    Over λ and μ the density of leaving at u in (t_x, T] is s·beta^s·(beta + u)^-(s+1), the
    purchases before it weigh (alpha + u)^-(r+x); after T both stop at T.
    """
    x, t_x, age = history
    r, alpha, s, beta = model.parameters()
    shape = r + x

    def gone(u: float) -> float:
        log_bought = shape * (log(alpha + age) - log(alpha + u))
        return s / (beta + u) * exp(min(log_bought + s * log((beta + age) / (beta + u)), 700.0))

    def still_there(u: float) -> float:
        return shape / (alpha + age) * exp(s * (log(beta + age) - log(beta + age + u)))

    # Most of it is near t_x, within a few of the gaps that many purchases have.
    gap = (alpha + t_x) / (shape + s)
    edges = [t_x] + [t_x + gap * many for many in (1, 10, 100, 1_000) if t_x + gap * many < age]
    left = sum(_quad(gone, *ends) for ends in pairwise([*edges, age])) if age > t_x else 0.0
    alive = 1.0 / (1.0 + left)
    return alive, alive * _quad(still_there, 0.0, weeks)


def log_likelihood_reference(model: AnyBuying, history: tuple[int, float, float]) -> float:
    """Return ln L of one customer: that of its purchases and being alive, less ln P(alive)."""
    x, _, age = history
    r, alpha = model.r, model.alpha
    log_alive = lgamma(r + x) - lgamma(r) + r * log(alpha) - (r + x) * log(alpha + age)
    if isinstance(model, ParetoNBD):
        log_alive += model.s * log(model.beta / (model.beta + age))
        return log_alive - log(pareto_reference(model, history, 0.0)[0])
    a, b = model.a, model.b
    chances = x + isinstance(model, ModifiedBetaGeometric)
    log_alive += lgamma(b + chances) + lgamma(a + b) - lgamma(b) - lgamma(a + b + chances)
    return log_alive - log(geometric_reference(model, history, 0.0)[0])


def population_of(model: AnyBuying, customers: int, seed: int) -> Histories:
    """Return customers who live as *model* says, each observed for 30 to 60 weeks."""
    rng = np.random.default_rng(seed)
    ages = rng.uniform(30.0, 60.0, customers)
    repeats = np.zeros(customers)
    last = np.zeros(customers)
    for bought_at in _purchases(model, ages, rng):
        bought = ~np.isnan(bought_at)
        repeats[bought] += 1
        last[bought] = bought_at[bought]
    return Histories.of(repeats, last, ages)


def known_and_future(
    model: AnyBuying, customers: int, seed: int, *, weeks: float
) -> tuple[Histories, float]:
    """Return customers observed for so many weeks, and what they buy in as many weeks after."""
    rng = np.random.default_rng(seed)
    repeats = np.zeros(customers)
    last = np.zeros(customers)
    later = 0
    for bought_at in _purchases(model, np.full(customers, 2 * weeks), rng):
        bought = bought_at <= weeks
        repeats[bought] += 1
        last[bought] = bought_at[bought]
        later += int((bought_at > weeks).sum())
    return Histories.of(repeats, last, np.full(customers, weeks)), float(later)


def _purchases(
    model: AnyBuying, ages: FloatArray, rng: np.random.Generator
) -> Iterator[FloatArray]:
    """Yield when each customer bought for the first time again, the second, ...; NaN if never."""
    customers = len(ages)
    rates = rng.gamma(model.r, 1.0 / model.alpha, customers)
    ends = ages
    chances = np.zeros(customers)
    if isinstance(model, ParetoNBD):
        ends = np.minimum(
            ages, rng.exponential(1.0 / rng.gamma(model.s, 1.0 / model.beta, customers))
        )
    else:
        chances = rng.beta(model.a, model.b, customers)
    there = np.ones(customers, dtype=bool)
    if isinstance(model, ModifiedBetaGeometric):
        there = rng.random(customers) >= chances
    at = np.zeros(customers)
    while there.any():
        at = at + rng.exponential(1.0 / rates)
        there &= at <= ends
        yield np.where(there, at, np.nan)
        there &= rng.random(customers) >= chances


def spends_of(p: float, q: float, gamma: float, *, customers: int, seed: int) -> Spends:
    """Return the mean spends of customers who spend as Gamma-Gamma(p, q, gamma) says."""
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 9, customers).astype(np.float64)
    rates = rng.gamma(q, 1.0 / gamma, customers)
    return Spends.of(n, rng.gamma(p * n, 1.0 / (n * rates)))


def _integral(f: Callable[[float], float], peak: float) -> float:
    """Return the integral of a function of the log-odds that has its mass about *peak*."""
    steps = (-600.0, -100.0, -30.0, -10.0, -3.0, 0.0, 3.0, 10.0, 30.0, 100.0, 600.0)
    smallest = 1e-12 * f(peak)
    return sum(_quad(f, peak + low, peak + high, smallest) for low, high in pairwise(steps))


def _quad(f: Callable[[float], float], low: float, high: float, smallest: float = 0.0) -> float:
    value, _ = quad(f, low, high, epsabs=smallest, epsrel=1e-9, limit=400)
    return float(value)
