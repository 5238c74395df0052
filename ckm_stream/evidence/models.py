"""
The lifetime models on a cohort: fitted to calibration, asked what they expect of the horizon.

A model of buying expects days of purchase, the Gamma-Gamma model money on each; their product ranks
and prices. A fit that is refused is told with its reason, and the others go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from ckm_stream.errors import FitError
from ckm_stream.evidence.arrays import Numbers
from ckm_stream.evidence.cohort import Cohort
from ckm_stream.evidence.results import ModelFit
from ckm_stream.lifetime.beta_geometric import BetaGeometric, ModifiedBetaGeometric
from ckm_stream.lifetime.fitting import fit_buying, fit_spend
from ckm_stream.lifetime.gamma_gamma import GammaGamma
from ckm_stream.lifetime.histories import Histories, Spends
from ckm_stream.lifetime.model import BuyingModel
from ckm_stream.lifetime.pareto import ParetoNBD

Kind = TypeVar("Kind", BetaGeometric, ModifiedBetaGeometric, ParetoNBD)

_SPEND: Final = ("gamma_gamma_all", "Gamma-Gamma, all purchases")
_SPEND_OF_REPEATS: Final = ("gamma_gamma", "Gamma-Gamma, repeat purchases")


@dataclass(frozen=True, slots=True)
class Expectation:
    """
    What a model of buying, with the model of spending, expects of the horizon.

    Attributes:
        name: Name of the model of buying.
        title: Its name and the spend model's, for people.
        spend: Money expected of each customer; float64[n]; None if a fit was refused.
        purchases: Days of purchase expected of all up to each of the weeks asked for; empty if
            the model of buying was refused.
        refused: Why there is no expected spend; None if there is.
    """

    name: str
    title: str
    spend: Numbers | None
    purchases: tuple[float, ...]
    refused: str | None


def fit_models(
    cohort: Cohort, weeks: Sequence[float]
) -> tuple[tuple[ModelFit, ...], tuple[Expectation, ...]]:
    """
    Fit every model to a cohort's calibration; return the fits and what they expect.

    Args:
        cohort: The customers.
        weeks: Weeks after calibration's end to add expected purchases up to.
    """
    spend_fits, mean_spend = _fit_spends(cohort)
    fitted: list[tuple[ModelFit, BuyingModel | None]] = [
        _fit_buying(cohort, ("bg_nbd", "BG/NBD"), BetaGeometric),
        _fit_buying(cohort, ("mbg_nbd", "MBG/NBD"), ModifiedBetaGeometric),
        _fit_buying(cohort, ("pareto_nbd", "Pareto/NBD"), ParetoNBD),
    ]
    expectations = tuple(_expect(cohort, each, mean_spend, weeks) for each in fitted)
    return (*(fit for fit, _ in fitted), *spend_fits), expectations


def _histories(cohort: Cohort) -> Histories:
    return Histories.of(cohort.repeats, cohort.recency_weeks, cohort.age_weeks)


def _fit_buying(
    cohort: Cohort, names: tuple[str, str], kind: type[Kind]
) -> tuple[ModelFit, Kind | None]:
    try:
        fit = fit_buying(kind, _histories(cohort).grouped())
    except FitError as error:
        return ModelFit(*names, cohort.size, {}, None, str(error)), None
    parameters = dict(zip(kind.PARAMETERS, fit.model.parameters(), strict=True))
    return ModelFit(*names, cohort.size, parameters, fit.log_likelihood), fit.model


def _fit_spends(cohort: Cohort) -> tuple[tuple[ModelFit, ModelFit], Numbers | str]:
    """
    Fit the Gamma-Gamma model in two ways; return the fits and what each expects on a day.

    The first is fitted to all purchases of all customers, which is also what customers are priced
    by: without first purchases a one-time buyer would be like any other. In CDNOW's calibration
    (its last third held back) this lowers the forecast's error of each model of buying. The second,
    on the repeat purchases of repeat buyers, is that of the literature, for comparison.

    Returns:
        The fits, and the money that the first expects of each customer on a day of purchase, or
        why it was refused.
    """
    transactions = cohort.transactions.astype(np.float64)
    fit, model = _fit_spend(_SPEND, transactions, cohort.spend)
    of_repeats, _ = _fit_spend(_SPEND_OF_REPEATS, transactions - 1, cohort.repeat_spend)
    if model is None:
        return (fit, of_repeats), f"{fit.title}: {fit.refused}"
    return (fit, of_repeats), model.expected_spend(transactions, cohort.spend / transactions)


def _fit_spend(
    names: tuple[str, str], transactions: Numbers, spend: Numbers
) -> tuple[ModelFit, GammaGamma | None]:
    """Fit to the customers who spent: the model knows no purchase for nothing."""
    spent = spend > 0
    size = int(spent.sum())
    try:
        fit = fit_spend(Spends.of(transactions[spent], spend[spent] / transactions[spent]))
    except FitError as error:
        return ModelFit(*names, size, {}, None, str(error)), None
    parameters = dict(zip(GammaGamma.PARAMETERS, fit.model.parameters(), strict=True))
    return ModelFit(*names, size, parameters, fit.log_likelihood), fit.model


def _expect(
    cohort: Cohort,
    fitted: tuple[ModelFit, BuyingModel | None],
    mean_spend: Numbers | str,
    weeks: Sequence[float],
) -> Expectation:
    fit, model = fitted
    title = f"{fit.title} with Gamma-Gamma"
    if model is None:
        return Expectation(fit.name, title, None, (), fit.refused)
    alike = _histories(cohort).grouped()
    purchases = tuple(
        float(alike.customers @ model.expected_purchases(alike, until)) for until in weeks
    )
    if isinstance(mean_spend, str):
        return Expectation(fit.name, title, None, purchases, mean_spend)
    expected = model.expected_purchases(_histories(cohort), cohort.window.horizon_weeks)
    return Expectation(fit.name, title, expected * mean_spend, purchases, None)
