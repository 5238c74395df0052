"""
Records of an Avro object container file, with times as integers.

fastavro would turn timestamps into datetimes, which ends at the year 9999 and costs more than the
rest of the decoding. So its blocks are taken apart here by the file's own schema without logical
types. Each record then goes through the JSON form, which knows the fields and their defaults.
"""

from collections.abc import Iterator
from typing import IO, Any, Final, cast

from fastavro import block_reader, parse_schema, schemaless_reader

from ckm_stream.codec.resolution import without_logical_types
from ckm_stream.codec.topics import Source
from ckm_stream.errors import ConfigurationError

AVRO_MAGIC: Final = b"Obj\x01"

_SOURCES: Final = {
    "TouchpointCall": Source.CALL,
    "TouchpointTicket": Source.TICKET,
    "TouchpointPurchase": Source.PURCHASE,
    "TouchpointFeedback": Source.FEEDBACK,
}


def read_avro_records(
    file: IO[bytes], source: Source | None
) -> Iterator[tuple[dict[str, Any], Source]]:
    """
    Yield the records of an open container file and their type.

    Args:
        file: At its start.
        source: Their type, where the schema's name does not say it.

    Raises:
        ConfigurationError: If the header, the schema or a block cannot be read.
    """
    number = 0
    try:
        blocks = block_reader(file)
        schema = without_logical_types(blocks.writer_schema)
        of = _source_of(schema, source)
        parsed = parse_schema(schema)
        for block in blocks:
            body: IO[bytes] = cast(Any, block).bytes_  # there, but not in fastavro's annotations
            for _ in range(block.num_records):
                record = schemaless_reader(body, parsed, None)
                number += 1
                yield _as_record(record), of
    except (EOFError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the Avro file is damaged after record {number}: {type(error).__name__} {error}"
        ) from error


def _source_of(schema: Any, source: Source | None) -> Source:  # noqa: ANN401 -- any JSON
    name = str(schema.get("name", "")) if isinstance(schema, dict) else ""
    of = _SOURCES.get(name.rpartition(".")[2], source)
    if of is None:
        raise ConfigurationError(
            f"the Avro file holds {name or 'no record'!r}, not a touchpoint; use --source"
        )
    return of


def _as_record(record: object) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise ConfigurationError("the Avro file does not hold records")
    return record
