"""Events and their bytes."""

import math
import struct
import tracemalloc
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EVENT_TYPES, EventCodec, key_of, source_of
from ckm_stream.codec.framing import HEADER_BYTES, frame, split
from ckm_stream.codec.resolution import without_logical_types
from ckm_stream.codec.topics import SOURCE_TOPICS, Source, Topics, subject_of
from ckm_stream.domain.events import (
    Call,
    CallOutcome,
    Direction,
    EmployeeContact,
    Event,
    Purchase,
    PurchaseKind,
    Ticket,
    TicketAction,
)
from ckm_stream.errors import Reason, RejectedRecord
from tests.support.values import events

CATALOGUE = Catalogue.load()
CODEC = EventCodec(CATALOGUE)
SCHEMAS = {source: CATALOGUE.newest(subject_of(topic)) for source, topic in SOURCE_TOPICS.items()}
FASTAVRO = {
    source: fastavro.parse_schema(without_logical_types(version.schema.json))
    for source, version in SCHEMAS.items()
}
HEAD: dict[str, Any] = {
    "event_id": "e-1",
    "source": "crm",
    "customer_id": "c-1",
    "occurred_at": 1_700_000_000_000_000,
    "recorded_at": 1_700_000_000_000_001,
}
CALL = Call(**HEAD, direction=Direction.INBOUND, outcome=CallOutcome.ANSWERED, topics=("bill",))
CALL_ID = SCHEMAS[Source.CALL].schema_id
CALL_VALUE = CODEC.encode(CALL)


def reason_of(source: Source, key: bytes | None, value: bytes | None) -> Reason:
    """Decode what must be rejected and return the reason."""
    with pytest.raises(RejectedRecord) as caught:
        CODEC.decode(source, key, value)
    return caught.value.reason


def event_or_reason(source: Source, key: bytes | None, value: bytes) -> Event | Reason:
    """Decode what may be rejected."""
    try:
        return CODEC.decode(source, key, value)
    except RejectedRecord as rejection:
        return rejection.reason


def body_by_fastavro(source: Source, event: Event) -> bytes:
    """Encode with fastavro."""
    stream = BytesIO()
    fastavro.schemaless_writer(stream, FASTAVRO[source], msgspec.to_builtins(event))
    return stream.getvalue()


@given(events())
def test_event_comes_back_as_it_was(event: Event) -> None:
    """Encoding and decoding an event changes nothing, whatever its fields hold."""
    source = source_of(event)

    decoded = CODEC.decode(source, key_of(event).encode(), CODEC.encode(event))

    assert decoded == event
    assert type(decoded) is EVENT_TYPES[source]


@given(events())
def test_bytes_are_those_of_fastavro(event: Event) -> None:
    """The compiled writers and fastavro write the same bytes."""
    source = source_of(event)

    schema_id, body = split(CODEC.encode(event))

    assert schema_id == SCHEMAS[source].schema_id
    assert body == body_by_fastavro(source, event)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(events(), st.data())
def test_mutated_value_gives_what_fastavro_gives_or_a_rejection(
    event: Event, data: st.DataObject
) -> None:
    """A body with a changed, lost or added byte is the event that fastavro reads, or rejected."""
    source, key = source_of(event), key_of(event).encode()
    value = bytearray(CODEC.encode(event))
    place = data.draw(st.integers(HEADER_BYTES, len(value) - 1))
    value[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))

    decoded = event_or_reason(source, key, bytes(value))

    if isinstance(decoded, Reason):
        assert decoded in {Reason.UNDECODABLE, Reason.KEY_MISMATCH}
    else:
        stream = BytesIO(value[HEADER_BYTES:])
        expected = fastavro.schemaless_reader(stream, FASTAVRO[source], None)
        assert _comparable(msgspec.to_builtins(decoded)) == _comparable(expected)


def _comparable(value: Any) -> Any:
    # By their bits: NaN equals nothing, and a mutation may well make one.
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, dict):
        return {key: _comparable(part) for key, part in value.items()}
    return [_comparable(part) for part in value] if isinstance(value, list | tuple) else value


@settings(max_examples=500)
@given(st.sampled_from(Source), st.none() | st.binary(max_size=20), st.binary(max_size=200))
@example(Source.CALL, b"c-1", b"")
def test_any_bytes_are_an_event_or_a_rejection(
    source: Source, key: bytes | None, value: bytes
) -> None:
    """No bytes make the codec raise anything but a rejection; here behind a valid frame."""
    framed = frame(SCHEMAS[source].schema_id, value)

    for candidate in (value, framed):
        assert isinstance(event_or_reason(source, key, candidate), EVENT_TYPES[source] | Reason)


