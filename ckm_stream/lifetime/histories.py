"""
What the lifetime models know of customers: how often, how recently and how long, and what they pay.

A row is one customer or a group of customers alike; ``customers`` says how many. Everything is in
weeks. ``histories_of_weeks`` makes rows from the grouped weekly table that a fit is given.
"""

from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ckm_stream.errors import FitError

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]

#: The domain over which every model answers with a number; beyond, data are not a customer's.
MOST_REPEATS: Final = 1_000_000
MOST_WEEKS: Final = 10_000.0
MOST_MONEY: Final = 1e15

_DAYS: Final = 7


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """
    Purchase histories as arrays of equal length, a row per customer or group of customers.

    A customer of whom *x* > 0 and *t_x* = 0 is taken as is: coarse clocks make such rows.

    Attributes:
        repeats: x, days with a purchase after the first such day; whole, 0..``MOST_REPEATS``.
        recency_weeks: t_x, from the first to the last purchase; 0 where x is 0.
        age_weeks: T, from the first purchase to the end of observation; t_x..``MOST_WEEKS``.
        customers: How many customers the row stands for, > 0.

    Raises:
        FitError: If a column is not an array of floats of one dimension and the others' length,
            or a value lies outside its range.
    """

    repeats: FloatArray
    recency_weeks: FloatArray
    age_weeks: FloatArray
    customers: FloatArray

    def __post_init__(self) -> None:
        x, t_x, age = self.repeats, self.recency_weeks, self.age_weeks
        _refuse_uneven("histories", self.columns())
        counts = (x >= 0) & (x <= MOST_REPEATS) & (x == np.floor(x))
        _refuse("repeats", counts, f"whole numbers from 0 to {MOST_REPEATS}")
        _refuse("age_weeks", (age >= 0) & (age <= MOST_WEEKS), f"from 0 to {MOST_WEEKS:g}")
        _refuse("recency_weeks", (t_x >= 0) & (t_x <= age), "from 0 to the same row's age_weeks")
        _refuse("recency_weeks", (x > 0) | (t_x == 0), "0 where repeats is 0")
        _refuse("customers", _positive(self.customers), "finite and above 0")

    @classmethod
    def of(
        cls,
        repeats: ArrayLike,
        recency_weeks: ArrayLike,
        age_weeks: ArrayLike,
        customers: ArrayLike | None = None,
    ) -> Self:
        """Return the histories in anything that numpy makes arrays of; one customer a row."""
        x = _floats(repeats)
        each = np.ones_like(x) if customers is None else _floats(customers)
        return cls(x, _floats(recency_weeks), _floats(age_weeks), each)

    def __len__(self) -> int:
        return len(self.repeats)

    def columns(self) -> dict[str, FloatArray]:
        """Return the arrays by their names."""
        return {
            "repeats": self.repeats,
            "recency_weeks": self.recency_weeks,
            "age_weeks": self.age_weeks,
            "customers": self.customers,
        }

    def grouped(self) -> "Histories":
        """Return the same customers with equal rows made one, sorted by (x, t_x, T)."""
        if not len(self):
            return self
        order = np.lexsort((self.age_weeks, self.recency_weeks, self.repeats))
        columns = [column[order] for column in self.columns().values()]
        new = np.ones(len(self), dtype=bool)
        new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns[:3]])
        starts = np.flatnonzero(new)
        x, recency, age = (column[starts] for column in columns[:3])
        return Histories(x, recency, age, np.add.reduceat(columns[3], starts))

    def distinct_repeats(self) -> tuple[FloatArray, IndexArray]:
        """
        Return the distinct x, rising, and for each row the place of its x among them.

        What depends on x alone is computed once per value: 27 of them stand for all of CDNOW.
        """
        x = self.repeats.astype(np.intp)
        most = int(x.max(initial=0))
        if most > 8 * len(x):
            values, index = np.unique(x, return_inverse=True)
            return values.astype(np.float64), index
        # A table of all values up to the highest costs an eighth of sorting the rows.
        present = np.zeros(most + 1, dtype=np.intp)
        present[x] = 1
        places = np.cumsum(present) - 1
        return np.flatnonzero(present).astype(np.float64), places[x]


