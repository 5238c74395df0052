"""Fits: the published estimates, planted truths, and what is refused."""

from dataclasses import dataclass

import numpy as np
import pytest

from ckm_stream.errors import FitError
from ckm_stream.lifetime.beta_geometric import BetaGeometric, ModifiedBetaGeometric
from ckm_stream.lifetime.fitting import AnyBuying, fit_buying, fit_spend
from ckm_stream.lifetime.gamma_gamma import GammaGamma
from ckm_stream.lifetime.histories import Histories, Spends, histories_of_weeks
from ckm_stream.lifetime.pareto import ParetoNBD
from tests.support.cdnow import END_DAY, customers, exact_histories, weekly_cells
from tests.support.lifetimes import known_and_future, population_of, spends_of

KINDS = (BetaGeometric, ModifiedBetaGeometric, ParetoNBD)


@dataclass(frozen=True, slots=True)
class Boasting(BetaGeometric):
    """A model in use that explains any population perfectly."""

    def log_likelihood(self, histories: Histories) -> float:
        """Return the likelihood of certainty."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Sawtooth(BetaGeometric):
    """A model whose likelihood climbs and breaks off again and again: it has no top."""

    def log_likelihood(self, histories: Histories) -> float:
        """Return how far along a tooth of width 0.02 the parameter a is."""
        return 1e3 * (self.a * 50.0 % 1.0)


@dataclass(frozen=True, slots=True)
class BoastingSpend(GammaGamma):
    """Likewise of spend."""

    def log_likelihood(self, spends: Spends) -> float:
        """Return the likelihood of certainty."""
        return 1e6


def _repeat_spends() -> Spends:
    """Return the repeat spends of the 946 repeat buyers, in dollars, as in the literature."""
    repeaters = [each for each in customers() if len(each.days) > 1]
    means = [float(np.mean(each.cents[1:])) / 100 for each in repeaters]
    return Spends.of([len(each.days) - 1 for each in repeaters], means)


@pytest.mark.parametrize(
    ("kind", "parameters", "likelihood"),
    [
        (BetaGeometric, (0.2426, 4.4136, 0.7929, 2.4259), -9582.43),
        (ModifiedBetaGeometric, (0.5248, 6.1831, 0.8914, 1.6140), -9582.14),
        (ParetoNBD, (0.5533, 10.5777, 0.6062, 11.6687), -9594.98),
    ],
)
def test_fit_of_cdnow_is_the_published_one(
    kind: type[AnyBuying], parameters: tuple[float, ...], likelihood: float
) -> None:
    """Parameters to 0.001 and likelihoods to 0.05; 2,357 customers in 1,016 distinct rows."""
    fit = fit_buying(kind, exact_histories())

    assert fit.model.parameters() == pytest.approx(parameters, abs=1e-3)
    assert fit.log_likelihood == pytest.approx(likelihood, abs=0.05)
    assert (fit.customers, fit.rows) == (2_357, 1_016)


@pytest.mark.parametrize("kind", KINDS)
def test_weekly_table_estimates_almost_what_the_days_do(kind: type[AnyBuying]) -> None:
    """The weeks' estimates cost at most 0.03 of ln L on the exact histories."""
    exact = exact_histories()
    best = fit_buying(kind, exact)

    weekly = fit_buying(kind, histories_of_weeks(*weekly_cells(), end_day=END_DAY))

    assert weekly.customers == 2_357
    assert weekly.rows < best.rows
    assert 0.0 <= best.log_likelihood - weekly.model.log_likelihood(exact) < 0.03


def test_spend_fit_of_cdnow_is_the_published_one() -> None:
    """Of the repeat spends of 946 repeat buyers: parameters to 0.001, the likelihood to 0.05."""
    fit = fit_spend(_repeat_spends())

    assert fit.model.parameters() == pytest.approx((6.2496, 3.7442, 15.4435), abs=1e-3)
    assert fit.log_likelihood == pytest.approx(-4055.92, abs=0.05)
    assert (fit.customers, fit.rows) == (946, 946)


