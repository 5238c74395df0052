"""Headers of dead letters."""

from dataclasses import dataclass

from ckm_stream.codec.deadletter import dead_letter_headers
from ckm_stream.errors import Reason, RejectedRecord


@dataclass(frozen=True)
class Failed:
    """A rejected record."""

    offset: int = 17
    timestamp: int = 1_700_000_000_123
    key: bytes | None = b"c-1"
    value: bytes | None = b"\x00\x00\x00\x00\x09rest"
    headers: tuple[tuple[str, bytes], ...] = (("ce_id", b"e-1"),)


def headers_of(record: Failed, reason: Reason = Reason.UNDECODABLE) -> list[tuple[str, bytes]]:
    """Return the headers of a dead letter of partition 3."""
    return dead_letter_headers(
        topic="ckm.touchpoint.call.v1",
        partition=3,
        record=record,
        rejection=RejectedRecord(reason, "what is wrong"),
        application_id="ckm-profiles",
    )


def test_headers_say_where_and_why_in_connects_names() -> None:
    """Tools that read Kafka Connect's dead letters read ours."""
    headers = dict(headers_of(Failed()))

    assert headers.pop("ckm.app.version")
    assert headers == {
        "ce_id": b"e-1",
        "__connect.errors.topic": b"ckm.touchpoint.call.v1",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"17",
        "__connect.errors.connector.name": b"ckm-profiles",
        "__connect.errors.task.id": b"3",
        "__connect.errors.stage": b"VALUE_CONVERTER",
        "__connect.errors.class.name": b"ckm_stream.codec.events.EventCodec",
        "__connect.errors.exception.class.name": b"ckm_stream.errors.RejectedRecord",
        "__connect.errors.exception.message": b"what is wrong",
        "ckm.reason": b"undecodable",
        "ckm.schema.id": b"9",
        "ckm.first.failed.at": b"1700000000123",
    }


def test_stage_follows_the_reason() -> None:
    """Key, value and meaning fail at stages of their own."""
    stages = {
        reason: dict(headers_of(Failed(), reason))["__connect.errors.stage"]
        for reason in (Reason.KEY_MISMATCH, Reason.TOO_LARGE, Reason.IN_FUTURE)
    }

    assert stages == {
        Reason.KEY_MISMATCH: b"KEY_CONVERTER",
        Reason.TOO_LARGE: b"VALUE_CONVERTER",
        Reason.IN_FUTURE: b"TRANSFORMATION",
    }


def test_value_without_a_frame_has_no_schema_id() -> None:
    """What has no schema id gets no header for it."""
    for value in (None, b"", b"\x00\x01", b"{}xxxxx"):
        assert "ckm.schema.id" not in dict(headers_of(Failed(value=value)))


def test_second_failure_keeps_the_instant_of_the_first() -> None:
    """A replayed record that fails again carries each header once."""
    first = headers_of(Failed())
    again = headers_of(Failed(timestamp=9, offset=99, headers=tuple(first)))

    names = [name for name, _ in again]
    assert len(names) == len(set(names))
    assert dict(again)["ckm.first.failed.at"] == b"1700000000123"
    assert dict(again)["__connect.errors.offset"] == b"99"
    assert dict(again)["ce_id"] == b"e-1"
