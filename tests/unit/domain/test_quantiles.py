"""Where a value stands in a population, whatever order the population came in."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.quantiles import LogHistogram, Quantiles, QuantileTable

values_of = st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1e12)), min_size=1, max_size=60)


def histogram_of(values: list[float]) -> LogHistogram:
    """Count the values."""
    histogram = LogHistogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(values_of, st.randoms(use_true_random=False))
def test_order_plays_no_part(values: list[float], chance: Random) -> None:
    """The same values in any order give the same table, to the bit."""
    shuffled = chance.sample(values, len(values))

    assert histogram_of(values).table() == histogram_of(shuffled).table()


@given(values_of, values_of)
def test_parts_merge_to_the_whole(left: list[float], right: list[float]) -> None:
    """Counting apart and merging is counting together, and what is merged in stays as it was."""
    merged, other = histogram_of(left), histogram_of(right)
    before = other.table()

    merged.merge(other)
    merged.merge(LogHistogram())

    assert merged.table() == histogram_of(left + right).table()
    assert merged.count == len(left) + len(right)
    assert other.table() == before


@given(values_of, st.lists(st.floats(0.0, 1e13), min_size=2, max_size=20))
def test_more_is_never_less(values: list[float], asked: list[float]) -> None:
    """A greater value has no smaller share below it; all shares lie in [0, 1]."""
    table = histogram_of(values).table()

    shares = [table.share_below(value) for value in sorted(asked)]

    assert all(low <= high for low, high in pairwise(shares))
    assert shares[0] >= 0.0
    assert shares[-1] <= 1.0


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=400))
def test_a_share_is_that_of_the_population(values: list[float]) -> None:
    """It is right within a step of the table and the neighbours that share a bin."""
    table = histogram_of(values).table()
    for value in values[:20]:
        least = sum(each < value / 1.021 for each in values) / len(values)
        most = sum(each <= value * 1.021 for each in values) / len(values)

        assert least - 1 / 250 <= table.share_below(value) <= most + 1 / 250


def test_nothing_is_below_everything_else() -> None:
    """Who has nothing has a share of 0, however many have nothing; any more is above them."""
    table = histogram_of([0.0] * 90 + [5.0] * 10).table()

    assert table.share_below(0.0) == 0.0
    assert table.share_below(5.0) == pytest.approx(0.95)
    assert table.share_below(5.0001) == 1.0


def test_a_value_that_many_share_stands_in_the_middle_of_them() -> None:
    """60 of 100 at one value: half of them count as below."""
    table = histogram_of([0.1] * 20 + [0.25] * 60 + [0.9] * 20).table()

    assert table.share_below(0.25) == pytest.approx(0.5)


@given(values_of, st.floats(0.0, 1.0))
def test_a_quantile_is_the_value_that_its_share_is_below(values: list[float], share: float) -> None:
    """Just below it there are not more, just above it not fewer."""
    table = histogram_of(values).table()

    value = table.value_at(share)

    assert table.share_below(value * (1 - 1e-9)) <= share + 1e-6
    assert table.share_below(value * (1 + 1e-9)) >= share - 1e-6


def test_a_table_stays_small() -> None:
    """A population of 20,000 different values takes at most 514 knots."""
    chance = Random(7)
    table = histogram_of([chance.lognormvariate(0, 4) for _ in range(20_000)]).table()

    assert len(table.values) <= 514


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_what_is_no_value_is_refused(value: float) -> None:
    """A negative or infinite indicator would be a defect: it is not counted in silence."""
    with pytest.raises(ValueError, match="finite and >= 0"):
        LogHistogram().add(value)


def test_an_empty_population_has_no_table() -> None:
    """There is nothing to compare with."""
    with pytest.raises(ValueError, match="without values"):
        LogHistogram().table()


@pytest.mark.parametrize(
    ("values", "shares"),
    [
        ((0.0,), (0.0,)),
        ((0.0, 1.0), (0.0, 0.9)),
        ((0.0, 1.0, 1.0), (0.0, 0.5, 1.0)),
        ((0.0, 1.0, 2.0), (0.0, 0.6, 0.5)),
        ((1.0, 2.0), (0.0, 1.0)),
        ((0.0, float("inf")), (0.0, 1.0)),
    ],
)
def test_a_table_that_is_no_rising_line_is_refused(
    values: tuple[float, ...], shares: tuple[float, ...]
) -> None:
    """What comes from a topic is looked at before it ranks anybody."""
    with pytest.raises(ValueError, match="rise from"):
        QuantileTable(values, shares)


def test_a_scale_has_a_table_for_each_indicator() -> None:
    """Each value is read from its own."""
    scale = Quantiles(
        (QuantileTable((0.0, 1.0), (0.0, 1.0)), QuantileTable((0.0, 4.0), (0.0, 1.0)))
    )

    assert scale.normalise_all([0.5, 1.0]) == [0.5, 0.25]
