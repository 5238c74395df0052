"""Headers of dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from ckm_stream.codec.deadletter import (
    FIRST_FAILED_AT,
    REASON,
    REPLAYED_FROM,
    dead_letter_headers,
    failure_of,
    replay_headers,
)
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


def test_what_the_headers_say_can_be_read_back() -> None:
    """Place, reason, message and instant of the rejected record, whatever it carried itself."""
    spoofed = ((REASON, b"none"), (FIRST_FAILED_AT, b"yesterday"), ("trace", b"t"))

    failure = failure_of(headers_of(Failed(headers=spoofed), Reason.NEGATIVE))

    assert failure is not None
    place = (failure.topic, failure.partition, failure.offset)
    assert place == ("ckm.touchpoint.call.v1", 3, 17)
    assert (failure.reason, failure.message) == ("negative", "what is wrong")
    assert failure.first_failed_at_ms == 1_700_000_000_123


@pytest.mark.parametrize(
    "headers",
    [(), (("a", b"b"),), ((REASON, b"\xff"), ("__connect.errors.topic", b"t"))],
)
def test_headers_of_somebody_else_say_nothing(headers: tuple[tuple[str, bytes], ...]) -> None:
    """A record that no worker has written is not taken for one."""
    assert failure_of(headers) is None


def test_a_record_that_goes_back_keeps_its_own_headers_and_its_first_failure() -> None:
    """It says which dead letter it was, once, however often it goes around."""
    headers: Sequence[tuple[str, bytes]] = (("trace", b"t"),)
    for offset in (3, 8):
        letter = headers_of(Failed(timestamp=1_000 + offset, headers=tuple(headers)))
        headers = replay_headers(letter, topic="dead", partition=1, offset=offset)

    assert headers == [
        ("trace", b"t"),
        (FIRST_FAILED_AT, b"1003"),
        (REPLAYED_FROM, b"dead:1:8"),
    ]
