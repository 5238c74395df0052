"""DayBits: which days, how many, and what they are worth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.days import day_of, decayed_days, repeat_count, set_days

DECAY = tuple(0.5 ** (age / 10) for age in range(81))

# Numbers of which a compensated sum would be another.
STEEP = (1.0, 1e-16) * 20

days = st.sets(st.integers(0, 400), max_size=120)


def bits_of(marked: set[int]) -> int:
    """Return the bitmap of the days."""
    return sum(1 << day for day in marked)


def test_day_changes_at_midnight_after_the_landmark() -> None:
    """The last second of a day and the first of the next."""
    assert day_of(1_000 + 86_399, 1_000) == 0
    assert day_of(1_000 + 86_400, 1_000) == 1


@given(days)
def test_set_days_are_those_marked_last_to_first(marked: set[int]) -> None:
    """Nothing is lost or added."""
    assert set_days(bits_of(marked)) == sorted(marked, reverse=True)


def test_repeat_count_is_days_after_the_first() -> None:
    """None for an empty bitmap and for one day."""
    assert [repeat_count(bits) for bits in (0, 0b1000, 0b1011)] == [0, 0, 2]


@given(days, st.integers(0, 500))
def test_decayed_days_are_summed_over_the_window(marked: set[int], today: int) -> None:
    """Few days and many, in the window, before it and after today: the plain sum."""
    expected = sum(DECAY[max(0, today - day)] for day in marked if today - day < len(DECAY))

    assert decayed_days(bits_of(marked), today, DECAY) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("count", [16, 17, 40])
@pytest.mark.parametrize("later", [0, 3])
def test_worth_is_added_from_the_newest_day_to_the_oldest(count: int, later: int) -> None:
    """Few days and many alike, and step by step: the last bits depend on neither."""
    today = count - later
    expected = 0.0
    for day in range(count, 0, -1):
        expected += STEEP[max(0, today - day)]

    assert decayed_days(((1 << count) - 1) << 1, today, STEEP) == expected
