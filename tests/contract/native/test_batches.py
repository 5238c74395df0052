"""Reading record batches in place: the records, positions and refusals are aiokafka's."""

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partialmethod
from typing import Any, Final

import cramjam
import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, PartitionRecords
from aiokafka.errors import KafkaError
from aiokafka.record import memory_records
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import calc_crc32c, decode_varint_py
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from tests.support.batches import ABORT, COMMIT, Batch, Entry, Headers, marker, with_checksum

pytest.importorskip("ckm_stream.native.batches", reason="the compiled core is not built")

from ckm_stream.native.batches import BatchError, BatchReader, RecordSequence
from ckm_stream.native.store import CompactStore
from ckm_stream.pipeline.store import DictStore, StateStore, keys_of
from ckm_stream.streaming.batch_consumer import decompress
from ckm_stream.streaming.last_unit import HEADER, _run_at_end

TP: Final = TopicPartition("calls", 0)
#: What the reference refuses a set of batches with; the codecs' errors are raised by both.
CODEC_ERRORS: Final = (OSError, EOFError, zlib.error, cramjam.DecompressionError)
REFUSALS: Final = (KafkaError, BatchError, struct.error, TypeError, ValueError, *CODEC_ERRORS)
REFUSED: Final = "refused"

Read = tuple[list[tuple[Any, ...]], int]


@pytest.fixture(autouse=True)
def pure_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let aiokafka read in Python: compiled, it may crash behind the end of what is broken."""
    read = partialmethod(_DefaultRecordBatchPy._read_msg, decode_varint=decode_varint_py)
    monkeypatch.setattr(_DefaultRecordBatchPy, "_read_msg", read)
    monkeypatch.setattr(memory_records, "DefaultRecordBatch", _DefaultRecordBatchPy)


def as_tuple(record: Any) -> tuple[Any, ...]:
    """Return all that a record of a batch is made of."""
    return (
        record.offset,
        record.timestamp,
        record.timestamp_type,
        record.key,
        record.value,
        tuple(record.headers),
    )


def by_reference(
    data: bytes, aborted: list[tuple[int, int]], fetch_offset: int, *, committed: bool
) -> Read:
    """Return the records that aiokafka reads, and the position behind them."""
    isolation = READ_COMMITTED if committed else READ_UNCOMMITTED
    records = PartitionRecords(
        TP,
        _MemoryRecordsPy(data),
        aborted,
        fetch_offset,
        key_deserializer=None,
        value_deserializer=None,
        check_crcs=True,
        isolation_level=isolation,
    )
    return [as_tuple(each) for each in records], records.next_fetch_offset


def reader_of(
    data: bytes,
    aborted: list[tuple[int, int]] | None = None,
    fetch_offset: int = 0,
    *,
    committed: bool = True,
) -> BatchReader:
    """Return the compiled reader, as the consumer makes it."""
    return BatchReader(
        data,
        aborted,
        fetch_offset,
        read_committed=committed,
        crc32c=calc_crc32c,
        decompress=decompress,
    )


def portions(reader: BatchReader, size: int | None) -> Iterator[RecordSequence]:
    """Yield what *reader* has, so many records at a time."""
    while taken := reader.take(size):
        yield taken


def in_place(
    data: bytes,
    aborted: list[tuple[int, int]],
    fetch_offset: int,
    *,
    committed: bool,
    size: int | None = None,
) -> Read:
    """Return the records that are read in place, and the position behind them."""
    reader = reader_of(data, aborted, fetch_offset, committed=committed)
    taken = [as_tuple(each) for part in portions(reader, size) for each in part]
    return taken, reader.next_fetch_offset


def verdict(read: Any, *arguments: Any, **options: Any) -> Read | str:
    """Return what *read* gives, or that it refuses."""
    try:
        result: Read = read(*arguments, **options)
    except REFUSALS:
        return REFUSED
    return result


octets = st.none() | st.binary(max_size=40)
headers = st.lists(st.tuples(st.text(max_size=8), octets), max_size=3)


@st.composite
def batches(draw: st.DrawFn) -> list[Batch]:
    """Draw consecutive batches: gaps, codecs, transactions of two producers, their markers."""
    found = []
    base_offset = draw(st.integers(0, 3) | st.just(1 << 40))
    for _ in range(draw(st.integers(0, 6))):
        producer = draw(st.sampled_from([-1, 7, 8]))
        if producer >= 0 and draw(st.booleans()):
            kind = draw(st.sampled_from([ABORT, COMMIT]))
            found.append(marker(kind, base_offset=base_offset, producer_id=producer))
        else:
            offsets = draw(st.integers(1, 8))
            kept = sorted(draw(st.sets(st.integers(0, offsets - 1))))
            entries: tuple[Entry, ...] = tuple(
                (place, draw(st.integers(0, 1 << 41)), draw(octets), draw(octets), draw(headers))
                for place in kept
            )
            batch = Batch(
                entries,
                base_offset=base_offset,
                offsets=offsets,
                codec=draw(st.integers(0, 4)) if kept else 0,  # as a broker leaves it behind
                producer_id=producer,
                is_transactional=producer >= 0 and draw(st.booleans()),
                has_append_time=draw(st.booleans()),
            )
            found.append(batch)
        base_offset += found[-1].offsets + draw(st.integers(0, 2))
    return found


@st.composite
def fetches(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, int]], int]:
    """Draw a record set, whose last batch may be cut, aborted transactions, and what was asked."""
    found = draw(batches())
    data = b"".join(batch.encode() for batch in found)
    if data and draw(st.booleans()):
        data = data[: draw(st.integers(0, len(data)))]
    last = found[-1].base_offset + found[-1].offsets if found else 5
    first = found[0].base_offset if found else 0
    offsets = st.integers(first, last)
    aborted = draw(st.lists(st.tuples(st.sampled_from([7, 8]), offsets), max_size=3))
    return data, aborted, draw(offsets)


@given(fetches(), st.booleans(), st.none() | st.integers(1, 5))
def test_a_fetch_gives_aiokafkas_records(
    fetched: tuple[bytes, list[tuple[int, int]], int], committed: bool, size: int | None
) -> None:
    """All fields, in whatever portions; the position ends where aiokafka's does."""
    expected = by_reference(*fetched, committed=committed)

    assert in_place(*fetched, committed=committed, size=size) == expected


