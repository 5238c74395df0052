"""The progress of a replay: any set of offsets, said in an offset and its metadata."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.putback import PutBack

_RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


def filled(ranges: list[tuple[int, int]]) -> PutBack:
    """Add ranges one after the other."""
    made = PutBack()
    for first, end in ranges:
        made.add(first, end)
    return made


@given(_RANGES)
def test_what_was_added_is_in_and_survives_being_committed(ranges: list[tuple[int, int]]) -> None:
    """Against a set of offsets: the same members, the first missing one, and a round trip."""
    expected = {offset for first, end in ranges for offset in range(first, end)}
    made = filled(ranges)

    again = PutBack.of(made.next_offset, made.metadata())

    for each in (made, again):
        assert {offset for offset in range(70) if offset in each} == expected
        assert each.next_offset == min(set(range(70)) - expected)
    assert again.metadata() == made.metadata()


def test_without_holes_an_offset_says_it_all() -> None:
    """The usual case is a plain committed offset, as any tool shows it."""
    made = filled([(0, 5), (5, 500)])

    assert (made.next_offset, made.metadata()) == (500, "")


def test_nothing_committed_is_nothing_put_back() -> None:
    """Before the first replay, and after a broker that keeps no metadata."""
    assert PutBack.of(None, None).next_offset == 0
    assert PutBack.of(3, None).next_offset == 3
    assert 3 not in PutBack.of(3, None)


def test_large_gaps_are_short() -> None:
    """Distances, not offsets: a topic of billions costs no more than a new one."""
    made = filled([(0, 10**12), (10**12 + 7, 10**12 + 8)])

    assert made.metadata() == "7.1"


def test_too_many_pieces_are_refused_with_the_remedy() -> None:
    """A broker refuses more than 4,096 bytes: said before anything is sent."""
    made = filled([(offset, offset + 1) for offset in range(0, 4000, 2)])

    with pytest.raises(ConfigurationError, match="wider filter"):
        made.metadata()


def test_progress_of_another_program_is_refused() -> None:
    """Somebody else's consumer group is not overwritten."""
    with pytest.raises(ConfigurationError, match="did not write"):
        PutBack.of(3, "checkpoint-7")
