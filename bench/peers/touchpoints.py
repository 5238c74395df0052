"""Touchpoints for peers in Python: Avro behind a Confluent frame, by fastavro, the fields used."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple, cast

from fastavro import parse_schema, schemaless_reader

from bench.peers.contract import FRAME_BYTES, KINDS, PeerSettings

_USED = ("event_id", "occurred_at")


class Touchpoint(NamedTuple):
    """What the job reads of an event; *occurred_at* in microseconds since the Unix epoch."""

    kind: int
    event_id: str
    occurred_at: int


def full_reader(settings: PeerSettings, kind: str) -> Callable[[bytes], dict[str, Any]]:
    """Return what decodes every field of a framed value of *kind*; times stay integers."""
    schema = parse_schema(_plain(json.loads(settings.schema_of(kind).read_text())))

    def read(value: bytes) -> dict[str, Any]:
        body = BytesIO(value)
        body.seek(FRAME_BYTES)
        return cast(dict[str, Any], schemaless_reader(body, schema, None))

    return read


def touchpoint_reader(settings: PeerSettings, kind: str) -> Callable[[bytes], Touchpoint]:
    """Return what decodes the fields that the job uses; Avro's projection skips the others."""
    written = _plain(json.loads(settings.schema_of(kind).read_text()))
    schema = parse_schema(written)
    fields = [field for field in written["fields"] if field["name"] in _USED]
    used = parse_schema({**written, "fields": fields})
    place = KINDS.index(kind)

    def read(value: bytes) -> Touchpoint:
        body = BytesIO(value)
        body.seek(FRAME_BYTES)
        found = cast(dict[str, Any], schemaless_reader(body, schema, used))
        return Touchpoint(place, found["event_id"], found["occurred_at"])

    return read


def _plain(schema: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return *schema* without logical types: a datetime costs a microsecond, for nothing."""
    if isinstance(schema, dict):
        return {name: _plain(part) for name, part in schema.items() if name != "logicalType"}
    return [_plain(part) for part in schema] if isinstance(schema, list) else schema
