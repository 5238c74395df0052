"""Batches that compiled code writes are those of aiokafka's builder, but for when."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from ckm_stream.pipeline.records import Headers, OutputRecord
from ckm_stream.settings import CoreKind
from ckm_stream.streaming.batches import Packing, StockPacking, packing_of

_SNAPPY = 2
STATE = (7, 3, 41)

names = st.text(max_size=5)
values = st.none() | st.binary(max_size=300) | st.sampled_from([b"same" * 200])
headers = st.lists(st.tuples(names, st.binary(max_size=9)), max_size=2).map(tuple)
outputs = st.builds(
    OutputRecord,
    topic=st.sampled_from(["a", "b"]),
    partition=st.sampled_from([None, 0, 1]),
    key=values,
    value=values,
    headers=headers,
)
entries = st.tuples(st.binary(max_size=20), st.binary(max_size=900))
#: From less than a header to more than all records have.
limits = st.integers(min_value=0, max_value=4_000)


class Producer:
    """What a packing takes from a producer."""

    def __init__(self, limit: int, *, transactional: bool) -> None:
        transactional_id = "app-3" if transactional else None
        self._txn_manager = SimpleNamespace(transactional_id=transactional_id)
        self._message_accumulator = SimpleNamespace(_batch_size=limit)

    def create_batch(self) -> BatchBuilder:
        """Return an empty batch."""
        return BatchBuilder(
            self._message_accumulator._batch_size,
            _SNAPPY,
            is_transactional=self._txn_manager.transactional_id is not None,
        )


compiled = packing_of(CoreKind.COMPILED)


def read(batch: Any) -> dict[str, Any]:
    """Return all that a batch says, as a broker and its consumers read it, but for when."""
    batch._set_producer_state(*STATE)
    assert batch.closed()
    data = bytes(batch._build())
    assert bytes(batch._build()) == data, "a batch that is sent again is the same"
    assert batch.size() == len(data)
    records = MemoryRecords(data)
    read = records.next_batch()
    assert not records.has_next()
    assert read.validate_crc()
    said = {
        name: getattr(read, name)
        for name in (
            "base_offset",
            "magic",
            "is_transactional",
            "is_control_batch",
            "producer_id",
            "producer_epoch",
            "base_sequence",
            "last_offset_delta",
            "timestamp_type",
        )
        if hasattr(read, name)
    }
    assert read.first_timestamp <= read.max_timestamp
    rows = [(each.offset, each.key, each.value, tuple(each.headers)) for each in read]
    assert len(rows) == batch.record_count()
    return said | {"records": rows}


def both(limit: int, pack: Any, *, transactional: bool = False) -> tuple[Any, Any]:
    """Return what *pack* makes by either packing."""
    packings: list[Packing] = [StockPacking(), compiled]
    stock, ours = (
        [read(batch) for batch in pack(each, Producer(limit, transactional=transactional))]
        for each in packings
    )
    return stock, ours


class TestPackedBatches:
    """The same records in the same batches."""

    @settings(max_examples=300)
    @given(st.lists(outputs, min_size=1, max_size=30), limits, st.booleans())
    def test_outputs_are_packed_as_aiokafka_packs_them(
        self, records: list[OutputRecord], limit: int, transactional: bool
    ) -> None:
        """Attributes, producer, sequence, limits, compression and every record."""
        stock, ours = both(
            limit, lambda p, q: p.pack_outputs(q, records), transactional=transactional
        )

        assert ours == stock

    @settings(max_examples=200)
    @given(st.lists(entries, min_size=1, max_size=30), headers, limits)
    def test_entries_are_packed_as_records_of_their_changelog(
        self, pairs: list[tuple[bytes, bytes]], mark: Headers, limit: int
    ) -> None:
        """With the unit's mark on each."""
        stock, ours = both(limit, lambda p, q: p.pack_entries(q, "t", pairs, mark))

        assert ours == stock

    @pytest.mark.parametrize("limit", [144, 145, 146])
    def test_a_batch_is_full_when_its_limit_is_reached(self, limit: int) -> None:
        """Five records of 84 bytes behind a header of 61: the fifth goes into the next batch."""
        pairs = [(b"", b"2"), (b"", b"v" * 13), (b"", b"v" * 14), (b"k", b"v" * 11)]
        pairs += [(b"key5", b"value")]

        stock, ours = both(limit, lambda p, q: p.pack_entries(q, "t", pairs, ()))

        assert ours == stock
        assert [len(each["records"]) for each in ours] == ([5] if limit > 145 else [4, 1])

    @pytest.mark.parametrize("size", [1, (32 << 10) - 100, 32 << 10, 200_001, 13 << 20])
    def test_a_record_of_any_size_is_packed(self, size: int) -> None:
        """One that is larger than a batch has one of its own, before and behind others."""
        large = OutputRecord("a", 0, b"k", bytes(range(256)) * (size // 256 + 1))
        small = OutputRecord("a", 0, b"k", b"v")

        stock, ours = both(1 << 20, lambda p, q: p.pack_outputs(q, [small, large, large, small]))

        assert ours == stock

    @given(st.lists(outputs, max_size=30))
    def test_targets_keep_their_order(self, records: list[OutputRecord]) -> None:
        """Topics and partitions as they come first, and their records as they come."""
        ours = compiled.by_target(records)

        assert list(ours.items()) == list(StockPacking().by_target(records).items())

    def test_a_packed_batch_takes_no_more(self) -> None:
        """As a closed one of aiokafka's."""
        [batch] = compiled.pack_outputs(
            Producer(100, transactional=False), [OutputRecord("a", 0, b"k", b"v")]
        )
        batch.close()

        assert batch.append(key=b"k", value=b"v", timestamp=None, headers=[]) is None
        assert batch.record_count() == 1

    @pytest.mark.parametrize("bad", [("a", 0, b"k"), ("a", 0, "k", b"v", ()), ["a"]])
    def test_what_is_no_record_is_refused(self, bad: Any) -> None:
        """It would be read past its end."""
        with pytest.raises(TypeError):
            compiled.pack_outputs(Producer(100, transactional=False), [bad])
        with pytest.raises(TypeError):
            compiled.pack_entries(Producer(100, transactional=False), "t", [bad], ())

    def test_what_compression_makes_larger_is_sent_as_it_is(self) -> None:
        """Of a short record Snappy's frame alone is more than what it saves."""
        producer, records = (
            Producer(1 << 20, transactional=False),
            [OutputRecord("a", 0, b"k", b"v")],
        )
        [stock], [ours] = (
            each.pack_outputs(producer, records) for each in (StockPacking(), compiled)
        )

        assert read(ours) == read(stock)
        assert ours.size() < stock.size()
