"""
Where a file of purchases has its customer, its day and its amount.

Two layouts: CDNOW's own (columns of digits between spaces, no header) and a table with a header
line, separated by commas, semicolons or tabs. A header in which two columns could be meant is
refused, with the option that decides.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_CDNOW: Final = re.compile(r"\s*\d+\s+(\d+\s+)?\d{8}\s+\d+\s+\d+(\.\d+)?\s*", re.ASCII)
_CDNOW_NAMES: Final = ("customer", "sample", "date", "cds", "dollars")
_SEPARATORS: Final = ",;\t"

#: Names as they are without case and marks. Left out is what often means something else: ``id`` (of
#: an order), ``price`` (of a piece), ``time`` (of day).
_CUSTOMER: Final = re.compile(
    "(account|buyer|client|cust|customer|household|member|shopper|user)(id|key|no|number)?"
)
_DATE: Final = re.compile(
    "(invoice|order|purchase|transaction)?(date|datetime|day|timestamp)|dateofpurchase|"
    "(occurred|ordered|purchased)(at|on)?"
)
_MINOR_AMOUNT: Final = re.compile("(amount|price|total)?(in)?(cents|minor|minorunits|pence)")
_AMOUNT: Final = re.compile(
    "(net|order|purchase|sales|total|transaction)?(amount|revenue|spend|value)|"
    "(order|total)price|(order)?total|dollars|euros|paid|sales|spent|" + _MINOR_AMOUNT.pattern
)
_MINOR_UNITS: Final = 100.0


class LayoutError(ValueError):
    """A header that does not say where something is; the message names the remedy."""


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """
    Columns that the caller names; ``None`` leaves it to the header.

    Attributes:
        customer: Name of the column with customers.
        date: Name of the column with days or date-times.
        amount: Name of the column with amounts.
    """

    customer: str | None = None
    date: str | None = None
    amount: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """
    Positions, from 0, of what is needed in each row.

    Attributes:
        names: Names of all columns, for messages.
        customer: Position of the customer.
        date: Position of the day.
        amount: Position of the amount.
        per_unit: What an amount is divided by to be money: 100 for cents, else 1.
    """

    names: tuple[str, ...]
    customer: int
    date: int
    amount: int
    per_unit: float = 1.0


def cdnow_layout(line: str) -> Layout | None:
    """Return the layout of CDNOW's sample or full cohort if *line* looks like a line of them."""
    found = _CDNOW.fullmatch(line)
    if not found:
        return None
    names = _CDNOW_NAMES if found[1] else (_CDNOW_NAMES[0], *_CDNOW_NAMES[2:])
    return Layout(names, 0, names.index("date"), names.index("dollars"))


def separator_of(header: str) -> str:
    """Return the one of comma, semicolon and tab that the header has most of."""
    return max(_SEPARATORS, key=header.count)


def header_layout(header: Iterable[str], wanted: ColumnNames) -> Layout:
    """
    Return the layout that a header describes, whatever its letters' case and its marks.

    A column of cents (or another hundredth) is told by its name, such as ``cents``.

    Raises:
        LayoutError: If a column is missing, or two could be meant.
    """
    names = tuple(each.strip() for each in header)
    amount = _position("amount", names, wanted.amount, _AMOUNT)
    return Layout(
        names=names,
        customer=_position("customer", names, wanted.customer, _CUSTOMER),
        date=_position("date", names, wanted.date, _DATE),
        amount=amount,
        per_unit=_MINOR_UNITS if _MINOR_AMOUNT.fullmatch(_bare(names[amount])) else 1.0,
    )


def _position(what: str, names: tuple[str, ...], wanted: str | None, known: re.Pattern[str]) -> int:
    option = f"--{what}-column NAME"
    if wanted is None:
        found = [place for place, name in enumerate(names) if known.fullmatch(_bare(name))]
        absent = f"no column is known as the {what}; name it with {option}"
    else:
        found = [place for place, name in enumerate(names) if name == wanted.strip()]
        found = found or [place for place, name in enumerate(names) if _bare(name) == _bare(wanted)]
        absent = f"there is no column {wanted!r}; name another one with {option}"
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(repr(names[place]) for place in found)
        raise LayoutError(f"{several} could each be the {what}; choose with {option}")
    raise LayoutError(f"{absent} (the header has {', '.join(map(repr, names))})")


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()
