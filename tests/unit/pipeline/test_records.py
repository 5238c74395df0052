"""What goes into the core and what comes out."""

from ckm_stream.codec.topics import Source
from ckm_stream.errors import Reason
from ckm_stream.pipeline.records import Tally
from tests.support.units import Record, slice_of


def test_the_next_offset_of_a_slice_follows_its_last_record() -> None:
    """Gaps (transaction markers, compacted records) inside a slice do not matter."""
    part = slice_of([Record(4, b"k", None), Record(9, b"k", None)], Source.CALL)

    assert part.next_offset == 10


def test_every_consumed_record_needs_one_verdict() -> None:
    """Consumed = applied + duplicates + redelivered + dead-lettered, over all sources."""
    tally = Tally()
    tally.consumed[Source.CALL] = 3
    tally.consumed[Source.TICKET] = 2
    tally.applied[Source.CALL] = 1
    tally.duplicates[Source.CALL] = 1
    tally.redelivered[Source.TICKET] = 1
    tally.dead_lettered[Source.CALL, Reason.NEGATIVE] = 1

    assert tally.unaccounted() == 1

    tally.dead_lettered[Source.TICKET, Reason.NULL_VALUE] = 1

    assert tally.unaccounted() == 0
