"""The unit that a changelog ends with: whose last change may not have been announced."""

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.pipeline.records import Headers
from ckm_stream.streaming.last_unit import LastUnits, mark_of

ONE, TWO = mark_of({"calls": 1}), mark_of({"calls": 1, "tickets": 1})


@dataclass(frozen=True)
class Record:
    """A changelog record."""

    key: bytes
    headers: Headers = ()


def last_of(*batches: list[Record]) -> list[bytes]:
    """Return the last unit's keys, the changelog having been read in these batches."""
    units = LastUnits()
    for batch in batches:
        units.note(0, batch)
    return units.keys(0)


def test_the_last_unit_is_what_carries_the_last_record_s_mark() -> None:
    """Whatever was written before it has been told."""
    assert last_of([Record(b"a", ONE), Record(b"b", TWO), Record(b"c", TWO)]) == [b"b", b"c"]


def test_a_changelog_that_ends_without_a_mark_was_told_of() -> None:
    """Transactions write a state and its update as one; so an earlier mark means nothing."""
    assert last_of([Record(b"a", ONE)], [Record(b"b")]) == []


def test_partitions_have_last_units_of_their_own() -> None:
    """And one that was told, or lost, has none."""
    units = LastUnits()
    units.note(0, [Record(b"a", ONE)])
    units.note(1, [Record(b"b", ONE)])

    units.forget(0)

    assert (units.keys(0), units.keys(1)) == ([], [b"b"])


@given(st.lists(st.sampled_from([ONE, TWO, ()]), max_size=8), st.lists(st.integers(0, 8)))
def test_it_does_not_matter_how_the_changelog_is_fetched(
    marks: list[Headers], cuts: list[int]
) -> None:
    """Fetches end anywhere, in the middle of a unit too, and may be empty."""
    records = [Record(b"%d" % place, mark) for place, mark in enumerate(marks)]
    edges = [0, *sorted(min(cut, len(records)) for cut in cuts), len(records)]
    batches = [records[a:b] for a, b in pairwise(edges)]

    assert last_of(*batches) == last_of(records)
