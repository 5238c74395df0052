"""
The next release, which has a second version of the calls' schema: a field and a symbol more.

``Call2`` is its event, ``next_catalogue`` its catalogue, and ``as_next_release`` turns this
process into one that reads calls as it does.
"""

import copy
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from ckm_stream import native
from ckm_stream.codec import events
from ckm_stream.codec.avro import AvroSchema, Json, parse
from ckm_stream.codec.catalogue import Catalogue, Version
from ckm_stream.codec.framing import frame
from ckm_stream.codec.topics import Source
from ckm_stream.codec.writing import compile_writer
from ckm_stream.domain import counters
from ckm_stream.domain.events import Call, Channel

SUBJECT: Final = "ckm.touchpoint.call.v1-value"
NEXT_ID: Final = 10_000_999
NEW_SYMBOL: Final = "HOLOGRAM"

NextChannel = StrEnum(  # type: ignore[misc] # today's members are read from today's enum
    "NextChannel", {name: name for name in [*Channel.__members__, NEW_SYMBOL]}
)


class Call2(Call, frozen=True, kw_only=True, gc=False):
    """A call as the next release knows it."""

    mood: str | None = None


def evolved(change: Callable[[list[Json]], object]) -> AvroSchema:
    """Return today's schema of calls after *change* of its fields."""
    json = copy.deepcopy(Catalogue.load().newest(SUBJECT).schema.json)
    change(json["fields"])
    return parse(json)


def next_schema() -> AvroSchema:
    """Return the second version: an optional field more, and a symbol before the default's."""

    def add(fields: list[Json]) -> None:
        fields.append(
            {
                "name": "mood",
                "type": ["null", "string"],
                "default": None,
                "pii": "indirect",
                "doc": "How the customer seemed to be.",
            }
        )
        channel = next(field for field in fields if field["name"] == "channel")
        channel["type"]["symbols"].append(NEW_SYMBOL)

    return evolved(add)


def next_catalogue(schema: AvroSchema | None = None) -> Catalogue:
    """Return today's catalogue with a second version of the calls."""
    versions = [each for known in Catalogue.load().subjects.values() for each in known]
    schema = next_schema() if schema is None else schema
    newest = Version(NEXT_ID, SUBJECT, 2, "touchpoint_call.v2.avsc", schema)
    return Catalogue([*versions, newest])


def next_call(call: Call, mood: str | None = "calm", channel: str | None = None) -> Call2:
    """Return the call as a producer of the next release would describe it."""
    fields = {name: getattr(call, name) for name in call.__struct_fields__}
    return Call2(**fields | {"mood": mood} | ({} if channel is None else {"channel": channel}))


def written_next(call: Call2, schema_id: int = NEXT_ID) -> bytes:
    """Return the value that a producer of the next release writes."""
    value: bytes = compile_writer(next_schema())(call, frame(schema_id, b""))
    return value


def next_types() -> list[tuple[dict[Any, Any], Any, Any]]:
    """Return what differs in the next release's code: (mapping, key, value)."""
    return [
        (vars(events)["_TYPES"], "org.ckm.TouchpointCall", Call2),
        (vars(events)["_TYPES"], "org.ckm.Channel", NextChannel),
        (vars(events)["_SOURCES"], Call2, Source.CALL),
        (vars(counters)["_TYPE"], Call2, vars(counters)["_TYPE"][Call]),
    ]


def as_next_release() -> None:
    """Make this process the next release, not compiled; for child processes of tests."""
    catalogue = next_catalogue()
    vars(native)["is_built"] = lambda: False
    Catalogue.load = classmethod(lambda _cls, _root=None: catalogue)  # type: ignore[method-assign, assignment]
    for mapping, key, value in next_types():
        mapping[key] = value
