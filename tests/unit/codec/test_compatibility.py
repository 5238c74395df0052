"""FULL_TRANSITIVE, with planted incompatible changes."""

import copy
from typing import Any

import pytest

from ckm_stream.codec.avro import parse
from ckm_stream.codec.catalogue import Catalogue, Version
from ckm_stream.codec.compatibility import (
    Finding,
    check_catalogue,
    check_versions,
    convention_problems,
    reading_problems,
)

ENUM: dict[str, Any] = {
    "type": "enum",
    "name": "E",
    "doc": "Letters.",
    "symbols": ["A", "B"],
    "default": "A",
}
BASE: dict[str, Any] = {
    "type": "record",
    "name": "R",
    "namespace": "n",
    "doc": "A record.",
    "fields": [
        {"name": "id", "type": "string", "doc": "Its name."},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}, "doc": "When."},
        {"name": "size", "type": "int", "default": 0, "doc": "Its size."},
        {"name": "letter", "type": ENUM, "doc": "Its letter."},
        {"name": "word", "type": ["null", "string"], "default": None, "doc": "A word."},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "default": [], "doc": "T."},
    ],
}


UNIT_CHANGED = "/at: long timestamp-micros means something else than long timestamp-millis"


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    """Return a copy of the base schema with one thing replaced."""
    schema = copy.deepcopy(BASE)
    node: Any = schema
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return schema


def with_field(**field: Any) -> dict[str, Any]:
    """Return a copy of the base schema with one more field."""
    return changed(["fields"], [*BASE["fields"], {"doc": "New.", **field}])


def without_field(name: str) -> dict[str, Any]:
    """Return a copy of the base schema without one field."""
    return changed(["fields"], [field for field in BASE["fields"] if field["name"] != name])


def problems(*schemas: dict[str, Any]) -> list[str]:
    """Check *schemas* as versions 1, 2, ... of one subject."""
    return check_versions(
        Version(number, "s-value", number, "f", parse(schema))
        for number, schema in enumerate(schemas, 1)
    )


@pytest.mark.parametrize(
    "schema",
    [
        with_field(name="new", type="string", default=""),
        with_field(name="new", type=["null", "n.E"], default=None),
        without_field("size"),
        without_field("word"),
        changed(["fields", 3, "type", "symbols"], ["A", "B", "C"]),
        changed(["fields", 3, "type", "symbols"], ["B", "A"]),
        changed(["fields"], BASE["fields"][::-1]),
        changed(["fields", 0, "doc"], "Other words."),
    ],
    ids=[
        "new field with default",
        "new optional field",
        "field with default removed",
        "optional field removed",
        "new symbol, default there",
        "symbols in another order",
        "fields in another order",
        "other words",
    ],
)
def test_compatible_change_has_no_problems(schema: dict[str, Any]) -> None:
    """What Avro resolves in both directions may be released."""
    assert problems(BASE, schema) == []


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            with_field(name="new", type="string"),
            "version 2 cannot read version 1: /new: not written, and it has no default",
        ),
        (
            without_field("id"),
            "version 1 cannot read version 2: /id: not written, and it has no default",
        ),
        (
            changed(["fields", 0, "name"], "ident"),
            "version 2 cannot read version 1: /ident: not written, and it has no default",
        ),
        (
            changed(["fields", 0, "type"], "long"),
            "version 2 cannot read version 1: /id: string cannot be read as long",
        ),
        (
            changed(["fields", 2, "type"], "long"),
            "version 1 cannot read version 2: /size: long cannot be read as int",
        ),
        (
            changed(["fields", 1, "type", "logicalType"], "timestamp-millis"),
            f"version 2 cannot read version 1: {UNIT_CHANGED}",
        ),
        (
            changed(["fields", 2, "type"], ["null", "int"]),
            "version 1 cannot read version 2: /size: null cannot be read as int",
        ),
        (
            changed(["fields", 5, "type", "items"], "int"),
            "version 2 cannot read version 1: /tags/items: string cannot be read as int",
        ),
        (
            changed(["fields", 4, "type"], ["null", "int"]),
            "version 2 cannot read version 1: /word: string is none of the types null, int",
        ),
        (changed(["name"], "S"), "version 2 cannot read version 1: /: record n.R is not n.S"),
        (
            changed(["fields", 3, "type", "name"], "F"),
            "version 2 cannot read version 1: /letter: enum n.E is not n.F",
        ),
    ],
    ids=[
        "new field without default",
        "removed field without default",
        "renamed without alias",
        "type changed",
        "type widened: old readers cannot narrow",
        "unit changed",
        "made optional: old readers have no null",
        "item type changed",
        "branch changed",
        "record renamed",
        "enum renamed",
    ],
)
def test_incompatible_change_is_found(schema: dict[str, Any], expected: str) -> None:
    """Each finding names the versions, the path and the reason."""
    assert expected in problems(BASE, schema)


