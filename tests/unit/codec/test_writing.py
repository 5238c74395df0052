"""Compiled writers of Avro bodies, beyond what the events' own schemas have."""

from io import BytesIO
from types import SimpleNamespace
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.avro import parse
from ckm_stream.codec.writing import WRITING_ERRORS, compile_writer
from ckm_stream.errors import InvariantError


def record(kind: Any) -> dict[str, Any]:
    """Return a record with one field."""
    return {"type": "record", "name": "R", "fields": [{"name": "a", "type": kind}]}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bytes", st.binary()),
        ("float", st.floats(width=32, allow_nan=False)),
        ({"type": "array", "items": ["null", "boolean"]}, st.lists(st.none() | st.booleans())),
        ({"type": "map", "values": "double"}, st.dictionaries(st.text(), st.floats())),
    ],
    ids=["bytes", "float", "array of optional", "map"],
)
def test_writer_writes_what_fastavro_writes(kind: Any, values: st.SearchStrategy[Any]) -> None:
    """Each type that the events do not use, too."""
    schema = record(kind)
    write = compile_writer(parse(schema))

    @given(values)
    def check(value: Any) -> None:
        stream = BytesIO()
        fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), {"a": value})
        assert write(SimpleNamespace(a=value), b"head") == b"head" + stream.getvalue()

    check()


def test_field_is_found_under_its_path() -> None:
    """A flat record can be written from a nested value."""
    write = compile_writer(parse(record("string")), {"a": "inner.word"})

    assert write(SimpleNamespace(inner=SimpleNamespace(word="ab")), b"") == b"\x04ab"


@pytest.mark.parametrize(
    ("kind", "value"),
    [("string", 1), ("long", "1"), ("double", None), ("boolean", "yes"), ("string", "\ud800")],
)
def test_value_of_another_type_raises_what_is_announced(kind: str, value: Any) -> None:
    """Every failure is in ``WRITING_ERRORS``."""
    with pytest.raises(WRITING_ERRORS):
        compile_writer(parse(record(kind)))(SimpleNamespace(a=value), b"")


@pytest.mark.parametrize(
    "kind",
    [["string", "null"], ["null", "int", "string"], {"type": "fixed", "name": "F", "size": 1}],
)
def test_schema_that_cannot_be_compiled_is_a_defect(kind: Any) -> None:
    """Only types that our schemas use are compiled."""
    with pytest.raises(InvariantError):
        compile_writer(parse(record(kind)))
