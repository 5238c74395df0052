"""Who is in a cohort, what was known of them, and what they did later."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence.cohort import LEAST_CUSTOMERS, Cohort, Window, split
from ckm_stream.evidence.purchases import Purchases, read_purchases
from tests.support.shops import OPENED, SAMPLE, SAMPLE_WINDOW, made_up_shop, shop_of

Rows = list[tuple[int, int, float]]

#: Enough others for a cohort, who each buy once for 1.00 in calibration and once in the horizon.
CROWD: Rows = [
    (10 + number, day, 1.0) for number in range(LEAST_CUSTOMERS) for day in (OPENED, OPENED + 20)
]
WINDOW = Window(OPENED + 13, 14)


def cohort_of(rows: Rows) -> Cohort:
    """Split purchases of customers 0 to 9 on days from 0, with the crowd and a last day."""
    own = [(customer, OPENED + day, amount) for customer, day, amount in rows]
    return split(shop_of([*own, *CROWD, (999, WINDOW.end, 1.0)]), WINDOW)


def test_a_customer_by_hand() -> None:
    """Days 0, 7 (twice) and 12 known, 14, 20 (twice) and 27 later; the horizon ends on day 27."""
    days = [(0, 10.0), (7, 5.0), (7, 3.0), (12, 2.0), (14, 4.0), (20, 1.0), (20, 2.5), (27, 8.0)]

    cohort = cohort_of([(0, day, amount) for day, amount in days])

    assert (cohort.transactions[0], cohort.repeats[0]) == (3, 2)
    assert cohort.recency_weeks[0] == pytest.approx(12 / 7)
    assert cohort.age_weeks[0] == pytest.approx(13 / 7)
    assert (cohort.spend[0], cohort.repeat_spend[0]) == (20.0, 10.0)
    assert (cohort.later_transactions[0], cohort.later_spend[0]) == (3, 15.5)
    assert sorted(cohort.age_days[cohort.customer == 0]) == [1, 6, 6, 13]


def test_what_lies_after_the_horizon_is_not_looked_at() -> None:
    """A purchase a day too late changes nothing."""
    with_it, without = (
        cohort_of([(0, 0, 5.0), (0, 27, 5.0), *more]) for more in ([(0, 28, 99.0)], [])
    )

    assert (with_it.later_spend == without.later_spend).all()
    assert (with_it.later_transactions == without.later_transactions).all()


def test_who_comes_after_calibration_is_not_in_the_cohort() -> None:
    """The first purchase decides, on the last day of calibration or a day later."""
    cohort = cohort_of([(0, 13, 1.0), (1, 14, 1.0)])

    assert cohort.size == LEAST_CUSTOMERS + 1
    assert (cohort.age_weeks[0], cohort.recency_weeks[0]) == (0.0, 0.0)


def test_a_refund_is_no_purchase_and_lowers_what_was_spent() -> None:
    """On its own day; and nobody has spent less than nothing."""
    cohort = cohort_of(
        [
            (0, 0, 10.0),
            (0, 3, -4.0),
            (0, 20, 5.0),
            (0, 21, -9.0),
            (1, 0, 10.0),
            (1, 5, 2.0),
            (1, 5, -30.0),
            (2, 0, -1.0),
            (3, 12, -1.0),
            (3, 13, 1.0),
        ]
    )

    assert cohort.transactions[:3].tolist() == [1, 2, 1]  # customer 2 has never bought
    assert cohort.spend[:3].tolist() == [6.0, 0.0, 0.0]
    assert cohort.repeat_spend[:3].tolist() == [0.0, 0.0, 0.0]
    assert (cohort.later_spend[0], cohort.later_transactions[0]) == (0.0, 1)
    assert cohort.age_weeks[2] == 0.0  # customer 3 is known from the first purchase on


def test_a_gift_is_a_purchase() -> None:
    """An amount of 0 counts as a transaction; CDNOW's sample has 8 of them."""
    cohort = cohort_of([(0, 0, 0.0), (0, 7, 0.0)])

    assert (cohort.transactions[0], cohort.spend[0]) == (2, 0.0)


