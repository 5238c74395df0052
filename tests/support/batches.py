"""Record batches as a broker keeps them: built by aiokafka, and given what only a broker sets."""

import struct
from dataclasses import dataclass
from typing import Final

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

Headers = list[tuple[str, bytes | None]]
#: Offset in the batch, timestamp, key, value, headers.
Entry = tuple[int, int, bytes | None, bytes | None, Headers]

ABORT: Final = b"\0\0\0\0"
COMMIT: Final = b"\0\0\0\1"
_CRC_AT: Final = 17
_ATTRIBUTES_AT: Final = 21
_LAST_OFFSET_DELTA_AT: Final = 23
_APPEND_TIME: Final = 0x08
_CONTROL: Final = 0x20


@dataclass(frozen=True)
class Batch:
    """What a batch is made of; offsets in it may have gaps, as after a compaction."""

    entries: tuple[Entry, ...]
    base_offset: int = 0
    #: How many offsets the batch takes; more than its entries tell if its last ones are gone.
    offsets: int = 1
    codec: int = 0
    producer_id: int = -1
    is_transactional: bool = False
    is_control: bool = False
    has_append_time: bool = False

    def encode(self) -> bytes:
        """Return the batch's bytes."""
        builder = DefaultRecordBatchBuilder(
            magic=2,
            compression_type=self.codec,
            is_transactional=int(self.is_transactional),
            producer_id=self.producer_id,
            producer_epoch=0,
            base_sequence=0,
            batch_size=1 << 24,
        )
        for offset, timestamp, key, value, headers in self.entries:
            builder.append(offset, timestamp, key, value, headers)
        data = bytearray(builder.build())
        (attributes,) = struct.unpack_from(">h", data, _ATTRIBUTES_AT)
        attributes |= _APPEND_TIME * self.has_append_time | _CONTROL * self.is_control
        struct.pack_into(">h", data, _ATTRIBUTES_AT, attributes)
        struct.pack_into(">i", data, _LAST_OFFSET_DELTA_AT, self.offsets - 1)
        struct.pack_into(">q", data, 0, self.base_offset)
        return with_checksum(data)


def with_checksum(batch: bytearray) -> bytes:
    """Return *batch* with the checksum that its bytes have now."""
    struct.pack_into(">I", batch, _CRC_AT, calc_crc32c(batch[_ATTRIBUTES_AT:]))
    return bytes(batch)


def marker(kind: bytes, *, base_offset: int, producer_id: int) -> Batch:
    """Return the batch that ends a transaction."""
    return Batch(
        ((0, 0, kind, b"\0\0\0\0\0\0", []),),
        base_offset=base_offset,
        producer_id=producer_id,
        is_transactional=True,
        is_control=True,
    )
