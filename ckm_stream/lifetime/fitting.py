"""
Maximum likelihood for the lifetime models, and when to refuse a fit.

A fit depends on the population alone, not on what was in use: the same table gives the same
parameters. What was in use is only compared with, and stays in use when a ``FitError`` says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np
from scipy.optimize import minimize

from ckm_stream.errors import FitError
from ckm_stream.lifetime.beta_geometric import BetaGeometric, ModifiedBetaGeometric
from ckm_stream.lifetime.gamma_gamma import GammaGamma
from ckm_stream.lifetime.histories import FloatArray, Histories, Spends, weighted_total
from ckm_stream.lifetime.model import HIGHEST, LOWEST
from ckm_stream.lifetime.pareto import ParetoNBD

#: Choices. Four parameters from fewer customers than these are noise.
LEAST_CUSTOMERS: Final = 100
LEAST_REPEATERS: Final = 30

#: Converged: no parameter, changed by 1 %, would raise a customer's ln L by 1e-7 on average.
_GRADIENT: Final = 1e-5

#: On its bound: within this factor of it, as a logarithm.
_ON_BOUND: Final = 1e-3

#: Half the width, as a logarithm, of the central differences that the gradient is made of. Their
#: error is 1e-8 of a customer's ln L; that of rounding is 1e-11.
_STEP: Final = 1e-4

#: Likelihoods are sums of thousands of terms: closer than this share they are the same.
_SAME: Final = 1e-9

#: The models of buying that can be fitted; their ``NAME`` tells them apart.
AnyBuying = BetaGeometric | ModifiedBetaGeometric | ParetoNBD

M = TypeVar("M")
B = TypeVar("B", bound=AnyBuying)


@dataclass(frozen=True, slots=True)
class Fit(Generic[M]):
    """
    An accepted fit.

    Attributes:
        model: The model, with the parameters of greatest likelihood.
        log_likelihood: Its ln L of all customers.
        customers: How many customers it learnt from.
        rows: In how many distinct rows they came.
    """

    model: M
    log_likelihood: float
    customers: int
    rows: int


def fit_buying(kind: type[B], histories: Histories, *, previous: B | None = None) -> Fit[B]:
    """
    Fit a model of buying by maximum likelihood.

    Args:
        kind: Which model.
        histories: The population, best as a grouped weekly table.
        previous: What is in use; the new fit may not be less likely on *histories*.

    Raises:
        FitError: If there are fewer than ``LEAST_CUSTOMERS`` customers or ``LEAST_REPEATERS`` of
            them with repeats, if the search does not converge, if a parameter lands on its bound,
            or if *previous* is more likely.
    """
    population = histories.grouped()
    customers = float(population.customers.sum())
    repeaters = float(population.customers[population.repeats > 0].sum())
    _refuse_few(kind.NAME, "customers", customers, LEAST_CUSTOMERS)
    _refuse_few(kind.NAME, "customers with repeats", repeaters, LEAST_REPEATERS)
    task = _Task(
        kind.NAME,
        kind.PARAMETERS,
        lambda point: kind(*point).log_likelihood(population) / customers,
        np.log([[LOWEST, HIGHEST]] * 4),
    )
    parameters = _most_likely(task, _starts_of_buying(kind, population))
    fit = kind(*parameters)
    likelihood = fit.log_likelihood(population)
    if previous is not None:
        _refuse_worse(kind.NAME, likelihood, previous.log_likelihood(population))
    return Fit(fit, likelihood, round(customers), len(population))


def fit_spend(spends: Spends, *, previous: GammaGamma | None = None) -> Fit[GammaGamma]:
    """
    Fit the model of spend by maximum likelihood, in any unit of money.

    Args:
        spends: Mean spends above 0; in the literature the repeat spends of repeat buyers.
        previous: What is in use; the new fit may not be less likely on *spends*.

    Raises:
        FitError: If there are fewer than ``LEAST_REPEATERS`` customers, if a mean is 0, if the
            search does not converge, if a parameter lands on its bound, or if *previous* is more
            likely.
    """
    name = GammaGamma.NAME
    customers = float(spends.customers.sum())
    _refuse_few(name, "customers who paid", customers, LEAST_REPEATERS)
    if not np.all(spends.mean > 0):
        raise FitError(f"{name}: a mean spend is 0; leave out customers who paid nothing")
    # The parameters of a fit to spends in their typical size; gamma is then given its unit back.
    unit = float(np.exp(np.average(np.log(spends.mean), weights=spends.customers)))
    scaled = Spends(spends.transactions, spends.mean / unit, spends.customers)
    task = _Task(
        name,
        GammaGamma.PARAMETERS,
        lambda point: GammaGamma(*point).log_likelihood(scaled) / customers,
        np.log([[LOWEST, HIGHEST]] * 3),
    )
    p, q, gamma = _most_likely(task, [(2.0, 3.0, 1.0), (10.0, 2.0, 0.2), (1.0, 10.0, 10.0)])
    fit = GammaGamma(p, q, gamma * unit)
    likelihood = fit.log_likelihood(spends)
    if previous is not None:
        _refuse_worse(name, likelihood, previous.log_likelihood(spends))
    return Fit(fit, likelihood, round(customers), len(spends))


class _Task(NamedTuple):
    """A search: mean ln L per customer as a function of parameters, and their bounds' logs."""

    model: str
    names: tuple[str, ...]
    mean_log_likelihood: Callable[[Sequence[float]], float]
    log_bounds: FloatArray


