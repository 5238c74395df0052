"""
The real purchases that ship with the package: the CDNOW sample of Fader and Hardie.

6,919 purchases of 2,357 customers of a record shop on the web, 1997-01-01 to 1998-06-30, the
benchmark of the BG/NBD and Gamma-Gamma papers. The file has customers, dates, numbers of CDs and
dollars; the time of day and the cost are ours (see ``NOON_S`` and ``MARGIN_PERMILLE``). Source and
licence: ``data/README.md``.
"""

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from io import TextIOWrapper
from typing import Final

from ckm_stream.domain.events import MICROS, Channel, Purchase, PurchaseKind, PurchaseLine

SOURCE: Final = "cdnow"
CURRENCY: Final = "USD"

#: A landmark before every event; the default of the scoring policy (2015) lies after them.
LANDMARK_S: Final = int(datetime(1996, 1, 1, tzinfo=UTC).timestamp())

#: The data have dates only; every purchase is put at noon UTC.
NOON_S: Final = 12 * 3_600

#: The data have no cost. 30 % of the amount is taken as margin, the same as the scoring policy's
#: default for orders without a cost.
MARGIN_PERMILLE: Final = 300

#: Web orders arrive at once.
_RECORDED_AFTER_S: Final = 5


def customer_id_of(number: int) -> str:
    """Return the customer id for *number*, 1 to 2357, of the sample."""
    return f"cdnow-{number:04d}"


def purchases() -> Iterator[Purchase]:
    """
    Yield the 6,919 purchases in the file's order: by customer, then by date.

    Purchases of one customer on one day stay separate events: their ids end in a running number
    for the day, from 1, and they lie that many seconds after noon. Amounts of 0.00 are kept.
    """
    last: tuple[str, str] | None = None
    number = 0
    for customer, date, quantity, cents in _rows():
        number = number + 1 if (customer, date) == last else 1
        last = customer, date
        yield _purchase(int(customer), date, number, (int(quantity), int(cents)))


def _purchase(customer: int, date: str, number: int, bought: tuple[int, int]) -> Purchase:
    quantity, amount = bought
    day_s = int(datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC).timestamp())
    occurred_at = (day_s + NOON_S + number) * MICROS
    name = f"{customer_id_of(customer)}-{date}-{number}"
    return Purchase(
        event_id=name,
        source=SOURCE,
        customer_id=customer_id_of(customer),
        occurred_at=occurred_at,
        recorded_at=occurred_at + _RECORDED_AFTER_S * MICROS,
        channel=Channel.WEB,
        order_id=name,
        kind=PurchaseKind.ORDER,
        currency=CURRENCY,
        amount=amount,
        cost=amount * (1000 - MARGIN_PERMILLE) // 1000,
        lines=(PurchaseLine(sku="cd", category="music", quantity=quantity, amount=amount),),
    )


def _rows() -> Iterator[list[str]]:
    packaged = resources.files("ckm_stream.publishing").joinpath("data/cdnow_sample.csv.gz")
    with packaged.open("rb") as compressed, gzip.open(compressed) as plain:
        rows = csv.reader(TextIOWrapper(plain, encoding="ascii"))
        next(rows)  # the header
        yield from rows