@given(st.integers(0, 2**32))
def test_a_cohort_is_what_its_definitions_say(seed: int) -> None:
    """Customer by customer, in plain Python, with refunds among the purchases."""
    shop = made_up_shop(seed, customers=120, weeks=20)
    amount = np.where(np.arange(len(shop.day)) % 7 == 3, -shop.amount, shop.amount)
    shop = Purchases(shop.name, shop.customers, shop.customer, shop.day, amount)
    window = Window(OPENED + 60, 70)

    cohort = split(shop, window)

    every = (facts(shop, customer, window) for customer in range(120))
    expected = [known for known in every if known is not None]
    found = zip(
        cohort.born_day.tolist(),
        cohort.transactions.tolist(),
        cohort.recency_weeks.tolist(),
        cohort.age_weeks.tolist(),
        np.round(cohort.spend, 6).tolist(),
        np.round(cohort.repeat_spend, 6).tolist(),
        cohort.later_transactions.tolist(),
        np.round(cohort.later_spend, 6).tolist(),
        strict=True,
    )
    assert list(found) == expected
    assert cohort.later_by_day.sum() == cohort.later_transactions.sum()


def facts(shop: Purchases, customer: int, window: Window) -> tuple[float, ...] | None:
    """Return what the definitions say of a customer; None if not in the cohort."""
    lines = [
        (day, amount)
        for whose, day, amount in zip(
            shop.customer.tolist(), shop.day.tolist(), shop.amount.tolist(), strict=True
        )
        if whose == customer
    ]
    known = sorted({day for day, amount in lines if amount >= 0 and day <= window.last_day})
    if not known:
        return None
    inside = range(window.last_day + 1, window.last_day + window.horizon_days + 1)

    def net(days: object) -> float:
        return round(max(0.0, sum(amount for day, amount in lines if day in days)), 6)  # type: ignore[operator]  # ranges

    return (
        known[0],
        len(known),
        (known[-1] - known[0]) / 7,
        (window.last_day - known[0]) / 7,
        net(range(window.last_day + 1)),
        net(range(known[0] + 1, window.last_day + 1)),
        len({day for day, amount in lines if amount >= 0 and day in inside}),
        net(inside),
    )


def test_the_sample_has_the_figures_of_the_papers() -> None:
    """2,357 customers, 946 of whom bought again in 39 weeks; 1,882 days of purchase later."""
    cohort = split(read_purchases(SAMPLE), SAMPLE_WINDOW)

    assert (cohort.size, int((cohort.repeats > 0).sum())) == (2357, 946)
    assert cohort.later_transactions.sum() == 1882
    assert cohort.later_by_day.sum() == 1882
    assert cohort.age_weeks.max() == pytest.approx(38.857, abs=5e-4)
    assert cohort.later_spend.sum() == pytest.approx(70_976.39)


@pytest.mark.parametrize(
    ("end", "weeks", "message"),
    [
        (date(1997, 9, 30), 40, "ends on 1998-06-30, but the horizon of 40 weeks after 1997-09-30"),
        (date(1997, 9, 30), 40, "ends on 1998-07-07; give --horizon-weeks 39 or an earlier --cal"),
        (date(1998, 6, 30), 1, "ends on 1998-07-07; give an earlier --calibration-end"),
        (date(1996, 12, 31), 1, "begins on 1997-01-01, after the calibration's end on 1996-12-31"),
        (date(1997, 1, 1), 39, "customers who bought up to 1997-01-01; 50 are needed to rank them"),
    ],
)
def test_a_window_that_the_data_do_not_cover_is_refused(
    end: date, weeks: int, message: str
) -> None:
    """Weeks without data would look like weeks without purchases."""
    with pytest.raises(ConfigurationError) as refused:
        split(read_purchases(SAMPLE), Window(end.toordinal(), weeks * 7))

    assert message in str(refused.value)


def test_a_horizon_in_which_nobody_spends_is_refused() -> None:
    """There is nothing to be foreseen."""
    rows = [(number, OPENED, 1.0) for number in range(LEAST_CUSTOMERS)]

    with pytest.raises(ConfigurationError, match="has no spend of these 50 customers from 2020-"):
        split(shop_of([*rows, (0, OPENED + 5, 0.0), (99, OPENED + 9, 1.0)]), Window(OPENED, 7))
