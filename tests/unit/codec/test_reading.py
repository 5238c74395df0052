"""Compiled readers of Avro bodies, beyond what the events' own schemas have."""

from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ckm_stream.codec.avro import parse
from ckm_stream.codec.reading import (
    READING_ERRORS,
    compile_reader,
    read_int,
    read_long,
    read_timestamp,
)
from ckm_stream.codec.writing import write_int, write_long, write_timestamp
from ckm_stream.errors import InvariantError

INNER: dict[str, Any] = {
    "type": "record",
    "name": "Inner",
    "fields": [
        {"name": "x", "type": "float"},
        {"name": "y", "type": {"type": "map", "values": "long"}},
    ],
}
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Outer",
    "fields": [
        {"name": "a", "type": "bytes"},
        {"name": "b", "type": ["string", "null", "int", "boolean"]},
        {"name": "c", "type": {"type": "array", "items": INNER}},
        {"name": "d", "type": {"type": "enum", "name": "E", "symbols": ["P", "Q"]}},
    ],
}
INNERS = st.fixed_dictionaries(
    {
        "x": st.floats(width=32, allow_nan=False),
        "y": st.dictionaries(st.text(), st.integers(-(1 << 63), (1 << 63) - 1), max_size=3),
    }
)
VALUES = st.fixed_dictionaries(
    {
        "a": st.binary(max_size=200),
        "b": st.text() | st.none() | st.integers(-(1 << 31), (1 << 31) - 1) | st.booleans(),
        "c": st.lists(INNERS, max_size=3),
        "d": st.sampled_from(["P", "Q"]),
    }
)


@given(VALUES)
def test_reader_without_types_gives_what_fastavro_gives(value: dict[str, Any]) -> None:
    """Records become dicts, symbols strings, arrays tuples; all else is as fastavro has it."""
    stream = BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(SCHEMA), value)

    read = compile_reader(parse(SCHEMA), {})(stream.getvalue(), 0)

    assert read == value | {"c": tuple(value["c"])}


@given(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 62).map(lambda bits: 1 << bits))
@example(-(1 << 48))
@example((1 << 48) - 1)
@example(1 << 55)
@example((1 << 55) - 1)
@example(-(1 << 55))
def test_long_comes_back_from_its_varint(number: int) -> None:
    """All 64-bit integers are written as fastavro does, survive, and end where they end."""
    written = write_long(number)
    stream = BytesIO()
    fastavro.schemaless_writer(stream, "long", number)

    assert written == write_timestamp(number) == stream.getvalue()
    for read in (read_long, read_timestamp):
        assert read(b"#" + written + b"~", 1) == (number, 1 + len(written))


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_int_comes_back_from_its_varint(number: int) -> None:
    """All 32-bit integers survive."""
    written = write_int(number)

    assert read_int(written, 0) == (number, len(written))


@pytest.mark.parametrize("number", [1 << 63, -(1 << 63) - 1, 1 << 200])
def test_long_of_more_than_64_bits_is_not_written(number: int) -> None:
    """The schema's limits are kept when writing."""
    with pytest.raises(ValueError, match="64 bits"):
        write_long(number)


@pytest.mark.parametrize("number", [1 << 31, -(1 << 31) - 1])
def test_int_of_more_than_32_bits_is_neither_written_nor_read(number: int) -> None:
    """The schema's limits are kept on both sides."""
    with pytest.raises(ValueError, match="32 bits"):
        write_int(number)
    with pytest.raises(ValueError, match="32 bits"):
        read_int(write_long(number), 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x02",
        b"\x00\x08",  # no such branch
        b"\x00\x01",  # a negative branch
        b"\x00\x06\x02",  # a boolean of 2
        b"\x00\x02\x00\x01",  # a negative symbol
        b"\x00\x02\x00\x04",  # no such symbol
        b"\x00\x02\x02\x00\x00",  # a float cut off
        b"\x00\x02\x00\x00\x00",  # a byte too many
    ],
)
def test_bytes_that_are_no_body_raise_what_is_announced(body: bytes) -> None:
    """Every failure is in ``READING_ERRORS``."""
    read = compile_reader(parse(SCHEMA), {})

    with pytest.raises(READING_ERRORS):
        read(body, 0)


def test_schema_that_cannot_be_compiled_is_a_defect() -> None:
    """Only types that our schemas use are compiled."""
    fixed = {"type": "fixed", "name": "F", "size": 4}
    large = {"type": "enum", "name": "E", "symbols": [f"S{place}" for place in range(65)]}

    for kind in (fixed, large):
        schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": kind}]}
        with pytest.raises(InvariantError):
            compile_reader(parse(schema), {})
