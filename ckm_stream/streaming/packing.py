"""
Batches for a producer, written by the compiled core.

What a producer does with a batch is aiokafka's business still. Importable with the compiled core
alone; ``streaming.batches`` has the way without.
"""

import time
from typing import Any, Final

import cramjam
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from ckm_stream.native import packing
from ckm_stream.pipeline.records import Headers, OutputRecord

_SNAPPY: Final = 2
_TRANSACTIONAL: Final = 0x10
# The frame that Kafka's clients expect around Snappy's blocks: magic, version, compatible with.
_FRAME: Final = b"\x82SNAPPY\x00" + (1).to_bytes(4, "big") * 2
_BLOCK_BYTES: Final = 32 << 10
_LENGTH_BYTES: Final = 4
_RECORDS_AT: Final = packing.RECORDS_AT


class PackedBatch:
    """Records that are complete; in the place of aiokafka's ``BatchBuilder``."""

    __slots__ = ("_attributes", "_buffer", "_count", "_producer", "_records", "_timestamp_ms")

    def __init__(self, records: bytes, count: int, *, timestamp_ms: int, attributes: int) -> None:
        self._records = records
        self._count = count
        self._timestamp_ms = timestamp_ms
        self._attributes = attributes
        self._producer = (-1, -1, -1)
        self._buffer: bytearray | None = None

    def append(self, **_record: Any) -> None:
        """Take nothing more."""

    def close(self) -> None:
        """Do nothing: it has never been open."""

    def closed(self) -> bool:
        """Return that it takes no more."""
        return True

    def record_count(self) -> int:
        """Return how many records there are."""
        return self._count

    def size(self) -> int:
        """Return the bytes of the batch; before it is built, of what is not compressed yet."""
        return len(self._records if self._buffer is None else self._buffer)

    def _set_producer_state(
        self, producer_id: int, producer_epoch: int, base_sequence: int
    ) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytearray:
        if self._buffer is None:
            self._buffer = self._built()
            self._records = b""
        return self._buffer

    def _built(self) -> bytearray:
        batch, codec = compressed(self._records), _SNAPPY
        if len(batch) >= len(self._records):
            batch, codec = bytearray(self._records), 0
        producer_id, epoch, sequence = self._producer
        packing.write_header(
            batch,
            attributes=self._attributes | codec,
            count=self._count,
            timestamp_ms=self._timestamp_ms,
            producer_id=producer_id,
            epoch=epoch,
            sequence=sequence,
        )
        packing.write_checksum(batch, calc_crc32c(memoryview(batch)[packing.CHECKED_FROM :]))
        return batch


def compressed(batch: bytes) -> bytearray:
    """Return *batch* with its records compressed; its header is still to be written."""
    plain = memoryview(batch)
    size = len(plain) - _RECORDS_AT
    most = cramjam.snappy.compress_raw_max_len(plain[:_BLOCK_BYTES])
    blocks = -(-size // _BLOCK_BYTES)
    out = bytearray(_RECORDS_AT + len(_FRAME) + blocks * (_LENGTH_BYTES + most))
    room = memoryview(out)
    end = _RECORDS_AT + len(_FRAME)
    room[_RECORDS_AT:end] = _FRAME
    for start in range(_RECORDS_AT, len(plain), _BLOCK_BYTES):
        at = end + _LENGTH_BYTES
        written = cramjam.snappy.compress_raw_into(plain[start : start + _BLOCK_BYTES], room[at:])
        room[end:at] = written.to_bytes(_LENGTH_BYTES, "big")
        end = at + written
    room.release()
    del out[end:]
    return out


class CompiledPacking:
    """Makes ``PackedBatch``es."""

    def pack_outputs(self, producer: AIOKafkaProducer, records: list[OutputRecord]) -> list[Any]:
        """Return the batches of records of one target."""
        return _batches(producer, packing.pack_outputs(records, _limit(producer)))

    def pack_entries(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        entries: list[tuple[bytes, bytes]],
        headers: Headers,
    ) -> list[Any]:
        """Return the batches of a changelog's entries, each with *headers*."""
        return _batches(producer, packing.pack_entries(entries, headers, _limit(producer)))

    def by_target(
        self, records: list[OutputRecord]
    ) -> dict[tuple[str, int | None], list[OutputRecord]]:
        """Return the records of each topic and partition, in their order."""
        return packing.by_target(records)


def _limit(producer: AIOKafkaProducer) -> int:
    limit: int = producer._message_accumulator._batch_size  # noqa: SLF001 -- no public way to it
    return limit


def _batches(producer: AIOKafkaProducer, packed: list[tuple[bytes, int]]) -> list[Any]:
    manager = producer._txn_manager  # noqa: SLF001 -- likewise
    is_transactional = manager is not None and manager.transactional_id is not None
    attributes = _TRANSACTIONAL if is_transactional else 0
    timestamp_ms = time.time_ns() // 1_000_000
    return [
        PackedBatch(records, count, timestamp_ms=timestamp_ms, attributes=attributes)
        for records, count in packed
    ]
