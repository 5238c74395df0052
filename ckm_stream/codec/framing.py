"""Confluent's frame: a zero byte, the schema id as big-endian int32, then the Avro body."""

import struct
from typing import Final

from ckm_stream.errors import Reason, RejectedRecord

MAGIC: Final = 0
HEADER_BYTES: Final = 5
_HEADER: Final = struct.Struct(">BI")


def frame(schema_id: int, body: bytes) -> bytes:
    """Put *schema_id* before an Avro *body*."""
    return _HEADER.pack(MAGIC, schema_id) + body


def schema_id_of(value: bytes) -> int:
    """
    Return the schema id of a framed *value*, whose body starts at ``HEADER_BYTES``.

    Raises:
        RejectedRecord: If there is no frame (``NOT_FRAMED``).
    """
    if len(value) < HEADER_BYTES or value[0] != MAGIC:
        size = f" of {len(value)} bytes" if len(value) < HEADER_BYTES else ""
        first = f"starts with byte {value[0]}" if value else "is empty"
        raise RejectedRecord(
            Reason.NOT_FRAMED,
            f"value{size} {first}; Confluent's frame is byte 0 and 4 bytes of schema id",
        )
    schema_id: int = _HEADER.unpack_from(value)[1]
    return schema_id


def split(value: bytes) -> tuple[int, bytes]:
    """
    Return the schema id and the Avro body of a framed *value*.

    Raises:
        RejectedRecord: If there is no frame (``NOT_FRAMED``).
    """
    return schema_id_of(value), value[HEADER_BYTES:]