def _starts_of_buying(kind: type[B], population: Histories) -> list[tuple[float, ...]]:
    """Return where to look from, first things first: rates and lifetimes of the data's size."""
    weeks = max(weighted_total(population.customers, population.age_weeks), 1.0)
    gap = weeks / weighted_total(population.customers, population.repeats)
    age = weeks / float(population.customers.sum())
    leaving = [(1.0, 2.5), (0.5, 5.0), (2.0, 2.0)]
    if kind is ParetoNBD:
        leaving = [(0.6, age / 2), (1.0, age), (3.0, 10 * age)]
    return [
        (r, _inside(r * gap / 2), one, _inside(other))
        for r, (one, other) in zip((0.5, 1.0, 3.0), leaving, strict=True)
    ]


def _inside(start: float) -> float:
    """Return *start* or what is nearest to it well within the bounds."""
    return min(max(start, 10 * LOWEST), HIGHEST / 10)


def _most_likely(task: _Task, starts: list[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the first acceptable maximum; raise what was wrong with the best one otherwise."""
    refusals: list[tuple[float, str]] = []
    for start in starts:
        found = minimize(
            lambda point: _value_and_gradient(task, point),
            np.log(start),
            jac=True,
            method="L-BFGS-B",
            bounds=task.log_bounds,
            options={"maxiter": 500, "ftol": 1e-15, "gtol": _GRADIENT / 10},
        )
        flaw = _flaw_of(task, found.x)
        if not flaw:
            return _parameters_at(task, found.x)
        refusals.append((float(found.fun), flaw))
    raise FitError(f"{task.model}: {min(refusals)[1]}; the previous parameters stay in use")


def _flaw_of(task: _Task, point: FloatArray) -> str:
    """Return what is wrong with *point* as a maximum, and the remedy; nothing if it is one."""
    for name, at, (lowest, highest) in zip(task.names, point, task.log_bounds, strict=True):
        for bound in (lowest, highest):
            if abs(at - bound) < _ON_BOUND:
                return (
                    f"{name} landed on its bound {np.exp(bound):g}: the population shows no such"
                    " mixture; fit over a longer time, or another model"
                )
    _, gradient = _value_and_gradient(task, point)
    steepest = int(np.abs(gradient).argmax())
    if abs(gradient[steepest]) > _GRADIENT:
        return (
            f"the search did not converge: ln L per customer still changes with"
            f" {task.names[steepest]} by {abs(gradient[steepest]):.1e} per unit of its logarithm;"
            " check the population for repeated or foreign rows"
        )
    return ""


def _value_and_gradient(task: _Task, point: FloatArray) -> tuple[float, FloatArray]:
    """Return minus the mean ln L and its gradient in the parameters' logarithms."""
    gradient = np.empty(len(point))
    for place, (lowest, highest) in enumerate(task.log_bounds):
        above, below = point.copy(), point.copy()
        above[place] = min(point[place] + _STEP, highest)
        below[place] = max(point[place] - _STEP, lowest)
        rise = _at(task, above) - _at(task, below)
        gradient[place] = -rise / (above[place] - below[place])
    return -_at(task, point), gradient


def _at(task: _Task, point: FloatArray) -> float:
    return task.mean_log_likelihood(_parameters_at(task, point))


def _parameters_at(task: _Task, point: FloatArray) -> tuple[float, ...]:
    """Return the parameters, no rounding beyond their bounds."""
    lowest, highest = np.exp(task.log_bounds).T
    clipped = np.clip(np.exp(point), np.maximum(lowest, LOWEST), np.minimum(highest, HIGHEST))
    return tuple(map(float, clipped))


def _refuse_few(model: str, what: str, found: float, least: int) -> None:
    if found < least:
        raise FitError(
            f"{model}: {found:g} {what}, but a fit needs {least}; the previous parameters stay in"
            " use until there are more"
        )


def _refuse_worse(model: str, new: float, old: float) -> None:
    if new < old - _SAME * abs(old):
        raise FitError(
            f"{model}: ln L of the new parameters is {new:.3f}, of the previous ones {old:.3f};"
            " the previous ones stay in use"
        )
