"""Purchases from files as they come: whole ones are read, broken ones are refused."""

import csv
import gzip
from collections.abc import Callable
from datetime import date
from importlib import resources
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence.layout import ColumnNames
from ckm_stream.evidence.purchases import Purchases, read_purchases

Write = Callable[[str], Path]

DAY = date(1997, 1, 1).toordinal()
SAMPLE = Path(str(resources.files("ckm_stream.publishing"))) / "data" / "cdnow_sample.csv.gz"

HEAD = "customer,date,amount\n"

lines = st.lists(
    st.tuples(
        st.sampled_from(["a", "b,b", 'c"c', "d;d", "e\te", "0042"]),
        st.integers(0, 1_000),
        st.integers(-99_999, 10**9),
    ),
    min_size=1,
    max_size=20,
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Give a function that writes a file of purchases and returns its path."""

    def written(text: str) -> Path:
        path = tmp_path / "shop.csv"
        path.write_bytes(text.encode())
        return path

    return written


def rows_of(purchases: Purchases) -> list[tuple[int, int, int]]:
    """Return customer, day and hundredths of each line."""
    columns = (purchases.customer, purchases.day, np.round(purchases.amount * 100).astype(int))
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(lines, st.sampled_from([",", ";", "\t"]), st.booleans())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, int, int]],
    separator: str,
    compressed: bool,
) -> None:
    """With any separator, quoted where needed, and gzip or not."""
    path = tmp_path_factory.mktemp("round") / "trip"
    text = StringIO()
    table = csv.writer(text, delimiter=separator)
    table.writerow(["Customer ID", "Date", "Amount"])
    for customer, day, cents in rows:
        table.writerow([customer, date.fromordinal(DAY + day), f"{cents / 100:.2f}"])
    plain = text.getvalue().encode()
    path.write_bytes(gzip.compress(plain) if compressed else plain)

    purchases = read_purchases(path)

    names = sorted({customer for customer, _, _ in rows})
    assert purchases.customers == len(names)
    expected = [(names.index(customer), DAY + day, cents) for customer, day, cents in rows]
    assert rows_of(purchases) == sorted(expected)


def test_the_sample_that_ships_is_read_as_it_was_published() -> None:
    """6,919 lines of 2,357 customers, 244,091.94 dollars, in cents and with a header."""
    purchases = read_purchases(SAMPLE)

    assert (purchases.customers, len(purchases.day)) == (2357, 6919)
    assert purchases.amount.sum() == pytest.approx(244_091.94)
    assert date.fromordinal(purchases.day.max()) == date(1998, 6, 30)


def test_cdnows_own_formats_are_read(write: Write) -> None:
    """Columns between spaces: the sample has two numbers of a customer, the cohort one."""
    sample = " 00004 0001 19970101  2   29.33\n 00021 0002 19970102  3   63.34\n"
    cohort = " 00004 19970101  2  29.33\n 00021 19970102  3  63.34\n\n"

    read = [rows_of(read_purchases(write(text))) for text in (sample, cohort)]

    assert read == [[(0, DAY, 2933), (1, DAY + 1, 6334)]] * 2


def test_marks_of_spreadsheets_do_no_harm(write: Write) -> None:
    """A byte order mark, lines that end as on Windows, blank lines and quotes."""
    text = '\ufeff\r\nkunde;"Date";Amount\r\n\r\n"1";"1997-01-01";"12,50"\r\n;;\r\n'

    purchases = read_purchases(write(text), ColumnNames(customer="kunde"), decimal_mark=",")

    assert rows_of(purchases) == [(0, DAY, 1250)]


@given(st.permutations(range(6)))
def test_the_order_of_lines_means_nothing(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    """A file sorted by customer, by day or not at all: the same to the bit."""
    path = tmp_path_factory.mktemp("order") / "shop.csv"
    rows = [f"{who},1997010{day},{day}.5" for who in "ba" for day in (1, 2, 3)]
    path.write_text(HEAD + "\n".join(rows[place] for place in order))

    assert rows_of(read_purchases(path)) == [
        (who, DAY + day, 150 + 100 * day) for who in (0, 1) for day in (0, 1, 2)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "a,19970101,1\n,19970102,2\n", "line 3, column 'customer': empty; fill it in"),
        (HEAD + "a,1997,1\n", "line 2, column 'date': 4 characters that are no day; write YYYY"),
        (HEAD + "a,19970101,\n", "line 2, column 'amount': empty; fill it in, or remove the line"),
        (HEAD + "a,19970101\n", "line 2, which has 2 columns: write 3, as at the top"),
        (HEAD + "\n\n" + "a,19970101,x\n", "line 4, column 'amount': 1 characters"),
        ("\n" + HEAD + '"a\n\na",19970101,x\n', "line 5, column 'amount': 1 characters"),
        (" 1 19970101 1 2.5\n 1 19970101 1\n", "line 2, which has 3 columns: write 4"),
        (HEAD + "a,19970101,x\n" * 5, "line 4, column 'amount': 1 characters that are no amount"),
        (HEAD + "a,19970101,x\n" * 5, "thousands marks; and 2 more"),
        (HEAD, "it has no purchase; a line for each purchase is needed"),
        ("", "it is empty; a header line and a line for each purchase are needed"),
        ("\n \n", "it is empty"),
        ("a b c\n", "no column is known as the amount"),
        (HEAD + 'a,19970101,"1\n', "is no table that can be read: unexpected end of data; save"),
    ],
)
def test_a_file_with_holes_is_refused_with_file_line_column_and_remedy(
    write: Write, text: str, message: str
) -> None:
    """As a whole: what is left of a broken file would look as good as a whole one."""
    with pytest.raises(ConfigurationError) as refused:
        read_purchases(write(text))

    assert "shop.csv" in str(refused.value)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_a_line_says_of_a_person_is_not_repeated(write: Write) -> None:
    """A message may end in a log."""
    with pytest.raises(ConfigurationError) as refused:
        read_purchases(write(HEAD + "jane@example.org,1 May 97,12 pounds\n"))

    assert not any(word in str(refused.value) for word in ("jane", "May", "pounds"))


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    """Latin 1 is not UTF-8, nor is what a spreadsheet calls Unicode."""
    path = tmp_path / "latin.csv"
    path.write_bytes(HEAD.encode() + "Müller,19970101,1\n".encode("latin-1"))

    with pytest.raises(ConfigurationError, match=r"latin\.csv is not UTF-8 in line 2; save it as"):
        read_purchases(path)


@pytest.mark.parametrize(
    "content",
    [gzip.compress(HEAD.encode() * 99)[:-9], b"\x1f\x8b\x08\x00" + b"\xff" * 99],
    ids=["cut short", "garbled"],
)
def test_a_damaged_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    """Cut short or garbled."""
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"cut\.csv\.gz cannot be read"):
        read_purchases(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """As is a folder."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_purchases(path)
