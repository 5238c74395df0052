"""Rankings without a model, and what may be learnt before the horizon."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.decay import damping, weight
from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence.cohort import Window, split
from ckm_stream.evidence.purchases import Purchases, read_purchases
from ckm_stream.evidence.rankings import (
    HALF_LIVES_WEEKS,
    decayed_sum,
    earlier_window,
    frequency,
    rfm,
    total_spend,
)
from tests.support.shops import OPENED, SAMPLE, SAMPLE_WINDOW, made_up_shop, shop_of

DAY_S = 86_400
WINDOW = Window(OPENED + 363, 364)

seeds = st.integers(0, 2**32)


@given(seeds, st.sampled_from(HALF_LIVES_WEEKS))
def test_the_decayed_sum_is_the_services(seed: int, weeks: int) -> None:
    """The exact integers of the service, added in minor units and read on the last day."""
    cohort = split(made_up_shop(seed, customers=120), WINDOW)
    half_life_s = weeks * 7 * DAY_S
    sums = [0] * cohort.size
    landmark = cohort.window.last_day - OPENED
    lines = (cohort.customer.tolist(), cohort.age_days.tolist(), cohort.amount.tolist())
    for customer, age_days, amount in zip(*lines, strict=True):
        at_s = (landmark - age_days) * DAY_S
        sums[customer] += round(amount * 100) * weight(at_s, half_life_s)

    read = [total * damping(landmark * DAY_S, half_life_s) / 100 for total in sums]

    assert decayed_sum(cohort, weeks) == pytest.approx(np.array(read), rel=1e-12)


def test_more_refunds_than_purchases_are_worth_nothing() -> None:
    """A sum is never below 0, as in the service."""
    crowd = [(number, OPENED, 5.0) for number in range(60)]
    shop = shop_of([*crowd, (0, OPENED + 3, -9.0), (1, OPENED + 9, 1.0)])

    sums = decayed_sum(split(shop, Window(OPENED + 4, 5)), 4)

    assert sums[0] == 0.0
    assert sums[1] == pytest.approx(5.0 * 2 ** (-4 / 28))


def test_rfm_adds_fifths_with_equal_weights() -> None:
    """Of 60 customers, the best in everything has 15, the worst 3; alike ones have the same."""
    rows = [
        (number, OPENED + 5 * time, float(number + 1))
        for number in range(60)
        for time in range(1 + number // 2)
    ]
    cohort = split(
        shop_of([*rows, (60, OPENED + 200, 1.0), (59, OPENED + 199, 1.0)]), Window(OPENED + 190, 10)
    )

    scores = rfm(cohort)

    assert (scores[0], scores[59]) == (3.0, 15.0)
    assert (np.diff(scores) >= 0).all()
    assert scores[30] == 9.0


def test_in_rfm_customers_alike_share_the_fifth_of_their_mean_rank() -> None:
    """Sixty one-time buyers of one day and one amount are all average: 3 + 3 + 3."""
    rows = [(number, OPENED, 2.0) for number in range(60)]
    cohort = split(shop_of([*rows, (0, OPENED + 9, 1.0)]), Window(OPENED + 5, 4))

    assert rfm(cohort).tolist() == [9.0] * 60


def test_frequency_and_total_spend_are_those_of_calibration() -> None:
    """Days of purchase, and money."""
    rows = [(number, OPENED, 2.0) for number in range(60)]
    more = [(0, OPENED + 1, 3.0), (0, OPENED + 1, 3.0), (0, OPENED + 9, 50.0)]
    cohort = split(shop_of([*rows, *more]), Window(OPENED + 5, 4))

    assert frequency(cohort)[:2].tolist() == [2.0, 1.0]
    assert total_spend(cohort)[:2].tolist() == [8.0, 2.0]


def test_the_half_life_of_the_sample_is_thirteen_weeks() -> None:
    """Chosen on 2 July to 30 September 1997; the papers' horizon begins a day later."""
    purchases = read_purchases(SAMPLE)

    earlier = earlier_window(purchases, split(purchases, SAMPLE_WINDOW))

    assert earlier.half_life_weeks == 13
    assert earlier.cohort.window.end == SAMPLE_WINDOW.last_day
    assert earlier.cohort.window.horizon_days == 91


@given(seeds)
def test_nothing_of_the_horizon_is_learnt(seed: int) -> None:
    """With all later amounts and buyers exchanged, half-life, shares and ratio are the same."""
    shop = made_up_shop(seed)
    later = shop.day > WINDOW.last_day
    chance = np.random.default_rng(seed)
    amount, customer = shop.amount.copy(), shop.customer.copy()
    amount[later] = chance.permutation(amount[later]) * 7
    customer[later] = chance.permutation(customer[later])
    other = Purchases(shop.name, shop.customers, customer, shop.day, amount)

    one, same = (earlier_window(each, split(each, WINDOW)) for each in (shop, other))

    assert one.shares == same.shares
    assert one.half_life_weeks == same.half_life_weeks
    assert one.cohort.later_spend.tolist() == same.cohort.later_spend.tolist()


@given(seeds)
def test_the_half_life_with_the_highest_share_is_chosen(seed: int) -> None:
    """The longest one, if several have it."""
    shop = made_up_shop(seed)

    earlier = earlier_window(shop, split(shop, WINDOW))

    best = [
        weeks
        for weeks, share in zip(HALF_LIVES_WEEKS, earlier.shares, strict=True)
        if share == max(earlier.shares)
    ]
    assert earlier.half_life_weeks == max(best)


def test_a_forecast_spends_as_much_per_point_as_the_earlier_window_did() -> None:
    """The ratio is that of sums, stretched from 121 days to 364."""
    shop = made_up_shop(1)
    cohort = split(shop, WINDOW)
    earlier = earlier_window(shop, cohort)
    before = total_spend(earlier.cohort)

    forecast = earlier.forecast(cohort, before, total_spend(cohort))

    ratio = earlier.cohort.later_spend.sum() / before.sum() * 364 / 121
    assert earlier.cohort.window.horizon_days == 121
    assert forecast == pytest.approx(total_spend(cohort) * ratio)


def test_scores_of_nothing_forecast_nothing() -> None:
    """A shop of gifts has no ratio, and its forecast is 0, not an error."""
    shop = made_up_shop(1)
    cohort = split(shop, WINDOW)
    earlier = earlier_window(shop, cohort)

    forecast = earlier.forecast(cohort, np.zeros(earlier.cohort.size), np.zeros(cohort.size))

    assert not forecast.any()


def test_a_calibration_too_short_to_be_split_is_refused() -> None:
    """On its first day everybody may be new."""
    rows = [(number, OPENED + number % 3, 2.0) for number in range(60)]
    shop = shop_of([*rows, (0, OPENED + 9, 1.0)])
    cohort = split(shop, Window(OPENED + 2, 7))

    with pytest.raises(ConfigurationError, match="too short to choose a half-life on its last th"):
        earlier_window(shop, cohort)
