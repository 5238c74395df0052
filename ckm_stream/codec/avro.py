"""
Avro schemas as values: parsed once, references to named types written out, words left out.

A logical type stays a note on an integer: the domain's times are integer microseconds, and a
``datetime`` would cost fastavro several microseconds per field.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from ckm_stream.errors import ConfigurationError

#: JSON of an Avro schema.
Json = Any

PRIMITIVES: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
)
#: Attributes that decide how bytes are read; all others are for people and registries.
_SHAPE: Final = frozenset(
    {"type", "name", "namespace", "aliases", "fields", "symbols", "items", "values", "size"}
    | {"default", "order"}
)
_NAMED: Final = frozenset({"record", "enum", "fixed"})
_DEEPEST: Final = 16


@dataclass(frozen=True, slots=True)
class AvroSchema:
    """
    A schema whose named types are written out where they are used.

    ``name`` is the full name of the top record; ``json`` the schema as it was written; ``shape``
    has full names, no references and no words for people.
    """

    name: str
    json: Json
    shape: Json


def parse(json: Json) -> AvroSchema:
    """
    Parse the schema of a record.

    Raises:
        ConfigurationError: If it is not a valid schema of a record, if it is recursive or deeper
            than 16 levels, or if an array has items of no bytes: such schemas let a body of a few
            bytes ask for unbounded work.
    """
    if not isinstance(json, Mapping) or json.get("type") != "record":
        raise ConfigurationError("an event's schema must be an Avro record")
    try:
        fastavro.parse_schema(dict(json))
    except (SchemaParseException, UnknownType, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"schema {json.get('name')} is not valid Avro: {error}") from error
    shape = _Expander().expand(json, namespace="", depth=0)
    _refuse_unbounded(shape)
    return AvroSchema(name=shape["name"], json=json, shape=shape)


class _Expander:
    """Writes out references to named types; one per schema."""

    def __init__(self) -> None:
        self._named: dict[str, Json] = {}

    def expand(self, node: Json, *, namespace: str, depth: int) -> Json:
        if depth > _DEEPEST:
            raise ConfigurationError(f"an Avro schema is deeper than {_DEEPEST} levels")
        if isinstance(node, str):
            return node if node in PRIMITIVES else self._reference(node, namespace)
        if isinstance(node, list):
            return [self.expand(one, namespace=namespace, depth=depth + 1) for one in node]
        if not isinstance(node, Mapping) or "type" not in node:
            raise ConfigurationError(f"not an Avro schema: {type(node).__name__} without a type")
        return self._complex(node, namespace, depth)

    def _complex(self, node: Mapping[str, Json], namespace: str, depth: int) -> Json:
        kind = node["type"]
        if kind not in _NAMED and kind not in ("array", "map"):
            return _annotated(self.expand(kind, namespace=namespace, depth=depth + 1), node)
        shape = {key: value for key, value in node.items() if key in _SHAPE}
        if kind in _NAMED:
            shape["name"] = full_name(node["name"], node.get("namespace", namespace))
            shape.pop("namespace", None)
            namespace = shape["name"].rpartition(".")[0]
        for part in ("items", "values"):
            if part in shape:
                shape[part] = self.expand(shape[part], namespace=namespace, depth=depth + 1)
        if kind == "record":
            shape["fields"] = [
                {key: value for key, value in field.items() if key in _SHAPE}
                | {"type": self.expand(field["type"], namespace=namespace, depth=depth + 1)}
                for field in shape.get("fields", [])
            ]
        if kind in _NAMED:
            # Known from its end on only: a reference from inside would be recursion.
            self._named[shape["name"]] = shape
        return shape

    def _reference(self, name: str, namespace: str) -> Json:
        for candidate in (full_name(name, namespace), name):
            if candidate in self._named:
                return self._named[candidate]
        raise ConfigurationError(f"Avro type {name!r} is not defined before its use")


def _annotated(shape: Json, node: Mapping[str, Json]) -> Json:
    if isinstance(shape, str) and "logicalType" in node:
        return {"type": shape, "logicalType": node["logicalType"]}
    return shape


def full_name(name: str, namespace: str) -> str:
    """Return *name* with its namespace, unless it brings its own."""
    return name if "." in name or not namespace else f"{namespace}.{name}"


def kind_of(shape: Json) -> str:
    """Return the Avro type that a shape is of; a list is a ``union``."""
    if isinstance(shape, list):
        return "union"
    return shape if isinstance(shape, str) else str(shape["type"])


def is_timestamp(shape: Json) -> bool:
    """Tell whether a shape is a number of microseconds since the Unix epoch."""
    return isinstance(shape, Mapping) and shape.get("logicalType") == "timestamp-micros"


def _refuse_unbounded(shape: Json) -> None:
    kind = kind_of(shape)
    if kind == "array" and _fewest_bytes(shape["items"]) == 0:
        raise ConfigurationError("an Avro array of items without bytes has no bound")
    for part in _parts(shape, kind):
        _refuse_unbounded(part)


def _parts(shape: Json, kind: str) -> list[Json]:
    if kind == "union":
        return list(shape)
    if kind == "record":
        return [field["type"] for field in shape["fields"]]
    return [
        shape[part] for part in ("items", "values") if kind in ("array", "map") and part in shape
    ]


def _fewest_bytes(shape: Json) -> int:
    kind = kind_of(shape)
    if kind == "null":
        return 0
    if kind == "fixed":
        return int(shape["size"])
    if kind == "record":
        return sum(_fewest_bytes(field["type"]) for field in shape["fields"])
    return 1
