"""
A cohort at the end of its calibration: what was known of each customer then, and what came after.

A transaction is a day with a purchase: what a customer buys on one day counts once. Weeks are days
divided by 7. Refunds, which are amounts below 0, lower what was spent, on their own day and never
below 0 in sum, and count as no transaction; this is how the service's value indicator takes them.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence.arrays import Flags, Indices, Numbers
from ckm_stream.evidence.purchases import Purchases

DAYS_A_WEEK: Final = 7
#: Below, a tenth of the customers is so few that nothing can be said of it.
LEAST_CUSTOMERS: Final = 50


@dataclass(frozen=True, slots=True)
class Window:
    """
    Calibration up to and including a day, and the horizon after it.

    Attributes:
        last_day: Ordinal of calibration's last day.
        horizon_days: Length of the horizon, which starts on the next day; >= 1.
    """

    last_day: int
    horizon_days: int

    @property
    def horizon_weeks(self) -> float:
        """The horizon in weeks."""
        return self.horizon_days / DAYS_A_WEEK

    @property
    def end(self) -> int:
        """Ordinal of the horizon's last day."""
        return self.last_day + self.horizon_days


@dataclass(frozen=True, slots=True)
class Cohort:
    """
    The customers whose first purchase lies in calibration, n of them.

    Attributes:
        window: Where calibration ends and the horizon begins.
        first_day: Ordinal of the first day in calibration with a purchase of anybody.
        born_day: Ordinal of each customer's first purchase; int64[n].
        transactions: Days with a purchase in calibration, >= 1; int64[n].
        recency_weeks: From the first to the last of them, >= 0; float64[n].
        age_weeks: From the first of them to calibration's last day; float64[n].
        spend: Spent in calibration, refunds taken off, >= 0; float64[n].
        repeat_spend: The same without the day of the first purchase, >= 0; float64[n].
        customer: Customer of each line of calibration, 0 to n - 1; int64[lines].
        age_days: Days from each line's day to calibration's last day; int64[lines].
        amount: Money of each line; float64[lines].
        later_spend: Spent in the horizon, refunds taken off, >= 0; float64[n].
        later_transactions: Days with a purchase in the horizon, >= 0; int64[n].
        later_by_day: Transactions of all on each day of the horizon; int64[horizon days].
    """

    window: Window
    first_day: int
    born_day: Indices
    transactions: Indices
    recency_weeks: Numbers
    age_weeks: Numbers
    spend: Numbers
    repeat_spend: Numbers
    customer: Indices
    age_days: Indices
    amount: Numbers
    later_spend: Numbers
    later_transactions: Indices
    later_by_day: Indices

    @property
    def size(self) -> int:
        """How many customers there are."""
        return len(self.transactions)

    @property
    def repeats(self) -> Indices:
        """Transactions after the first; int64[n], >= 0."""
        return self.transactions - 1


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines of a part of time: customer, 0 to n - 1, day and money of each."""

    customer: Indices
    day: Indices
    amount: Numbers

    def transactions(self) -> tuple[Indices, Indices]:
        """Return each pair of customer and day with a purchase once, by customer, then by day."""
        bought = self.amount >= 0
        order = np.lexsort((self.day[bought], self.customer[bought]))
        customer, day = self.customer[bought][order], self.day[bought][order]
        new = np.ones(len(customer), dtype=bool)
        new[1:] = (np.diff(customer) != 0) | (np.diff(day) != 0)
        return customer[new], day[new]

    def net_spend(self, customers: int) -> Numbers:
        """Return what each customer spent, refunds taken off, >= 0."""
        return np.maximum(np.bincount(self.customer, self.amount, customers), 0.0)

    def where(self, chosen: Flags) -> "_Lines":
        return _Lines(self.customer[chosen], self.day[chosen], self.amount[chosen])


def split(purchases: Purchases, window: Window) -> Cohort:
    """
    Split purchases into what was known at the end of calibration and what came after.

    Raises:
        ConfigurationError: If the data do not reach to the horizon's end, calibration has fewer
            than 50 customers, or the horizon has no spend.
    """
    _require_covered(purchases, window)
    born = np.full(purchases.customers, np.iinfo(np.int64).max)
    bought = purchases.amount >= 0
    np.minimum.at(born, purchases.customer[bought], purchases.day[bought])
    members = np.flatnonzero(born <= window.last_day)
    _require_enough(purchases, window, len(members))
    number = np.full(purchases.customers, -1)
    number[members] = np.arange(len(members))
    lines = _Lines(number[purchases.customer], purchases.day, purchases.amount)
    ours = lines.where((lines.customer >= 0) & (lines.day <= window.end))
    after = ours.day > window.last_day
    cohort = _assemble(window, born[members], ours.where(~after), ours.where(after))
    _require_later_spend(purchases, cohort)
    return cohort


def _assemble(window: Window, born: Indices, known: _Lines, later: _Lines) -> Cohort:
    n = len(born)
    buyer, day = known.transactions()
    last = np.zeros(n, dtype=np.int64)
    np.maximum.at(last, buyer, day)
    later_buyer, later_day = later.transactions()
    return Cohort(
        window=window,
        first_day=int(born.min()),
        born_day=born,
        transactions=np.bincount(buyer, minlength=n),
        recency_weeks=(last - born) / DAYS_A_WEEK,
        age_weeks=(window.last_day - born) / DAYS_A_WEEK,
        spend=known.net_spend(n),
        repeat_spend=known.where(known.day > born[known.customer]).net_spend(n),
        customer=known.customer,
        age_days=window.last_day - known.day,
        amount=known.amount,
        later_spend=later.net_spend(n),
        later_transactions=np.bincount(later_buyer, minlength=n),
        later_by_day=np.bincount(later_day - window.last_day - 1, minlength=window.horizon_days),
    )


def _require_covered(purchases: Purchases, window: Window) -> None:
    first, last = int(purchases.day.min()), int(purchases.day.max())
    if window.last_day < first:
        raise ConfigurationError(
            f"{purchases.name} begins on {date.fromordinal(first)}, after the calibration's end on "
            f"{date.fromordinal(window.last_day)}; give a later --calibration-end"
        )
    if window.end > last:
        whole = (last - window.last_day) // DAYS_A_WEEK
        remedy = f"--horizon-weeks {whole} or " if whole > 0 else ""
        raise ConfigurationError(
            f"{purchases.name} ends on {date.fromordinal(last)}, but the horizon of "
            f"{window.horizon_weeks:g} weeks after {date.fromordinal(window.last_day)} ends on "
            f"{date.fromordinal(window.end)}; give {remedy}an earlier --calibration-end"
        )


def _require_enough(purchases: Purchases, window: Window, customers: int) -> None:
    if customers < LEAST_CUSTOMERS:
        raise ConfigurationError(
            f"{purchases.name} has {customers} customers who bought up to "
            f"{date.fromordinal(window.last_day)}; {LEAST_CUSTOMERS} are needed to rank them: "
            "give more data or a later --calibration-end"
        )


def _require_later_spend(purchases: Purchases, cohort: Cohort) -> None:
    if not cohort.later_spend.any():
        window = cohort.window
        raise ConfigurationError(
            f"{purchases.name} has no spend of these {cohort.size} customers from "
            f"{date.fromordinal(window.last_day + 1)} to {date.fromordinal(window.end)}; "
            "give a longer --horizon-weeks or an earlier --calibration-end"
        )
