"""The CDNOW sample as the lifetime models see it: 39 weeks until 1997-09-30 to learn from."""

from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from ckm_stream.domain.events import MICROS
from ckm_stream.lifetime.histories import FloatArray, Histories
from ckm_stream.publishing.cdnow import purchases

DAY_US: Final = 86_400 * MICROS


def day_number(date: datetime) -> int:
    """Return the days from 1997-01-01, a Wednesday and the first day of the data, to *date*."""
    return (date - datetime(1997, 1, 1, tzinfo=UTC)).days


#: The last day of the calibration; the holdout's is the data's.
END_DAY: Final = day_number(datetime(1997, 9, 30, tzinfo=UTC))


class Customer(NamedTuple):
    """Days with a purchase until ``END_DAY``, rising, and the cents spent on each."""

    days: list[int]
    cents: list[int]


@cache
def customers() -> list[Customer]:
    """Return the 2,357 customers; purchases of one day are one transaction."""
    landmark_us = int(datetime(1997, 1, 1, tzinfo=UTC).timestamp()) * MICROS
    spent: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for purchase in purchases():
        day = (purchase.occurred_at - landmark_us) // DAY_US
        if day <= END_DAY:
            spent[purchase.customer_id][day] += purchase.amount
    found = []
    for by_day in spent.values():
        days = sorted(by_day)
        found.append(Customer(days, [by_day[day] for day in days]))
    return found


def exact_histories() -> Histories:
    """Return a row for each customer, with T and t_x in days/7."""
    everyone = customers()
    return Histories.of(
        [len(each.days) - 1 for each in everyone],
        [(each.days[-1] - each.days[0]) / 7 for each in everyone],
        [(END_DAY - each.days[0]) / 7 for each in everyone],
    )


def weekly_cells() -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the table n[first week, x, last week]: first weeks, x, last weeks and counts."""
    cells = [[c.days[0] // 7, len(c.days) - 1, c.days[-1] // 7] for c in customers()]
    keys, counts = np.unique(np.array(cells, dtype=np.float64), axis=0, return_counts=True)
    return keys[:, 0], keys[:, 1], keys[:, 2], counts.astype(np.float64)
