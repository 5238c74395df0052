"""Purchases for tests of the evidence: the sample that ships, and shops made up."""

from datetime import date
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np

from ckm_stream.evidence.cohort import DAYS_A_WEEK, Window
from ckm_stream.evidence.purchases import Purchases

SAMPLE: Final = Path(str(resources.files("ckm_stream.publishing"))) / "data/cdnow_sample.csv.gz"
#: The split of the papers on CDNOW: 39 weeks to learn from, 39 weeks to be judged on.
SAMPLE_WINDOW: Final = Window(date(1997, 9, 30).toordinal(), 39 * DAYS_A_WEEK)

OPENED: Final = date(2020, 1, 6).toordinal()


def made_up_shop(seed: int, customers: int = 400, weeks: int = 104) -> Purchases:
    """
    Return the purchases of customers who differ: in how often they buy, when they stop, how much.

    Everyone comes in the first quarter of the time; rates, chances to stop after a purchase and
    mean amounts are drawn for each (gamma, beta, gamma), days and amounts within them.
    """
    chance = np.random.default_rng(seed)
    end = weeks * DAYS_A_WEEK
    rows: list[tuple[int, int, float]] = []
    for customer in range(customers):
        gap_days = DAYS_A_WEEK / max(chance.gamma(0.8, 1 / 4), 1e-3)
        stops = chance.beta(1.0, 3.0)
        mean = 30.0 / chance.gamma(4.0, 1 / 3)
        at = chance.uniform(0, end / 4)
        while at < end:
            rows.append((customer, OPENED + int(at), round(chance.gamma(4.0, mean / 4), 2)))
            if chance.random() < stops:
                break
            at += chance.exponential(gap_days)
    # Somebody outside the cohort buys on the last day, so that the data reach to it.
    rows.append((customers, OPENED + end - 1, 1.0))
    return shop_of(rows)


def shop_of(rows: list[tuple[int, int, float]]) -> Purchases:
    """Return purchases of customers by number, day and amount."""
    customer, day, amount = (np.array(column) for column in zip(*rows, strict=True))
    return Purchases(
        name="shop.csv",
        customers=int(customer.max()) + 1,
        customer=customer.astype(np.int64),
        day=day.astype(np.int64),
        amount=amount.astype(np.float64),
    )
