"""Prices: what a customer is expected to bring, today."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.errors import ConfigurationError, FitError
from ckm_stream.lifetime.fitting import AnyBuying
from ckm_stream.lifetime.gamma_gamma import GammaGamma
from ckm_stream.lifetime.histories import Histories, Spends
from ckm_stream.lifetime.pricing import PERIOD_WEEKS, discounting, lifetime_value
from tests.support.lifetimes import one
from tests.unit.lifetime.test_gamma_gamma import counts, means, models
from tests.unit.lifetime.test_models import BG, MBG, PARETO, any_model, history, usual_model

SPEND = GammaGamma(6.2496, 3.7442, 15.4435)
TERMS: dict[str, Any] = {"margin": 0.3, "annual_discount": 0.1, "horizon_weeks": 52}

customers = history(most=300, longest=520.0)


def _price(buying: AnyBuying, customer: Histories, **terms: float) -> float:
    spends = Spends.of(customer.repeats + 1, np.full(len(customer), 30.0))
    return float(
        lifetime_value(customer, spends, buying=buying, spend=SPEND, **{**TERMS, **terms})[0]
    )


@pytest.mark.parametrize("buying", [BG, MBG, PARETO])
def test_price_is_the_discounted_sum_over_periods(buying: AnyBuying) -> None:
    """Σ_t margin·(E[Y(e_t)] - E[Y(e_t-1)])·E[M]·(1 + d)^-e_t, term by term."""
    customer, spends = one(2, 30.43, 38.86), Spends.of([3], [22.35])
    expected = 0.0
    bought = 0.0
    for end in (4, 8, 12, 16, 18):
        until = float(buying.expected_purchases(customer, end)[0])
        spent = float(SPEND.expected_spend(spends.transactions, spends.mean)[0])
        expected += 0.3 * (until - bought) * spent * 1.1 ** (-end * 7 / 365.25)
        bought = until

    (found,) = lifetime_value(
        customer, spends, buying=buying, spend=SPEND, margin=0.3, annual_discount=0.1,
        horizon_weeks=18,
    )  # fmt: skip

    assert found == pytest.approx(expected, rel=1e-9)


def test_a_later_payment_is_worth_less() -> None:
    """One purchase, expected wholly in an ever later period, at 10 % a year."""
    weights = discounting(0.1, 52)
    ends = weights.ends_weeks
    worth = weights.shares * weights.weeks / ends

    # What a purchase in period t is worth is the sum of the weights of all ends from e_t on.
    paid_in = np.cumsum(worth[::-1])[::-1]

    assert ends.tolist() == [float(end) for end in range(PERIOD_WEEKS, 53, PERIOD_WEEKS)]
    assert np.all(np.diff(paid_in) < 0.0)
    assert paid_in == pytest.approx(1.1 ** (-ends * 7 / 365.25))


@given(usual_model, customers, st.floats(0.0, 2.0), st.floats(0.0, 2.0))
def test_dearer_time_never_raises_a_price(
    buying: AnyBuying, customer: Histories, one_rate: float, other_rate: float
) -> None:
    """The higher the discount, the less the same payments are worth."""
    low, high = sorted((one_rate, other_rate))

    cheap = _price(buying, customer, annual_discount=low)
    dear = _price(buying, customer, annual_discount=high)

    assert dear <= cheap * (1 + 1e-9)


@given(usual_model, customers, st.integers(0, 260), st.integers(0, 260))
def test_looking_further_never_lowers_a_price(
    buying: AnyBuying, customer: Histories, one_end: int, other_end: int
) -> None:
    """Whatever the last period's length."""
    near, far = sorted((one_end, other_end))

    low = _price(buying, customer, horizon_weeks=near, annual_discount=0.0)
    high = _price(buying, customer, horizon_weeks=far, annual_discount=0.0)

    assert low <= high * (1 + 1e-7)


@given(usual_model, customers)
def test_without_discount_a_price_is_margin_times_purchases_times_spend(
    buying: AnyBuying, customer: Histories
) -> None:
    """And nothing for a margin or a horizon of nothing."""
    spend = SPEND.expected_spend(customer.repeats + 1, np.array([30.0]))[0]
    expected = 0.3 * buying.expected_purchases(customer, 50.0)[0] * spend

    found = _price(buying, customer, annual_discount=0.0, horizon_weeks=50)

    assert found == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert _price(buying, customer, margin=0.0) == 0.0
    assert _price(buying, customer, horizon_weeks=0) == 0.0


@given(any_model, models, history(), counts, means)
def test_no_price_is_ever_nan_or_below_zero(
    buying: AnyBuying, spend: GammaGamma, customer: Histories, n: int, mean: float
) -> None:
    """Over all parameters, those on their bounds included, all histories and all spends."""
    (price,) = lifetime_value(customer, Spends.of([n], [mean]), buying=buying, spend=spend, **TERMS)

    assert 0.0 <= price < float("inf")


@pytest.mark.parametrize("buying", [BG, MBG, PARETO])
def test_price_is_of_one_customer_however_many_a_row_stands_for(buying: AnyBuying) -> None:
    """A row for five is priced as a row for one."""
    single, five = one(2, 30.0, 38.0), Histories.of([2], [30.0], [38.0], [5])

    assert _price(buying, single) == _price(buying, five)


@pytest.mark.parametrize(
    ("term", "value"),
    [
        ("margin", -0.1),
        ("margin", 1.1),
        ("margin", float("nan")),
        ("annual_discount", -0.01),
        ("annual_discount", 10.5),
        ("annual_discount", float("nan")),
        ("horizon_weeks", -1),
        ("horizon_weeks", 10_001),
    ],
)
def test_term_outside_its_range_is_refused_by_name(term: str, value: float) -> None:
    """Margins are shares, ten per cent is 0.1, horizons are weeks."""
    with pytest.raises(ConfigurationError, match=term.split("_", maxsplit=1)[0]):
        _price(BG, one(1, 1.0, 2.0), **{term: value})


def test_spends_of_other_rows_are_refused() -> None:
    """One for each history."""
    with pytest.raises(FitError, match="2 rows of spends for 1 histories"):
        lifetime_value(
            one(1, 1.0, 2.0), Spends.of([1, 2], [5.0, 5.0]), buying=BG, spend=SPEND, **TERMS
        )
