"""Compiled readers of Avro bodies, beyond what the events' own schemas have."""

from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.avro import parse
from ckm_stream.codec.reading import (
    READING_ERRORS,
    compile_reader,
)
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
