"""Histories and spends: what is let in, and what grouping leaves as it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.errors import FitError
from ckm_stream.lifetime.histories import Histories, Spends, histories_of_weeks

rows = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0.5, 1.0, 2.0]), st.integers(1, 3)), max_size=30
)


def _of(table: list[tuple[int, float, int]]) -> Histories:
    recency = [t_x if x else 0.0 for x, t_x, _ in table]
    return Histories.of(
        [x for x, _, _ in table], recency, [2.0] * len(table), [n for *_, n in table]
    )


@given(rows)
def test_grouping_keeps_every_customer_and_no_row_twice(
    table: list[tuple[int, float, int]],
) -> None:
    """Per (x, t_x, T) as many customers as before, in sorted rows, each once."""
    histories = _of(table)
    expected: dict[tuple[float, ...], float] = {}
    for *key, count in zip(*histories.columns().values(), strict=True):
        place = tuple(map(float, key))
        expected[place] = expected.get(place, 0.0) + float(count)

    grouped = histories.grouped()

    columns = zip(*grouped.columns().values(), strict=True)
    assert [(tuple(map(float, key)), float(n)) for *key, n in columns] == sorted(expected.items())


@given(st.lists(st.integers(0, 10**6), max_size=20))
def test_distinct_repeats_are_rising_and_find_each_row(repeats: list[int]) -> None:
    """Values in order, each once; value[index] is the column again, few or many rows to a value."""
    for column in (repeats, [x % 5 for x in repeats]):
        histories = Histories.of(column, [0.0] * len(column), [1.0] * len(column))

        values, index = histories.distinct_repeats()

        assert values.tolist() == sorted(set(column))
        assert values[index].tolist() == column


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((-1, 0, 1, 1), "repeats: 1 of 1 rows"),
        ((0.5, 0, 1, 1), "repeats: 1 of 1 rows are not whole numbers"),
        ((1_000_001, 0, 1, 1), "repeats"),
        ((float("nan"), 0, 1, 1), "repeats"),
        ((1, 2, 1, 1), "recency_weeks: 1 of 1 rows are not from 0 to the same row's age_weeks"),
        ((1, -1, 1, 1), "recency_weeks"),
        ((0, 1, 1, 1), "recency_weeks: 1 of 1 rows are not 0 where repeats is 0"),
        ((1, float("nan"), 1, 1), "recency_weeks"),
        ((1, 0, 10_001, 1), "age_weeks: 1 of 1 rows are not from 0 to 10000"),
        ((1, 0, float("nan"), 1), "age_weeks"),
        ((1, 0, -1, 1), "age_weeks"),
        ((1, 0, 1, 0), "customers: 1 of 1 rows are not finite and above 0"),
        ((1, 0, 1, float("inf")), "customers"),
    ],
)
def test_history_that_cannot_be_is_refused_with_its_column(
    row: tuple[float, ...], message: str
) -> None:
    """The message names the column, the rule, how many rows break it and the first of them."""
    with pytest.raises(FitError, match=message):
        Histories.of(*([value] for value in row))


def test_first_bad_row_is_named() -> None:
    """Of four rows the second and the last are bad: 2 of 4, the first is row 1."""
    with pytest.raises(FitError, match=r"repeats: 2 of 4 rows .* the first is row 1"):
        Histories.of([0, -1, 2, -3], [0] * 4, [9] * 4)


def test_columns_that_do_not_match_are_refused() -> None:
    """Unequal lengths, two dimensions and whole numbers for floats are named with their shapes."""
    with pytest.raises(FitError, match=r"'recency_weeks': \(2,\)"):
        Histories.of([1], [0, 0], [1])
    with pytest.raises(FitError, match="1-D float arrays"):
        Histories.of([[1]], [[0]], [[1]])
    whole = np.array([1])
    with pytest.raises(FitError, match="1-D float arrays"):
        Histories(whole, whole, whole, whole)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0.5, 1, 1), "transactions: 1 of 1 rows are not from 1 to 1000001"),
        ((1, -1, 1), "mean: 1 of 1 rows"),
        ((1, float("nan"), 1), "mean"),
        ((1, 1, -1), "customers"),
    ],
)
def test_spend_that_cannot_be_is_refused_with_its_column(
    row: tuple[float, ...], message: str
) -> None:
    """As for histories."""
    with pytest.raises(FitError, match=message):
        Spends.of(*([value] for value in row))


def test_spends_count_one_customer_a_row_unless_told() -> None:
    """And are as long as their columns."""
    spends = Spends.of([1, 2], [5.0, 0.0])

    assert spends.customers.tolist() == [1.0, 1.0]
    assert len(spends) == 2


def test_weekly_cell_stands_in_the_middle_of_its_weeks() -> None:
    """First in days 0 to 6, last in days 14 to 20, end on day 27: T = 24/7 and t_x = 2 weeks."""
    cell = histories_of_weeks([0], [3], [2], [5], end_day=27)

    assert cell.age_weeks.tolist() == [24 / 7]
    assert cell.recency_weeks.tolist() == [2.0]
    assert cell.repeats.tolist() == [3.0]
    assert cell.customers.tolist() == [5.0]


def test_week_that_is_not_over_has_its_middle_earlier() -> None:
    """The last week has days 14 to 16 so far: its middle is day 15, 12 days after day 3."""
    cell = histories_of_weeks([0], [1], [2], [1], end_day=16)

    assert cell.recency_weeks.tolist() == [12 / 7]
    assert cell.age_weeks.tolist() == [13 / 7]


def test_repeats_within_the_first_week_span_what_distinct_days_span() -> None:
    """Of 7 days two lie 8/3 days apart on average, seven 6; on its first day nobody repeats."""
    cells = histories_of_weeks([0, 0, 0], [1, 6, 0], [0, 0, 0], [1, 1, 1], end_day=60)
    last = histories_of_weeks([1, 1], [1, 1], [1, 1], [1, 1], end_day=8)

    assert cells.recency_weeks == pytest.approx([8 / 21, 6 / 7, 0.0])
    assert last.recency_weeks == pytest.approx([0.5 / 7] * 2)
    assert last.age_weeks == pytest.approx([0.5 / 7] * 2)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400), st.integers(0, 420))
def test_weekly_cell_is_always_a_history(first: int, span: int, x: int, more: int) -> None:
    """Whatever the weeks, 0 <= t_x <= T, t_x > 0 for who bought again on a later day or week."""
    last = first + (span if x else 0)

    cell = histories_of_weeks([first], [x], [last], [1], end_day=7 * last + more)

    assert 0.0 <= cell.recency_weeks[0] <= cell.age_weeks[0]
    assert (cell.recency_weeks[0] > 0.0) == (x > 0 and (last > first or more > 0))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ((-1, 1, 2), "first_weeks"),
        ((0.5, 1, 2), "first_weeks: 1 of 1 rows are not whole weeks from 0"),
        ((3, 1, 2), "last_weeks"),
        ((0, 1, 1.5), "last_weeks"),
        ((0, 1, 9), "last_weeks: 1 of 1 rows are not whole weeks from the first one's to the end"),
    ],
)
def test_weekly_cell_that_cannot_be_is_refused(cell: tuple[float, ...], message: str) -> None:
    """Weeks are whole, in order, and not after the end of observation."""
    first, x, last = cell
    with pytest.raises(FitError, match=message):
        histories_of_weeks([first], [x], [last], [1], end_day=60)


def test_no_customers_are_no_rows() -> None:
    """An empty table is a table."""
    nobody = Histories.of([], [], [])

    assert len(nobody.grouped()) == 0
    assert [len(part) for part in nobody.distinct_repeats()] == [0, 0]
