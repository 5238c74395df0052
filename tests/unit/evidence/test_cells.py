"""What a cell may hold, and what is refused instead of guessed."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.evidence.cells import read_amount, read_customer, read_day


@pytest.mark.parametrize(
    "text",
    [
        "1997-09-30",
        "19970930",
        " 19970930 ",
        "1997-09-30T23:59:59",
        "1997-09-30 00:00",
        "1997-09-30T23:30:00.25-08:00",
        "1997-09-30T00:30:00Z",
    ],
)
def test_a_day_is_the_one_that_is_written(text: str) -> None:
    """Neither time nor zone moves a purchase to another day."""
    assert date.fromordinal(read_day(text)) == date(1997, 9, 30)


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_both_ways_to_write_a_day_are_the_same(day: date) -> None:
    """YYYY-MM-DD and YYYYMMDD."""
    assert read_day(f"{day:%Y-%m-%d}") == read_day(f"{day:%Y%m%d}") == day.toordinal()


@pytest.mark.parametrize(
    "text", ["30/09/1997", "9/30/97", "1997-02-29", "19970931", "1997-W40-2", "1997-9-3", "soon"]
)
def test_a_day_in_another_form_is_refused_without_being_shown(text: str) -> None:
    """What could be read in two ways is not read, and may not get into a log."""
    with pytest.raises(ValueError, match="no day; write YYYY-MM-DD") as refused:
        read_day(text)

    assert text not in str(refused.value)


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "18991231"])
def test_a_placeholder_is_no_day(text: str) -> None:
    """9999-12-31 would pretend that the data reach there."""
    with pytest.raises(ValueError, match="a year before 1900 or after 2199"):
        read_day(text)


@pytest.mark.parametrize(
    ("text", "mark", "amount"),
    [
        ("29.33", ".", 29.33),
        ("29", ".", 29.0),
        (".5", ".", 0.5),
        ("-4.", ".", -4.0),
        ("+0.00", ".", 0.0),
        ("29,33", ",", 29.33),
        ("-,5", ",", -0.5),
    ],
)
def test_an_amount_is_digits_with_one_decimal_mark(text: str, mark: str, amount: float) -> None:
    """A sign, digits, and the mark that the file uses."""
    assert read_amount(text, decimal_mark=mark) == amount


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("1,234.50", "."),
        ("29,33", "."),
        ("1.234", ","),
        ("1.234,50", ","),
        ("$29.33", "."),
        ("1e3", "."),
        ("inf", "."),
        ("1_000", "."),
        ("٢٩", "."),
        ("12 .5", "."),
        ("-", "."),
    ],
)
def test_an_amount_in_another_form_is_refused(text: str, mark: str) -> None:
    """A mark that means thousands here and decimals there would be wrong by a factor of 1,000."""
    with pytest.raises(ValueError, match="no amount; write digits and one"):
        read_amount(text, decimal_mark=mark)


def test_an_amount_beyond_reason_is_refused() -> None:
    """Four hundred digits are infinite as a float."""
    with pytest.raises(ValueError, match=r"beyond 10\^12"):
        read_amount("9" * 400)


@pytest.mark.parametrize("text", ["", "  ", "NA", "nan", "NULL", "None", "#N/A"])
def test_nothing_is_neither_customer_nor_day_nor_amount(text: str) -> None:
    """Programs write holes in many ways; as a customer each would be the best one."""
    for read in (read_customer, read_day, read_amount):
        with pytest.raises(ValueError, match="empty; fill it in, or remove the line"):
            read(text)


def test_a_customer_is_any_text_without_the_space_around_it() -> None:
    """Ids are not numbers: leading zeros stay."""
    assert read_customer(" 0042 ") == "0042"
