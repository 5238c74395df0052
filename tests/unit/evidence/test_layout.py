"""Where the columns are, and when a header is too vague to say."""

import pytest

from ckm_stream.evidence.layout import (
    ColumnNames,
    LayoutError,
    cdnow_layout,
    header_layout,
    separator_of,
)


@pytest.mark.parametrize(
    ("header", "places"),
    [
        ("customer,date,amount", (0, 1, 2)),
        ("Amount,Purchase Date,Customer-ID", (2, 1, 0)),
        ("order_id,user_id,timestamp,quantity,revenue", (1, 2, 4)),
        ("id,CLIENT ID,OrderDate,Order Total", (1, 2, 3)),
        ("household_key,DAY,SALES_VALUE,time", (0, 1, 2)),
    ],
)
def test_columns_are_found_by_their_names(header: str, places: tuple[int, int, int]) -> None:
    """Case, spaces and marks do not matter, nor do columns that are not needed."""
    layout = header_layout(header.split(","), ColumnNames())

    assert (layout.customer, layout.date, layout.amount) == places
    assert layout.per_unit == 1.0


@pytest.mark.parametrize("name", ["cents", "Amount_Cents", "amount in cents", "pence", "minor"])
def test_a_column_of_cents_is_told_by_its_name(name: str) -> None:
    """A hundred of them are one."""
    layout = header_layout(["customer", "date", name], ColumnNames())

    assert layout.per_unit == 100.0


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("who,date,amount", "no column is known as the customer; name it with --customer-column"),
        ("customer,price,amount", "no column is known as the date"),
        ("customer,date,price", "no column is known as the amount"),
        ("customer,date,amount,cents", "'amount', 'cents' could each be the amount; choose with"),
        ("customer,date,amount,order_date", "'date', 'order_date' could each be the date"),
        ("user,customer_id,date,amount", "'user', 'customer_id' could each be the customer"),
        ("date,date,customer,amount", "'date', 'date' could each be the date"),
    ],
)
def test_a_vague_header_is_refused_with_the_option_that_decides(header: str, message: str) -> None:
    """Nothing is guessed: a price of one piece is not what was paid."""
    with pytest.raises(LayoutError) as refused:
        header_layout(header.split(","), ColumnNames())

    assert message in str(refused.value)


def test_a_column_can_be_named() -> None:
    """As it is written, or but for case and marks."""
    wanted = ColumnNames(customer="Who?", date="order_date", amount="price")

    layout = header_layout(["who?", "WHO", "Who?", "date", "Order Date", "price"], wanted)

    assert (layout.customer, layout.date, layout.amount) == (2, 4, 5)


def test_a_named_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    """A typing error shows at once."""
    with pytest.raises(LayoutError, match=r"there is no column 'prize'.*'date', 'price'"):
        header_layout(["customer", "date", "price"], ColumnNames(amount="prize"))


def test_cdnow_has_two_layouts_without_a_header() -> None:
    """The sample has a second number of the customer, the full cohort has not."""
    sample = cdnow_layout(" 00004 0001 19970101  2   29.33\n")
    cohort = cdnow_layout(" 00001 19970101   1  11.77\r\n")

    assert sample is not None
    assert cohort is not None
    assert (sample.customer, sample.date, sample.amount) == (0, 2, 4)
    assert (cohort.customer, cohort.date, cohort.amount) == (0, 1, 3)


@pytest.mark.parametrize("line", ["customer date cds dollars", "1,19970101,2,29.33", "1 2 3"])
def test_a_header_is_no_line_of_cdnow(line: str) -> None:
    """Nor is a line of another table."""
    assert cdnow_layout(line) is None


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separator_is_the_mark_that_the_header_has_most_of(separator: str) -> None:
    """A comma within a name does not count for more."""
    assert separator_of(separator.join(["customer", "date", "amount, net"])) == separator
