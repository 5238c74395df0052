"""
Bodies of another version of a schema, read as today's: Avro's writer-to-reader resolution.

fastavro resolves, the result is written as today's body, and today's compiled reader makes the
struct, so there is one way in which structs are made. A body costs about 60 µs instead of 8;
records of older versions are few or being replayed.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import fastavro

from ckm_stream.codec.avro import AvroSchema, Json
from ckm_stream.codec.reading import READING_ERRORS, Reader

#: All that a resolving reader raises for bytes that are not a body of the writer's schema.
RESOLUTION_ERRORS: Final = (
    *READING_ERRORS,
    EOFError,  # the bytes end inside a value
    OverflowError,  # a size or an integer of too many bits
    fastavro.read.SchemaResolutionError,  # an enum symbol that today's schema has no default for
)


def resolving_reader(writer: AvroSchema, reader: AvroSchema, read: Reader) -> Reader:
    """Return a reader of bodies of *writer* that gives what *read*, the one of *reader*, gives."""
    written = fastavro.parse_schema(without_logical_types(writer.json))
    wanted = fastavro.parse_schema(without_logical_types(reader.json))

    def read_other(data: bytes, position: int) -> Any:  # noqa: ANN401 -- what the reader makes
        stream = BytesIO(data)
        stream.seek(position)
        record = fastavro.schemaless_reader(stream, written, wanted)
        if stream.tell() != len(data):
            raise ValueError("bytes behind the body")
        body = BytesIO()
        fastavro.schemaless_writer(body, wanted, record)
        return read(body.getvalue(), 0)

    return read_other


def without_logical_types(json: Json) -> Json:
    """Return a schema in which a timestamp is an integer."""
    if isinstance(json, Mapping):
        return {
            key: without_logical_types(value) for key, value in json.items() if key != "logicalType"
        }
    if isinstance(json, list):
        return [without_logical_types(value) for value in json]
    return json