def test_new_symbol_without_a_default_is_found() -> None:
    """An old reader cannot know a new symbol unless it has a default to read it as."""
    enum = {key: value for key, value in ENUM.items() if key != "default"}
    old = changed(["fields", 3, "type"], enum)
    new = changed(["fields", 3, "type"], enum | {"symbols": ["A", "B", "C"]})

    assert problems(old, new) == [
        "version 1 cannot read version 2: /letter: symbols C are unknown, without a default"
    ]


def test_alias_reads_the_old_name_but_not_the_new_one() -> None:
    """An alias helps new readers only: a rename without a default is never FULL."""
    renamed = changed(["fields", 0], {"name": "ident", "aliases": ["id"], "type": "string"})

    assert problems(BASE, renamed) == [
        "version 1 cannot read version 2: /id: not written, and it has no default"
    ]


def test_versions_that_are_not_neighbours_are_compared() -> None:
    """TRANSITIVE: removing a default and adding it again later hides in neighbours only."""
    without = without_field("size")
    other = with_field(name="size2", type="int", default=0)
    readded = changed(["fields", 2], {"name": "size", "type": "string", "default": ""})

    assert problems(BASE, without, other) == []
    assert problems(without, readded) == []
    assert "version 3 cannot read version 1: /size: int cannot be read as string" in problems(
        BASE, without, readded
    )


@pytest.mark.parametrize(
    ("writer", "reader", "readable"),
    [
        ("int", "double", True),
        ("long", "float", True),
        ("float", "double", True),
        ("double", "float", False),
        ("string", "bytes", True),
        ("boolean", "int", False),
        ({"type": "map", "values": "int"}, {"type": "map", "values": "long"}, True),
        ({"type": "map", "values": "long"}, {"type": "map", "values": "int"}, False),
        (
            {"type": "fixed", "name": "F", "size": 4},
            {"type": "fixed", "name": "F", "size": 4},
            True,
        ),
        (
            {"type": "fixed", "name": "F", "size": 4},
            {"type": "fixed", "name": "F", "size": 5},
            False,
        ),
        (["null", "int"], ["long", "null"], True),
        (["null", "int"], "int", False),
        ("int", ["null", "double"], True),
    ],
    ids=str,
)
def test_types_are_readable_as_avro_says(writer: Any, reader: Any, *, readable: bool) -> None:
    """Promotions, maps, fixed sizes and unions follow Avro's resolution."""
    schemas = [
        parse({"type": "record", "name": "R", "fields": [{"name": "a", "type": kind}]})
        for kind in (writer, reader)
    ]

    assert (reading_problems(*schemas) == []) is readable


def test_convention_problems_are_found() -> None:
    """Documentation, default symbols and optional fields are what later changes rest on."""
    enum = {key: value for key, value in ENUM.items() if key != "default"}
    fields = [
        {"name": "a", "type": "string"},
        {"name": "b", "type": enum, "doc": "B.", "pii": "perhaps"},
        {"name": "c", "type": ["null", "string"], "doc": "C."},
        {"name": "d", "type": ["string", "null"], "default": "", "doc": "D."},
    ]

    found = convention_problems(parse({"type": "record", "name": "R", "fields": fields}))

    assert found == [
        "/: no doc",
        "/a: no doc",
        "/b: pii is neither direct nor indirect",
        "/b: the enum has no default symbol",
        "/c: an optional field is [null, type] with default null",
        "/d: an optional field is [null, type] with default null",
    ]


def test_findings_name_their_subject() -> None:
    """The whole catalogue is checked, and each finding says whose it is."""
    bad = parse(changed(["doc"], ""))

    findings = check_catalogue(Catalogue([Version(1, "s-value", 1, "f", bad)]))

    assert findings == [Finding("s-value", "version 1: /: no doc")]