def test_null_value_is_rejected() -> None:
    """A tombstone on a source topic is not an event."""
    assert reason_of(Source.CALL, b"c-1", None) is Reason.NULL_VALUE


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x01" + CALL_VALUE[1:], b'{"event_id": 1}'])
def test_value_without_a_frame_is_rejected(value: bytes) -> None:
    """What has no frame cannot be read."""
    assert reason_of(Source.CALL, b"c-1", value) is Reason.NOT_FRAMED


def test_unknown_schema_id_is_rejected() -> None:
    """An id that nobody knows says nothing about the body."""
    assert reason_of(Source.CALL, b"c-1", frame(77, CALL_VALUE[5:])) is Reason.SCHEMA_UNKNOWN
    assert reason_of(Source.CALL, b"c-1", frame(77, CALL_VALUE[5:])) is Reason.SCHEMA_UNKNOWN


@pytest.mark.parametrize("source", [source for source in Source if source is not Source.CALL])
def test_schema_of_another_topic_is_rejected(source: Source) -> None:
    """A call on the ticket topic is a producer's mistake, also if its bytes could be read."""
    assert reason_of(source, b"c-1", CALL_VALUE) is Reason.SCHEMA_MISMATCH


@pytest.mark.parametrize("size", range(HEADER_BYTES, len(CALL_VALUE)))
def test_truncated_body_is_rejected(size: int) -> None:
    """A body that ends early is rejected, wherever it ends."""
    assert reason_of(Source.CALL, b"c-1", CALL_VALUE[:size]) is Reason.UNDECODABLE


def test_bytes_behind_the_body_are_rejected() -> None:
    """A value that holds more than its body was not written as the schema says."""
    assert reason_of(Source.CALL, b"c-1", CALL_VALUE + b"\x00") is Reason.UNDECODABLE


@pytest.mark.parametrize(
    "text",
    [b"\xed\xa0\x80", b"\xff\xfe", b"\xc3", b"\xf4\x90\x80\x80"],
    ids=["lone surrogate", "no UTF-8", "cut off", "beyond Unicode"],
)
def test_text_that_is_not_utf8_is_rejected(text: bytes) -> None:
    """A string's bytes must be UTF-8; a lone surrogate is not."""
    body = bytes([2 * len(text)]) + text + CALL_VALUE[HEADER_BYTES + 4 :]

    assert reason_of(Source.CALL, b"c-1", frame(CALL_ID, body)) is Reason.UNDECODABLE


@pytest.mark.parametrize(
    "body",
    [
        b"\xfe\xff\xff\xff\x0f",  # a string of 2 GiB
        b"\xff" * 9 + b"\x01",  # a string of a negative size
        b"\xff" * 10,  # an integer of more than 64 bits
        b"\x80" * (1 << 19),  # an integer without an end
        b"\x01",  # a string of size -1
    ],
    ids=["2 GiB", "negative", "too many bits", "endless", "minus one"],
)
def test_huge_declared_size_is_rejected_without_being_believed(body: bytes) -> None:
    """What a body says of its size is not allocated."""
    value = frame(CALL_ID, body)
    tracemalloc.start()
    try:
        reason = reason_of(Source.CALL, b"c-1", value)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert reason is Reason.UNDECODABLE
    assert peak_bytes < 1 << 20


@pytest.mark.parametrize("items", [b"\xfe\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x0f\x02"])
def test_array_of_a_billion_items_is_rejected_at_its_first_missing_byte(items: bytes) -> None:
    """A block's count, positive or negative, costs nothing by itself."""
    event = msgspec.structs.replace(CALL, topics=())
    value = CODEC.encode(event)
    start = value.index(b"\x00\x00\x00\x00\x00", HEADER_BYTES)  # no employee to no consent
    body = value[HEADER_BYTES : start + 2] + items

    assert reason_of(Source.CALL, b"c-1", frame(CALL_ID, body)) is Reason.UNDECODABLE


def test_value_over_the_cap_is_rejected_unread() -> None:
    """10 MB are not even looked at."""
    assert reason_of(Source.CALL, b"c-1", bytes(10 << 20)) is Reason.TOO_LARGE


