"""
Purchases from a file: who, on which day, for how much.

Reads CDNOW's own format and any table with a header, gzip or not (told by the first bytes). A file
with holes is refused as a whole, with the first of them by line and column: an evaluation on what
is left of a broken file would look as good as one on a whole file.
"""

import csv
import gzip
import zlib
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import IO, Final, cast

import numpy as np

from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence.arrays import Indices, Numbers
from ckm_stream.evidence.cells import read_amount, read_customer, read_day
from ckm_stream.evidence.layout import (
    ColumnNames,
    Layout,
    LayoutError,
    cdnow_layout,
    header_layout,
    separator_of,
)

_GZIP_MAGIC: Final = b"\x1f\x8b"
#: A message stays one line that can be read; the rest is counted.
_NAMED_HOLES: Final = 3
#: A day is on many lines; 180 years of them are kept, but not every second of a file with times.
_DAYS_KEPT: Final = 1 << 16

Row = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class Purchases:
    """
    One entry for each line of a file, sorted by customer, day and amount.

    Attributes:
        name: Name of the file, for messages.
        customers: How many different customers there are.
        customer: Number of the customer, 0 to ``customers`` - 1, in the order of ids; int64[n].
        day: Ordinal of the day, as ``datetime.date.toordinal`` counts; int64[n].
        amount: Money, in the currency's main unit; below 0 for a refund; float64[n].
    """

    name: str
    customers: int
    customer: Indices
    day: Indices
    amount: Numbers


@dataclass(slots=True)
class _Holes:
    """What is wrong with a file: the first places, and how many there are."""

    named: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, message: str) -> None:
        self.count += 1
        if len(self.named) < _NAMED_HOLES:
            self.named.append(f"line {line}, {message}")

    def refuse(self, name: str) -> None:
        if self.count:
            more = self.count - len(self.named)
            tail = f"; and {more:,} more" if more else ""
            raise ConfigurationError(f"{name} has holes: {'; '.join(self.named)}{tail}")


def read_purchases(
    path: Path, wanted: ColumnNames | None = None, *, decimal_mark: str = "."
) -> Purchases:
    """
    Read a file of purchases.

    Args:
        path: A table with a header, or CDNOW's sample or full cohort; UTF-8, gzip or not.
        wanted: Columns by name where the header does not tell them.
        decimal_mark: The decimal mark of amounts, ``.`` or ``,``.

    Raises:
        ConfigurationError: If the file cannot be read, its header does not tell the columns, it
            has no purchase, or a line lacks something; with file, line, column and remedy.
    """
    with ExitStack() as stack:
        try:
            lines = _lines(_open(path, stack), path.name)
            layout, rows = _rows(lines, wanted or ColumnNames())
            return _gather(path.name, layout, rows, decimal_mark)
        except LayoutError as error:
            raise ConfigurationError(f"{path.name}: {error}") from error
        except csv.Error as error:
            raise ConfigurationError(
                f"{path.name} is no table that can be read: {error}; save it as CSV again"
            ) from error
        except (EOFError, OSError, zlib.error) as error:
            raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _open(path: Path, stack: ExitStack) -> IO[bytes]:
    raw = stack.enter_context(path.open("rb"))
    if raw.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC):
        return cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=raw)))
    return raw


def _lines(content: IO[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(content, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise ConfigurationError(
                f"{name} is not UTF-8 in line {number}; save it as CSV in UTF-8"
            ) from error


def _rows(lines: Iterator[str], wanted: ColumnNames) -> tuple[Layout, Iterator[Row]]:
    """Return the layout, told by the first line that is not blank, and the rows with a purchase."""
    skipped, first = 0, ""
    for line in lines:
        if line.strip():
            first = line
            break
        skipped += 1
    if not first:
        raise LayoutError("it is empty; a header line and a line for each purchase are needed")
    layout = cdnow_layout(first)
    if layout is not None:
        found = enumerate(chain([first], lines), start=skipped + 1)
        return layout, ((number, line.split()) for number, line in found if line.strip())
    table = csv.reader(chain([first], lines), delimiter=separator_of(first), strict=True)
    layout = header_layout(next(table), wanted)
    return layout, ((skipped + table.line_num, row) for row in table if any(map(str.strip, row)))


def _gather(name: str, layout: Layout, rows: Iterator[Row], decimal_mark: str) -> Purchases:
    numbers: dict[str, int] = {}
    customers, days, amounts = array("q"), array("q"), array("d")
    holes = _Holes()
    day_of = lru_cache(_DAYS_KEPT)(read_day)
    for line, row in rows:
        if len(row) != len(layout.names):
            holes.add(
                line, f"which has {len(row)} columns: write {len(layout.names)}, as at the top"
            )
            continue
        place = layout.customer
        try:
            customer = read_customer(row[place])
            place = layout.date
            day = day_of(row[place])
            place = layout.amount
            amount = read_amount(row[place], decimal_mark=decimal_mark)
        except ValueError as error:
            holes.add(line, f"column {layout.names[place]!r}: {error}")
            continue
        customers.append(numbers.setdefault(customer, len(numbers)))
        days.append(day)
        amounts.append(amount / layout.per_unit)
    holes.refuse(name)
    if not days:
        raise LayoutError("it has no purchase; a line for each purchase is needed")
    as_they_come = Purchases(
        name=name,
        customers=len(numbers),
        customer=np.frombuffer(customers, dtype=np.int64),
        day=np.frombuffer(days, dtype=np.int64),
        amount=np.frombuffer(amounts, dtype=np.float64),
    )
    return _in_order(as_they_come, numbers)


def _in_order(purchases: Purchases, numbers: dict[str, int]) -> Purchases:
    """Number customers by id and sort lines: their order in a file then changes no bit."""
    rank = np.empty(len(numbers), dtype=np.int64)
    rank[[numbers[customer] for customer in sorted(numbers)]] = np.arange(len(numbers))
    customer = rank[purchases.customer]
    order = np.lexsort((purchases.amount, purchases.day, customer))
    return Purchases(
        name=purchases.name,
        customers=purchases.customers,
        customer=customer[order],
        day=purchases.day[order],
        amount=purchases.amount[order],
    )
