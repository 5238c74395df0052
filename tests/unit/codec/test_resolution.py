"""Records of other versions, read as today's."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ckm_stream.codec.avro import AvroSchema, Json, parse
from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.framing import frame
from ckm_stream.codec.reading import compile_reader
from ckm_stream.codec.resolution import RESOLUTION_ERRORS, resolving_reader
from ckm_stream.codec.topics import Source
from ckm_stream.codec.writing import compile_writer
from ckm_stream.domain.events import Call, CallOutcome, Channel, Direction
from ckm_stream.errors import Reason, RejectedRecord

CATALOGUE = Catalogue.load()
TODAY = CATALOGUE.newest("ckm.touchpoint.call.v1-value").schema
OTHER_ID = 42
EVENT = Call(
    event_id="e-1",
    source="crm",
    customer_id="c-1",
    occurred_at=1_700_000_000_000_000,
    recorded_at=1_700_000_000_000_001,
    channel=Channel.CHAT,
    direction=Direction.OUTBOUND,
    outcome=CallOutcome.DECLINED,
    wait_s=1.5,
    note="words",
)


class OneMore:
    """The catalogue, and one schema that it does not know."""

    def __init__(self, schema: AvroSchema) -> None:
        self.schema = schema
        self.asked: list[int] = []

    @property
    def catalogue(self) -> Catalogue:
        """Today's schemas."""
        return CATALOGUE

    def by_id(self, schema_id: int) -> AvroSchema | None:
        """Return the one more, or the catalogue's."""
        self.asked.append(schema_id)
        return self.schema if schema_id == OTHER_ID else CATALOGUE.by_id(schema_id)

    def writing_id(self, subject: str) -> int:
        """Return the catalogue's id."""
        return CATALOGUE.writing_id(subject)


def call_schema(change: Callable[[list[Json]], object]) -> AvroSchema:
    """Return today's schema of calls after *change* of its fields."""
    json = copy.deepcopy(TODAY.json)
    change(json["fields"])
    return parse(json)


def field(fields: list[Json], name: str) -> dict[str, Any]:
    """Return the field of this name."""
    found: dict[str, Any] = next(one for one in fields if one["name"] == name)
    return found


def read_as_today(schema: AvroSchema, **values: Any) -> Call:
    """Write the event with another schema, and decode it."""
    holder = type("Holder", (), {name: getattr(EVENT, name) for name in EVENT.__struct_fields__})()
    for name, value in values.items():
        setattr(holder, name, value)
    value = compile_writer(schema)(holder, frame(OTHER_ID, b""))
    event = EventCodec(OneMore(schema)).decode(Source.CALL, b"c-1", value)
    assert isinstance(event, Call)
    return event


def test_field_that_was_not_written_has_its_default() -> None:
    """An older version without a field is read with today's default."""
    schema = call_schema(lambda fields: fields.remove(field(fields, "wait_s")))

    assert read_as_today(schema).wait_s == 0.0
    assert read_as_today(schema).note == "words"


def test_field_that_today_does_not_know_is_left_out() -> None:
    """A newer version's field is skipped."""
    schema = call_schema(
        lambda fields: fields.insert(3, {"name": "mood", "type": "string", "default": ""})
    )

    assert read_as_today(schema, mood="fine") == EVENT


def test_symbol_that_today_does_not_know_is_the_default() -> None:
    """A newer version's channel is OTHER."""

    def add_symbol(fields: list[Json]) -> None:
        field(fields, "channel")["type"]["symbols"].append("HOLOGRAM")

    assert read_as_today(call_schema(add_symbol), channel="HOLOGRAM").channel is Channel.OTHER


def test_narrower_number_is_widened() -> None:
    """An int that became a double is read as one."""
    schema = call_schema(lambda fields: field(fields, "wait_s").update(type="int", default=0))

    event = read_as_today(schema, wait_s=7)

    assert event.wait_s == 7.0
    assert isinstance(event.wait_s, float)


def test_same_shape_under_another_id_is_read_without_resolution() -> None:
    """A registry's id for today's schema, with other words, costs nothing."""
    schema = call_schema(lambda fields: field(fields, "note").update(doc="Other words."))

    assert read_as_today(schema) == EVENT


def test_schema_that_cannot_be_read_as_todays_is_a_mismatch() -> None:
    """A producer with an incompatible schema learns which field it is; the id is asked once."""
    schema = call_schema(lambda fields: fields.remove(field(fields, "direction")))
    source = OneMore(schema)
    codec = EventCodec(source)

    for _ in range(3):
        with pytest.raises(RejectedRecord, match="/direction: not written") as caught:
            codec.decode(Source.CALL, b"c-1", frame(OTHER_ID, b"anything"))
        assert caught.value.reason is Reason.SCHEMA_MISMATCH

    assert source.asked == [OTHER_ID]


@pytest.mark.parametrize("cut", [0, 1, 5, 20, -1])
def test_damaged_body_of_another_version_is_rejected(cut: int) -> None:
    """Truncation, and bytes behind the body, are found on this path too."""
    schema = call_schema(lambda fields: fields.remove(field(fields, "wait_s")))
    value = compile_writer(schema)(EVENT, b"")
    damaged = value[:cut] if cut >= 0 else value + b"\x00"
    read = resolving_reader(schema, TODAY, compile_reader(TODAY, {}))

    with pytest.raises(RESOLUTION_ERRORS):
        read(damaged, 0)
    with pytest.raises(RejectedRecord) as caught:
        EventCodec(OneMore(schema)).decode(Source.CALL, b"c-1", frame(OTHER_ID, damaged))
    assert caught.value.reason is Reason.UNDECODABLE
