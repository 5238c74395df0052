"""
What one cell of a file of purchases may hold: a customer, a day, an amount.

Nothing is guessed: a day that could be read in two ways, or an amount with a mark that means
thousands in one country and decimals in another, is refused. Messages say the shape of what was
found, never the value, which may be personal.
"""

import re
from datetime import date, datetime
from typing import Final

#: Dates beyond are placeholders ("never", "unknown"), and would pretend that the data reach there.
_YEARS: Final = range(1900, 2200)
_MOST: Final = 1e12
_DAY_FIRST: Final = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}$", re.ASCII)
_NUMBERS: Final = {
    ".": re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII),
    ",": re.compile(r"[+-]?(\d+(,\d*)?|,\d+)", re.ASCII),
}
#: What programs write for "nothing is known"; as a customer it would be one with many purchases.
_NOTHING: Final = frozenset({"", "#n/a", "n/a", "na", "nan", "nat", "none", "null"})


def read_customer(cell: str) -> str:
    """
    Return the customer's id without surrounding space.

    Raises:
        ValueError: If the cell is empty, or says that nothing is known.
    """
    return _something(cell)


def read_day(cell: str) -> int:
    """
    Return a day as its proleptic Gregorian ordinal, as ``datetime.date.toordinal`` counts.

    Args:
        cell: ``YYYY-MM-DD``, ``YYYYMMDD``, or an ISO 8601 date-time, which belongs to the day that
            is written, in whatever zone it is written.

    Raises:
        ValueError: If it is none of them, or its year is not 1900 to 2199.
    """
    text = _something(cell)
    day = _day(text)
    if day is None:
        raise ValueError(f"{len(text)} characters that are no day; write YYYY-MM-DD or YYYYMMDD")
    if day.year not in _YEARS:
        raise ValueError("a year before 1900 or after 2199; write the day of the purchase")
    return day.toordinal()


def read_amount(cell: str, *, decimal_mark: str = ".") -> float:
    """
    Return an amount of money, |amount| <= 10^12, in the unit that the file uses.

    Args:
        cell: Digits with at most one decimal mark and a sign; no currency, no thousands mark.
        decimal_mark: ``.`` or ``,``.

    Raises:
        ValueError: If it is not such a number.
    """
    text = _something(cell)
    if not _NUMBERS[decimal_mark].fullmatch(text):
        raise ValueError(
            f"{len(text)} characters that are no amount; write digits and one {decimal_mark!r}, "
            "without currency and thousands marks"
        )
    amount = float(text.replace(",", "."))
    if abs(amount) > _MOST:
        raise ValueError("an amount beyond 10^12; write what was paid")
    return amount


def _day(text: str) -> date | None:
    # Python alone would also take weeks of a year, such as 2024-W10-1.
    if not _DAY_FIRST.match(text):
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


def _something(cell: str) -> str:
    text = cell.strip()
    if text.lower() in _NOTHING:
        raise ValueError("empty; fill it in, or remove the line")
    return text