def test_cap_is_a_setting() -> None:
    """The cap is exact: a value of the largest size is read."""
    exact = EventCodec(CATALOGUE, max_value_bytes=len(CALL_VALUE))
    smaller = EventCodec(CATALOGUE, max_value_bytes=len(CALL_VALUE) - 1)

    assert exact.decode(Source.CALL, b"c-1", CALL_VALUE) == CALL
    with pytest.raises(RejectedRecord, match="at most"):
        smaller.decode(Source.CALL, b"c-1", CALL_VALUE)


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"c-2", b"c-1 "])
def test_key_must_be_whom_the_event_is_about(key: bytes | None) -> None:
    """A record under another key would be applied to another customer's partition."""
    assert reason_of(Source.CALL, key, CALL_VALUE) is Reason.KEY_MISMATCH


def test_key_of_an_employees_contact_is_the_employee() -> None:
    """The employee table is keyed by employee."""
    contact = EmployeeContact(
        event_id="e",
        source="s",
        employee_id="emp-1",
        occurred_at=1,
        recorded_at=1,
        note_usable=True,
    )
    value = CODEC.encode(contact)

    assert CODEC.decode(Source.EMPLOYEE, b"emp-1", value) == contact
    assert reason_of(Source.EMPLOYEE, b"emp-2", value) is Reason.KEY_MISMATCH


def test_not_a_number_passes() -> None:
    """NaN is valid Avro; the domain's checks reject it with a reason of its own."""
    event = msgspec.structs.replace(CALL, wait_s=math.nan)

    decoded = CODEC.decode(Source.CALL, b"c-1", CODEC.encode(event))

    assert isinstance(decoded, Call)
    assert math.isnan(decoded.wait_s)


def test_blocks_with_a_size_are_read() -> None:
    """Avro lets writers give a block's count as negative, followed by its size in bytes."""
    event = Purchase(**HEAD, order_id="o", kind=PurchaseKind.ORDER, currency="EUR", amount=1)
    value = CODEC.encode(msgspec.structs.replace(event, topics=("ab",)))
    sized = value.replace(b"\x02\x04ab\x00", b"\x01\x06\x04ab\x00")

    decoded = CODEC.decode(Source.PURCHASE, b"c-1", sized)

    assert sized != value
    assert decoded == msgspec.structs.replace(event, topics=("ab",))


@pytest.mark.parametrize(
    "change",
    [
        {"satisfaction": 1 << 31},
        {"occurred_at": 1 << 63},
        {"reason": "\ud800"},
        {"reason": None},
        {"wait_s": "soon"},
        {"channel": "PIGEON"},
    ],
    ids=str,
)
def test_event_that_does_not_fit_its_schema_is_not_encoded(change: dict[str, Any]) -> None:
    """A publisher learns of a value that Avro cannot hold before anything is sent."""
    event = msgspec.structs.replace(CALL, **change)

    with pytest.raises(RejectedRecord) as caught:
        CODEC.encode(event)

    assert caught.value.reason is Reason.UNDECODABLE


def test_rejection_quotes_nothing_of_the_value() -> None:
    """Messages go to logs and headers; what a customer said does not."""
    secret = msgspec.structs.replace(CALL, note="secret-words", reason="\udfff secret")
    with pytest.raises(RejectedRecord) as caught:
        CODEC.encode(secret)
    assert "secret" not in str(caught.value)

    body = CALL_VALUE[HEADER_BYTES:].replace(b"crm", b"\xffsc")
    with pytest.raises(RejectedRecord) as caught:
        CODEC.decode(Source.CALL, b"c-1", frame(CALL_ID, body))
    assert "sc" not in str(caught.value).replace("schema", "")


def test_address_is_the_physical_topic_and_the_key() -> None:
    """A publisher learns from the codec where an event goes."""
    codec = EventCodec(CATALOGUE, Topics("x."))
    ticket = Ticket(**HEAD | {"customer_id": "ü"}, ticket_id="t", action=TicketAction.OPENED)

    assert codec.address(ticket) == ("x.ckm.touchpoint.ticket.v1", "ü".encode())


@pytest.mark.parametrize("customer_id", ["\ud800", None])
def test_key_that_is_not_text_has_no_address(customer_id: Any) -> None:
    """A publisher is told, as of any field that does not fit."""
    event = msgspec.structs.replace(CALL, customer_id=customer_id)

    with pytest.raises(RejectedRecord) as caught:
        CODEC.address(event)

    assert caught.value.reason is Reason.UNDECODABLE
