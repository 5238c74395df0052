"""What becomes of a fetch in the consumer of batches, without a broker."""

from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

import pytest
from aiokafka import codec
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.structs import TopicPartition

from tests.support.batches import Batch, Entry

pytest.importorskip("ckm_stream.native.batches", reason="the compiled core is not built")

from ckm_stream.streaming.batch_consumer import (
    _FetchedBytes,
    _FetchResult,
    _new_reader,
    decompress,
)

TP: Final = TopicPartition("calls", 0)
FORMATS: Final = ["format 2", "format 1"]


@dataclass
class State:
    """The state of the one partition."""

    position: int
    paused: bool = False

    def consumed_to(self, position: int) -> None:
        """Move on."""
        self.position = position


@dataclass
class Assignment:
    """An assignment of one partition."""

    state: State
    active: bool = True

    def state_value(self, _tp: TopicPartition) -> State:
        """Return its state."""
        return self.state


@dataclass
class Fetched:
    """A fetch at offset 0 of *data*, as the fetcher would keep it."""

    data: bytes
    state: State = field(default_factory=lambda: State(0))

    def result(self) -> Any:
        """Return it."""
        reader = _new_reader(
            TP,
            _FetchedBytes(self.data),
            None,
            self.state.position,
            key_deserializer=None,
            value_deserializer=None,
            check_crcs=True,
            isolation_level=READ_COMMITTED,
        )
        return _FetchResult(
            TP, assignment=Assignment(self.state), partition_records=reader, backoff=0.1
        )


def batch(count: int, base_offset: int = 0) -> bytes:
    """Return a batch of so many records."""
    entries: tuple[Entry, ...] = tuple((n, 0, b"k", b"v%d" % n, []) for n in range(count))
    return Batch(entries, base_offset=base_offset, offsets=count).encode()


def old_batch(count: int) -> bytes:
    """Return records of format 1."""
    builder = LegacyRecordBatchBuilder(magic=1, compression_type=0, batch_size=1 << 16)
    for n in range(count):
        builder.append(n, timestamp=0, key=b"k", value=b"v%d" % n)
    return bytes(builder.build())


def offsets(records: Any) -> list[int]:
    """Return the offsets."""
    return [each.offset for each in records]


@pytest.mark.parametrize("data", [batch(3) + batch(4, base_offset=3), old_batch(7)], ids=FORMATS)
def test_portions_move_the_position(data: bytes) -> None:
    """Format 1 is aiokafka's to read, and looks the same."""
    fetched = Fetched(data)
    result = fetched.result()

    taken = []
    while result.has_more():
        taken.append((offsets(result.getall(5)), fetched.state.position))

    assert [each for each in taken if each[0]] == [([0, 1, 2, 3, 4], 5), ([5, 6], 7)]


@pytest.mark.parametrize("data", [batch(3), old_batch(3)], ids=FORMATS)
def test_one_at_a_time(data: bytes) -> None:
    """Until there is none."""
    fetched = Fetched(data)
    result = fetched.result()

    values = [result.getone().value for _ in range(3)]

    assert (values, fetched.state.position) == ([b"v0", b"v1", b"v2"], 3)
    assert result.getone() is None
    assert not result.has_more()


@pytest.mark.parametrize("data", [batch(3), old_batch(3)], ids=FORMATS)
def test_without_a_limit_all_is_read(data: bytes) -> None:
    """As aiokafka does."""
    fetched = Fetched(data)
    result = fetched.result()

    assert (offsets(result.getall()), fetched.state.position) == ([0, 1, 2], 3)
    assert not result.has_more()


@pytest.mark.parametrize("data", [batch(3), old_batch(3)], ids=FORMATS)
def test_a_reader_is_handed_over_unread(data: bytes) -> None:
    """The position is behind all at once."""
    fetched = Fetched(data)
    result = fetched.result()

    (reader,) = result.getall(inf)

    assert (fetched.state.position, result.has_more()) == (3, False)
    assert [offsets(reader.take(2)) for _ in range(3)] == [[0, 1], [2], []]


def test_what_was_sought_away_from_is_dropped() -> None:
    """A position that moved meanwhile, an assignment that ended, a paused partition."""
    fetched = Fetched(batch(3))
    moved, ended, paused = fetched.result(), fetched.result(), fetched.result()
    ended._assignment.active = False

    fetched.state.position = 9
    given = [moved.getall(5), ended.getall(5)]
    fetched.state.position, fetched.state.paused = 0, True
    given.append(paused.getall())

    assert given == [[], [], []]
    assert not any(each.has_more() for each in (moved, ended, paused))


def test_a_corrupt_batch_is_aiokafkas_error() -> None:
    """The position stays, so that it is fetched again."""
    data = bytearray(batch(3))
    data[-1] ^= 1
    fetched = Fetched(bytes(data))
    result = fetched.result()

    with pytest.raises(CorruptRecordException, match="checksum"):
        result.getall(5)

    assert fetched.state.position == 0
    assert len(result.getall(5)) == 0
    assert not result.has_more()


def test_an_unknown_codec_is_named() -> None:
    """Whoever operates it must know which client to upgrade."""
    with pytest.raises(UnsupportedCodecError, match="7"):
        decompress(7, memoryview(b""))


@pytest.mark.parametrize("size", [1, 32 * 1024, 100_000])
def test_snappy_is_decoded_as_aiokafka_does(size: int) -> None:
    """In blocks, as clients write it, or as one."""
    data = bytes(n * n % 251 for n in range(size))

    for in_blocks in (True, False):
        encoded = memoryview(codec.snappy_encode(data, xerial_compatible=in_blocks))

        assert bytes(decompress(2, encoded)) == codec.snappy_decode(encoded.tobytes())


@pytest.mark.parametrize("size", [b"\0\0\0\x09", b"\xff\xff\xff\xfc"])
def test_a_block_of_snappy_that_is_not_there_is_corrupt(size: bytes) -> None:
    """Too long, or of a negative size, which would be read for ever."""
    encoded = codec.snappy_encode(b"abc")[:16] + size + b"12345"

    with pytest.raises(CorruptRecordException, match="block"):
        decompress(2, memoryview(encoded))