@given(fetches(), st.booleans(), st.data())
def test_a_broken_batch_is_refused_or_read_alike(
    fetched: tuple[bytes, list[tuple[int, int]], int], committed: bool, data: st.DataObject
) -> None:
    """Any bytes changed, with the checksum made right for all that is still a batch."""
    records, aborted, fetch_offset = fetched
    broken = bytearray(records)
    for _ in range(data.draw(st.integers(0, 4)) if broken else 0):
        place = data.draw(st.integers(0, len(broken) - 1))
        broken[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        broken = with_checksums(broken)
    changed = bytes(broken)
    if not BatchReader.is_readable(changed):
        return  # it is left to aiokafka

    expected = verdict(by_reference, changed, aborted, fetch_offset, committed=committed)
    found = verdict(in_place, changed, aborted, fetch_offset, committed=committed)

    assert found == expected


def with_checksums(data: bytearray) -> bytearray:
    """Return *data* with right checksums, as far as batches follow each other in it."""
    at = 0
    while len(data) - at >= 61:
        end = at + 12 + struct.unpack_from(">i", data, at + 8)[0]
        if not at + 61 <= end <= len(data):
            break
        data[at:end] = with_checksum(data[at:end])
        at = end
    return data


@given(st.binary(max_size=200), st.integers(0, 3))
def test_any_bytes_as_records_are_refused_or_read_alike(body: bytes, count: int) -> None:
    """Behind a right header, whatever comes."""
    batch = bytearray(Batch(()).encode()) + body
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    struct.pack_into(">i", batch, 57, count)
    data = with_checksum(batch)

    expected = verdict(by_reference, data, [], 0, committed=True)

    assert verdict(in_place, data, [], 0, committed=True) == expected


def entries(count: int) -> tuple[Entry, ...]:
    """Return so many small records."""
    return tuple((n, 1_000 + n, b"k%d" % n, b"v%d" % n, [("h", b"%d" % n)]) for n in range(count))


@given(st.integers(0, 9), st.data())
def test_a_sequence_is_like_a_list(count: int, data: st.DataObject) -> None:
    """Length, places from either end, slices of slices, iteration both ways."""
    reader = reader_of(Batch(entries(count), offsets=max(1, count)).encode())
    sequence, expected = reader.take(), [b"v%d" % n for n in range(count)]
    for _ in range(data.draw(st.integers(0, 3))):
        part = data.draw(st.slices(len(expected)))
        if part.step not in {None, 1}:
            assert [each.value for each in sequence[part]] == expected[part]
            continue
        sliced = sequence[part]
        assert isinstance(sliced, RecordSequence)
        sequence, expected = sliced, expected[part]

    assert len(sequence) == len(expected)
    assert [each.value for each in sequence] == expected
    assert [each.value for each in reversed(sequence)] == expected[::-1]
    for place in range(-len(expected), len(expected)):
        assert sequence[place].value == expected[place]
    for place in (len(expected), -len(expected) - 1):
        with pytest.raises(IndexError):
            sequence[place]


def test_records_outlive_what_they_were_read_from() -> None:
    """A slice keeps the memory that it points into, compressed or not."""
    data = b"".join(
        Batch(entries(3), base_offset=3 * n, offsets=3, codec=codec).encode()
        for n, codec in enumerate([0, 2, 0, 4])
    )

    kept = reader_of(data).take()[4:11][1:]
    del data

    assert [(each.offset, each.value) for each in kept] == [
        (offset, b"v%d" % (offset % 3)) for offset in range(5, 11)
    ]


def test_a_reader_knows_where_it_will_end() -> None:
    """So the next fetch can be asked for before the records are read: also past a marker."""
    data = b"".join(
        each.encode()
        for each in (
            Batch(entries(3), base_offset=5, offsets=4, producer_id=7, is_transactional=True),
            marker(COMMIT, base_offset=9, producer_id=7),
        )
    )
    reader = reader_of(data + data[:70], fetch_offset=6)

    ends = [reader.end_offset]
    while reader.take(1):
        ends.append(reader.end_offset)

    assert ends == [10] * 3
    assert reader.next_fetch_offset == 10
    assert not reader.has_more


@pytest.mark.parametrize(
    "new_store", [DictStore, CompactStore, lambda: CompactStore(packs=True, unpacked=9)]
)
def test_put_into_keeps_the_last_value_of_each_key(new_store: Callable[[], StateStore]) -> None:
    """A null value deletes, also what was never there."""
    written: list[tuple[bytes, bytes | None]] = [
        (b"a", b"1"),
        (b"b", b"1"),
        (b"a", b"2"),
        (b"b", None),
        (b"never", None),
        (b"c", b""),
    ]
    batch = Batch(
        tuple((n, 0, key, value, []) for n, (key, value) in enumerate(written)), offsets=6
    )
    store = new_store()
    store.put(b"old", b"0")
    for value in (b"-1", b"0"):  # the second time it is one of those put lately
        store.put(b"a", value)

    reader_of(batch.encode()).take().put_into(store)

    found = {key: store.get(key) for key in keys_of(store)}
    assert found == {b"old": b"0", b"a": b"2", b"c": b""}


@pytest.mark.parametrize(
    ("place", "message"),
    [(8, "shorter"), (17, "checksum"), (62, "checksum"), (-1, "checksum")],
)
def test_a_corrupt_batch_ends_the_reading(place: int, message: str) -> None:
    """Nothing of that portion is given, and nothing behind it."""
    good, bad = Batch(entries(2), offsets=2).encode(), bytearray(Batch(entries(2)).encode())
    bad[place] ^= 0xFF

    reader = reader_of(good + bytes(bad))

    with pytest.raises(BatchError, match=message):
        reader.take()
    assert not reader.has_more
    assert len(reader.take()) == 0


def test_checksums_can_be_left_unchecked() -> None:
    """As aiokafka's option says."""
    data = bytearray(Batch(entries(2), offsets=2).encode())
    data[17] ^= 0xFF

    reader = BatchReader(
        bytes(data), None, 0, read_committed=True, crc32c=None, decompress=decompress
    )

    assert len(reader.take()) == 2


def test_batches_of_older_formats_are_left_to_aiokafka() -> None:
    """One of them among ours is enough."""
    new = Batch(entries(2), offsets=2).encode()
    old = bytearray(new)
    old[16] = 1

    assert BatchReader.is_readable(new + new)
    assert not BatchReader.is_readable(new + bytes(old))


MARKS: Final = [(HEADER, b"1"), (HEADER, b"22"), (HEADER, None), (f"{HEADER}s", b"1"), ("c", b"1")]


@given(st.lists(st.lists(st.sampled_from(MARKS), max_size=3), min_size=1, max_size=6))
def test_the_mark_at_the_end_is_found_as_in_python(marks: list[Headers]) -> None:
    """The first header of that name counts, and only what follows without a break."""
    batch = Batch(
        tuple((n, 0, b"%d" % n, None, headers) for n, headers in enumerate(marks)),
        offsets=len(marks),
    )
    records = reader_of(batch.encode()).take()

    mark, keys = _run_at_end(records)

    assert records.run_at_end(HEADER.encode()) == (mark, [] if mark is None else keys)
    assert records[len(records) :].run_at_end(HEADER.encode()) == (None, [])  # type: ignore[attr-defined] # a slice of a sequence is one
