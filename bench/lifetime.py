"""
What customer lifetime values cost: fits of the models, and prices in bulk and alone.

    python -m bench.lifetime [--copies 10] [--customers 1000000] [--rounds 5]

Fits are of ten copies of the CDNOW sample, each begun a day before the other so that they differ,
23,570 customers in all, from the exact days and from the grouped weekly table. Prices are of so
many distinct customers, each a row of its own with the x of a CDNOW customer, random dates and
random spends. All is CPU time, the median of the rounds; run it with OPENBLAS_NUM_THREADS=1, for
threads that wait for work count as working. Writes ``bench/results/lifetime.json``.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

import numpy as np

from bench.programs import report
from ckm_stream.domain.events import MICROS
from ckm_stream.lifetime.beta_geometric import BetaGeometric, ModifiedBetaGeometric
from ckm_stream.lifetime.fitting import AnyBuying, fit_buying, fit_spend
from ckm_stream.lifetime.gamma_gamma import GammaGamma
from ckm_stream.lifetime.histories import FloatArray, Histories, Spends, histories_of_weeks
from ckm_stream.lifetime.pareto import ParetoNBD
from ckm_stream.lifetime.pricing import lifetime_value
from ckm_stream.publishing.cdnow import purchases

_KINDS: Final[tuple[type[AnyBuying], ...]] = (BetaGeometric, ModifiedBetaGeometric, ParetoNBD)
_TERMS: Final[dict[str, Any]] = {"margin": 0.3, "annual_discount": 0.1, "horizon_weeks": 52}
_FIRST_DAY: Final = datetime(1997, 1, 1, tzinfo=UTC)
_END_DAY: Final = (datetime(1997, 9, 30, tzinfo=UTC) - _FIRST_DAY).days
_DAY_US: Final = 86_400 * MICROS
_ALONE: Final = 200
_SPEND: Final = GammaGamma(6.2496, 3.7442, 15.4435)

Priced = tuple[Histories, Spends]


def main() -> None:
    """Measure, print the figures, and write them to ``bench/results``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--copies", type=int, default=10, help="copies of the sample to fit")
    parser.add_argument("--customers", type=int, default=1_000_000, help="customers to price")
    parser.add_argument("--rounds", type=int, default=5, help="the median is reported")
    arguments = parser.parse_args()
    bought = _bought()
    exact, weekly = _exact(bought, arguments.copies), _weekly(bought, arguments.copies)
    priced = _population(exact, arguments.customers)
    figures: dict[str, Any] = {
        "fitted_customers": len(exact),
        "exact_rows": len(exact.grouped()),
        "weekly_rows": len(weekly),
        "priced_customers": len(priced[0]),
    }
    for kind in _KINDS:
        figures |= _of_model(kind, exact, weekly, priced, arguments.rounds)
    spends = _repeat_spends(bought, arguments.copies)
    figures["gamma_gamma.fit_s"] = round(_seconds(lambda: fit_spend(spends), arguments.rounds), 4)
    report("lifetime", figures)


def _of_model(
    kind: type[AnyBuying], exact: Histories, weekly: Histories, priced: Priced, rounds: int
) -> dict[str, float]:
    """Return the figures of one model of buying."""
    buying = fit_buying(kind, exact).model
    alone = [_row(*priced, row) for row in range(_ALONE)]

    def price(histories: Histories, spends: Spends) -> FloatArray:
        return lifetime_value(histories, spends, buying=buying, spend=_SPEND, **_TERMS)

    bulk_s = _seconds(lambda: price(*priced), rounds)
    expected_s = _seconds(lambda: buying.expected_purchases(priced[0], 39.0), rounds)
    alone_s = _seconds(lambda: [price(*each) for each in alone], rounds)
    return {
        f"{kind.NAME}.fit_exact_s": round(_seconds(lambda: fit_buying(kind, exact), rounds), 4),
        f"{kind.NAME}.fit_weekly_s": round(_seconds(lambda: fit_buying(kind, weekly), rounds), 4),
        f"{kind.NAME}.expected_per_s": round(len(priced[0]) / expected_s),
        f"{kind.NAME}.priced_per_s": round(len(priced[0]) / bulk_s),
        f"{kind.NAME}.priced_us": round(bulk_s / len(priced[0]) * 1e6, 3),
        f"{kind.NAME}.priced_alone_us": round(alone_s / _ALONE * 1e6),
    }


def _seconds(work: Callable[[], object], rounds: int) -> float:
    """Return the median CPU time of *work*."""
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return median(taken)


def _bought() -> list[dict[int, int]]:
    """Return for each customer of the sample the cents spent by day, until 1997-09-30."""
    first_us = int(_FIRST_DAY.timestamp()) * MICROS
    bought: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for purchase in purchases():
        day = (purchase.occurred_at - first_us) // _DAY_US
        if day <= _END_DAY:
            bought[purchase.customer_id][day] += purchase.amount
    return list(bought.values())


def _exact(bought: list[dict[int, int]], copies: int) -> Histories:
    """Return a row for each customer, with the days as they were."""
    first, last, repeats = _columns(bought, copies)
    return Histories.of(repeats, (last - first) / 7, (_END_DAY + copies - first) / 7)


def _weekly(bought: list[dict[int, int]], copies: int) -> Histories:
    """Return the table n[first week, x, last week], as an SQL aggregate would."""
    first, last, repeats = _columns(bought, copies)
    cells = np.stack([first // 7, repeats, last // 7])
    keys, counts = np.unique(cells, axis=1, return_counts=True)
    return histories_of_weeks(keys[0], keys[1], keys[2], counts, end_day=_END_DAY + copies)


def _columns(
    bought: list[dict[int, int]], copies: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return first day, last day and x of all copies, the first of them a day later than it was."""
    rows = np.array([(min(days), max(days), len(days) - 1) for days in bought], dtype=np.float64)
    later = np.array([1.0, 1.0, 0.0])
    shifted = [rows + later * (copies - copy) for copy in range(copies)]
    first, last, repeats = np.concatenate(shifted).T
    return first, last, repeats


def _repeat_spends(bought: list[dict[int, int]], copies: int) -> Spends:
    """Return the repeat spends of all repeat buyers."""
    repeats = [sorted(days.items())[1:] for days in bought if len(days) > 1]
    means = [sum(cents for _, cents in days) / len(days) / 100 for days in repeats]
    return Spends.of([len(days) for days in repeats] * copies, means * copies)


def _population(known: Histories, customers: int) -> Priced:
    """Return distinct customers up to four years old, with their spends."""
    rng = np.random.default_rng(1)
    repeats = rng.choice(known.repeats, customers)
    age = rng.uniform(0.0, 208.0, customers)
    recency = np.where(repeats > 0, age * rng.random(customers), 0.0)
    spends = Spends.of(repeats + 1, rng.gamma(2.0, 15.0, customers))
    return Histories.of(repeats, recency, age), spends


def _row(histories: Histories, spends: Spends, row: int) -> Priced:
    """Return one of the customers alone."""
    each = slice(row, row + 1)
    columns = (column[each] for column in histories.columns().values())
    return Histories(*columns), Spends.of(spends.transactions[each], spends.mean[each])


if __name__ == "__main__":
    main()