@dataclass(frozen=True, slots=True, eq=False)
class Spends:
    """
    Mean spends as arrays of equal length, in one currency and unit of money.

    Attributes:
        transactions: Number of spends that the mean is of, 1..``MOST_REPEATS`` + 1.
        mean: Their mean, 0..``MOST_MONEY``. A fit needs means above 0; 0 can still be priced.
        customers: How many customers the row stands for, > 0.

    Raises:
        FitError: If a column is not an array of floats of one dimension and the others' length,
            or a value lies outside its range.
    """

    transactions: FloatArray
    mean: FloatArray
    customers: FloatArray = field(repr=False)

    def __post_init__(self) -> None:
        n, mean = self.transactions, self.mean
        columns = {"transactions": n, "mean": mean, "customers": self.customers}
        _refuse_uneven("spends", columns)
        most = MOST_REPEATS + 1
        _refuse("transactions", (n >= 1) & (n <= most), f"from 1 to {most}")
        _refuse("mean", (mean >= 0) & (mean <= MOST_MONEY), f"from 0 to {MOST_MONEY:g}")
        _refuse("customers", _positive(self.customers), "finite and above 0")

    @classmethod
    def of(
        cls, transactions: ArrayLike, mean: ArrayLike, customers: ArrayLike | None = None
    ) -> Self:
        """Return the spends in anything that numpy makes arrays of; one customer a row."""
        n = _floats(transactions)
        each = np.ones_like(n) if customers is None else _floats(customers)
        return cls(n, _floats(mean), each)

    def __len__(self) -> int:
        return len(self.transactions)


def histories_of_weeks(
    first_weeks: ArrayLike,
    repeats: ArrayLike,
    last_weeks: ArrayLike,
    customers: ArrayLike,
    *,
    end_day: int,
) -> Histories:
    """
    Return the histories behind the cells of a table n[week of first purchase, x, week of last].

    Days are counted from any one day 0; week w has the days 7w to 7w + 6. A purchase is put in
    the middle of its week's observed days, so T = (end day - middle of the first week)/7 and t_x
    is the distance of the two middles. Where both weeks are one, t_x is what x + 1 distinct days
    of a week of n days span on average, x/(x + 2)·(n + 1), but at most T and n - 1 days: nothing
    would let every repeat buyer of that week seem to have left at once.

    Args:
        first_weeks: Week of the first purchase, whole, >= 0.
        repeats: x, purchase days after the first.
        last_weeks: Week of the last purchase, >= that of the first.
        customers: Customers in the cell, > 0.
        end_day: The last day of observation; in or after each cell's last week.

    Raises:
        FitError: If a week is negative, broken or after *end_day*, or the last before the first.
    """
    first, last, x = _floats(first_weeks), _floats(last_weeks), _floats(repeats)
    counts = _floats(customers)
    columns = {"first_weeks": first, "repeats": x, "last_weeks": last, "customers": counts}
    _refuse_uneven("weekly cells", columns)
    _refuse("first_weeks", (first >= 0) & (first == np.floor(first)), "whole weeks from 0")
    inside = (last >= first) & (last == np.floor(last)) & (_DAYS * last <= end_day)
    _refuse("last_weeks", inside, "whole weeks from the first one's to the end of observation")
    days_seen = np.minimum(_DAYS, end_day - _DAYS * first + 1)
    middle_of_first = _DAYS * first + (days_seen - 1) / 2
    middle_of_last = _DAYS * last + (np.minimum(_DAYS, end_day - _DAYS * last + 1) - 1) / 2
    age = (end_day - middle_of_first) / _DAYS
    spanned = np.minimum(x / (x + 2) * (days_seen + 1), days_seen - 1)
    recency_days = np.where(last > first, middle_of_last - middle_of_first, spanned)
    recency = np.minimum(np.where(x > 0, recency_days / _DAYS, 0.0), age)
    return Histories(x, recency, age, counts)


def weighted_total(weights: FloatArray, values: FloatArray) -> float:
    """
    Return Σ weight·value, added in pairs.

    Not by a matrix product: for a few thousand rows that wakes a thread per core, whose waiting
    for one another made a likelihood cost ten times as much on a busy machine (measured).
    """
    return float(np.sum(weights * values))


def _floats(values: ArrayLike) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def _positive(values: FloatArray) -> NDArray[np.bool_]:
    return (values > 0) & (values < np.inf)


def _refuse_uneven(what: str, columns: dict[str, FloatArray]) -> None:
    shapes = {name: column.shape for name, column in columns.items()}
    floats = all(column.dtype == np.float64 for column in columns.values())
    if floats and len(set(shapes.values())) == 1 and len(next(iter(shapes.values()))) == 1:
        return
    raise FitError(f"{what}: columns have shapes {shapes}; give 1-D float arrays of equal length")


def _refuse(column: str, good: NDArray[np.bool_], expected: str) -> None:
    # NaN compares as False with everything, so it fails each range.
    if good.all():
        return
    bad = np.flatnonzero(~good)
    raise FitError(
        f"{column}: {len(bad)} of {len(good)} rows are not {expected}, the first is row {bad[0]};"
        " correct the table that they come from"
    )
