"""Avro schemas as values."""

from typing import Any

import pytest

from ckm_stream.codec.avro import parse
from ckm_stream.errors import ConfigurationError

NULLS: dict[str, Any] = {"type": "array", "items": "null"}


def record(*types: Any, **more: Any) -> dict[str, Any]:
    """Return a record with fields a, b, ... of *types*."""
    fields = [{"name": chr(97 + place), "type": kind} for place, kind in enumerate(types)]
    return {"type": "record", "name": "R", "namespace": "n", "fields": fields, **more}


def test_references_are_written_out_with_full_names() -> None:
    """A shape needs no look-up: the second use of a named type is a copy of its definition."""
    enum = {"type": "enum", "name": "E", "symbols": ["X"], "doc": "words"}

    schema = parse(record(enum, ["null", "E"], "n.E"))

    written = {"type": "enum", "name": "n.E", "symbols": ["X"]}
    assert schema.name == "n.R"
    assert [field["type"] for field in schema.shape["fields"]] == [
        written,
        ["null", written],
        written,
    ]


def test_words_make_no_other_shape() -> None:
    """Documentation and tags do not change how bytes are read."""
    plain, tagged = record("string"), record("string", doc="words")
    tagged["fields"][0] |= {"pii": "direct", "doc": "more words"}

    assert parse(plain).shape == parse(tagged).shape


def test_meaning_of_a_number_is_kept() -> None:
    """Milliseconds read as microseconds would be valid and wrong."""
    millis, micros = (
        record({"type": "long", "logicalType": f"timestamp-{unit}"})
        for unit in ("millis", "micros")
    )

    assert parse(millis).shape != parse(micros).shape


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("string", "must be an Avro record"),
        ([record("string")], "must be an Avro record"),
        ({"type": "record", "fields": []}, "not valid Avro"),
        (record("nothing"), "not valid Avro"),
        ({"type": "error", "name": "R", "fields": []}, "must be an Avro record"),
        (record({"type": "error", "name": "S", "fields": []}), "'error' is not defined"),
        (record(["null", "R"]), "'R' is not defined before its use"),
        (record(NULLS), "no bound"),
        (record({"type": "map", "values": NULLS}), "no bound"),
        (record({"type": "array", "items": record(name="S", namespace="n")}), "no bound"),
        (record({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}), "no bound"),
    ],
)
def test_schema_that_would_let_few_bytes_ask_for_much_is_refused(schema: Any, message: str) -> None:
    """No recursion, no arrays of nothing, nothing that is not a record."""
    with pytest.raises(ConfigurationError, match=message):
        parse(schema)


def test_schema_too_deep_is_refused() -> None:
    """Depth is bounded, because readers nest as deep as their schema."""
    deep: Any = "string"
    for _ in range(20):
        deep = {"type": "array", "items": deep}

    with pytest.raises(ConfigurationError, match="deeper than 16"):
        parse(record(deep))