@pytest.mark.parametrize("unit", [1e-4, 100.0, 1e7])
def test_spend_fit_does_not_depend_on_the_unit_of_money(unit: float) -> None:
    """In cents gamma is a hundredfold, p and q are the same."""
    dollars = _repeat_spends()
    scaled = Spends(dollars.transactions, dollars.mean * unit, dollars.customers)

    p, q, gamma = fit_spend(dollars).model.parameters()

    assert fit_spend(scaled).model.parameters() == pytest.approx((p, q, gamma * unit), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_stand_for_many_fit_as_many(kind: type[AnyBuying]) -> None:
    """Ten copies of everyone, as rows or as counts: the same parameters, ten times ln L."""
    once = exact_histories().grouped()
    copies = Histories.of(*(np.tile(column, 10) for column in once.columns().values()))
    counted = Histories(once.repeats, once.recency_weeks, once.age_weeks, once.customers * 10)

    of_one, of_copies, of_counted = (fit_buying(kind, each) for each in (once, copies, counted))

    assert of_copies == of_counted
    assert of_copies.customers == 23_570
    assert of_copies.model.parameters() == pytest.approx(of_one.model.parameters(), rel=1e-4)
    assert of_copies.log_likelihood == pytest.approx(10 * of_one.log_likelihood, rel=1e-9)


@pytest.mark.parametrize(
    "truth",
    [
        BetaGeometric(0.8, 5.0, 1.2, 4.0),
        ModifiedBetaGeometric(0.8, 5.0, 1.2, 4.0),
        ParetoNBD(0.8, 5.0, 1.2, 30.0),
    ],
)
def test_planted_truth_is_found_again(truth: AnyBuying) -> None:
    """
    Of 20,000 customers who live as a model says: each parameter to 15 %.

    Twice the gain in ln L over the truth is chi-squared with four degrees of freedom: 18.5 is
    passed once in a thousand samples, and this is one fixed sample.
    """
    population = population_of(truth, 20_000, seed=11)

    fit = fit_buying(type(truth), population)

    assert fit.model.parameters() == pytest.approx(truth.parameters(), rel=0.15)
    assert 0.0 <= 2.0 * (fit.log_likelihood - truth.log_likelihood(population)) < 18.5


def test_planted_spends_are_found_again() -> None:
    """Of 20,000 customers: p, q and gamma to 8 %."""
    fit = fit_spend(spends_of(4.0, 3.0, 25.0, customers=20_000, seed=5))

    assert fit.model.parameters() == pytest.approx((4.0, 3.0, 25.0), rel=0.08)


@pytest.mark.parametrize("kind", KINDS)
def test_expected_purchases_of_a_planted_population_come_true(kind: type[AnyBuying]) -> None:
    """Purchases in weeks 30 to 60 of those who are as the model says: the sum to 3 %."""
    truth = kind(0.8, 5.0, 1.2, 30.0 if kind is ParetoNBD else 4.0)
    known, bought_later = known_and_future(truth, 40_000, seed=3, weeks=30.0)

    expected = float(truth.expected_purchases(known, 30.0).sum())

    assert expected == pytest.approx(bought_later, rel=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_population_too_small_is_refused(kind: type[AnyBuying]) -> None:
    """99 customers, or 29 with repeats: the message has both numbers and the remedy."""
    few = Histories.of([1] * 40, [2.0] * 40, [5.0] * 40, [1] * 39 + [60])
    with pytest.raises(FitError, match=f"{kind.NAME}: 99 customers, but a fit needs 100; the prev"):
        fit_buying(kind, few)

    silent = Histories.of([0] * 200 + [2] * 29, [0] * 200 + [3] * 29, [9] * 229)
    with pytest.raises(FitError, match="29 customers with repeats, but a fit needs 30"):
        fit_buying(kind, silent)


def test_nobody_is_too_few() -> None:
    """An empty table is refused, not divided by."""
    with pytest.raises(FitError, match="0 customers"):
        fit_buying(BetaGeometric, Histories.of([], [], []))
    with pytest.raises(FitError, match="0 customers who paid"):
        fit_spend(Spends.of([], []))


def test_spenders_too_few_are_refused() -> None:
    """29 customers are noise."""
    with pytest.raises(FitError, match="gamma_gamma: 29 customers who paid, but a fit needs 30"):
        fit_spend(Spends.of([1] * 29, [5.0] * 29))


def test_spends_of_nothing_are_refused() -> None:
    """The model gives them no density."""
    with pytest.raises(FitError, match="leave out customers who paid nothing"):
        fit_spend(Spends.of([1] * 50, [5.0] * 49 + [0.0]))


@pytest.mark.parametrize("kind", KINDS)
def test_parameter_on_its_bound_is_refused_by_name(kind: type[AnyBuying]) -> None:
    """Who all bought equally often, to the end, are no mixture: the scales run away."""
    alike = Histories.of([5] * 500, [30.0] * 500, [30.0] * 500)

    with pytest.raises(FitError, match=rf"{kind.NAME}: \w+ landed on its bound 10000: .*prev"):
        fit_buying(kind, alike)


def test_spend_parameter_on_its_bound_is_refused_by_name() -> None:
    """Who all paid the same have no spread to fit."""
    with pytest.raises(FitError, match=r"gamma_gamma: \w landed on its bound"):
        fit_spend(Spends.of([3] * 100, [20.0] * 100))


def test_search_that_does_not_converge_is_refused() -> None:
    """A likelihood that still rises where the search ended has no maximum there."""
    with pytest.raises(
        FitError, match=r"bg_nbd: the search did not converge: .* changes with a by"
    ):
        fit_buying(Sawtooth, exact_histories())


def test_fit_less_likely_than_what_is_in_use_is_refused() -> None:
    """The message has both likelihoods."""
    with pytest.raises(FitError, match=r"bg_nbd: .* is -9582.429, of the previous ones 0.000"):
        fit_buying(BetaGeometric, exact_histories(), previous=Boasting(1.0, 1.0, 1.0, 1.0))
    with pytest.raises(FitError, match=r"gamma_gamma: .* is -4055.918, of the previous ones"):
        fit_spend(_repeat_spends(), previous=BoastingSpend(1.0, 1.0, 1.0))


def test_fit_as_likely_as_what_is_in_use_is_accepted() -> None:
    """The same population again: the same parameters, whatever was in use."""
    first = fit_buying(BetaGeometric, exact_histories())
    spend = fit_spend(_repeat_spends())

    assert fit_buying(BetaGeometric, exact_histories(), previous=first.model) == first
    worse = BetaGeometric(1.0, 1.0, 1.0, 1.0)
    assert fit_buying(BetaGeometric, exact_histories(), previous=worse) == first
    assert fit_spend(_repeat_spends(), previous=spend.model) == spend


def test_refusal_ends_a_program_with_its_own_exit_code() -> None:
    """So that an operator's job can tell it from a failure."""
    assert FitError.exit_code == 7
