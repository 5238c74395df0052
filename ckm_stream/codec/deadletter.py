"""
The headers of a dead letter, by the names that Kafka Connect gives them.

Key and value of the record stay untouched. No header carries a personal value: the message is a
``RejectedRecord``'s, which names shapes, not contents (promises P6, P17).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Protocol

from ckm_stream.codec.framing import HEADER_BYTES, MAGIC
from ckm_stream.errors import Reason, RejectedRecord

CONNECT_PREFIX: Final = "__connect.errors."
REASON: Final = "ckm.reason"
SCHEMA_ID: Final = "ckm.schema.id"
APP_VERSION: Final = "ckm.app.version"
FIRST_FAILED_AT: Final = "ckm.first.failed.at"
#: On a record that was put back: the dead letter that it was, as topic:partition:offset.
REPLAYED_FROM: Final = "ckm.replayed.from"
_INSTANT_DIGITS: Final = 16
_APP_VERSION: Final = version("ckm-stream").encode()
_OURS: Final = (REASON, SCHEMA_ID, APP_VERSION, FIRST_FAILED_AT)


class FailedRecord(Protocol):
    """A rejected record, as a Kafka client hands it over."""

    @property
    def offset(self) -> int:
        """Its offset in the partition."""

    @property
    def timestamp(self) -> int:
        """Its timestamp in milliseconds since the Unix epoch."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers."""


def dead_letter_headers(
    *,
    topic: str,
    partition: int,
    record: FailedRecord,
    rejection: RejectedRecord,
    application_id: str,
) -> list[tuple[str, bytes]]:
    """
    Return the record's own headers, then what went wrong, where and since when.

    A record that fails again after a replay keeps the instant of its first failure and loses the
    other headers of that failure. That instant is the record's own timestamp in milliseconds: a
    verdict depends on nothing but the record, so the record was as wrong then as it is now, and
    a restarted worker writes the same headers.
    """
    kept = [(name, value) for name, value in record.headers if not _is_ours(name)]
    first_failed_at = next(
        # A number of milliseconds, in case that a producer made one up.
        (v for name, v in record.headers if name == FIRST_FAILED_AT and _is_instant(v)),
        str(record.timestamp).encode(),
    )
    error = type(rejection)
    stage, class_name = _stage(rejection.reason)
    connect = {
        "topic": topic,
        "partition": str(partition),
        "offset": str(record.offset),
        "connector.name": application_id,
        "task.id": str(partition),
        "stage": stage,
        "class.name": class_name,
        "exception.class.name": f"{error.__module__}.{error.__qualname__}",
        "exception.message": str(rejection),
    }
    headers = [(CONNECT_PREFIX + name, text.encode()) for name, text in connect.items()]
    headers.append((REASON, rejection.reason.value.encode()))
    if (schema_id := _schema_id(record.value)) is not None:
        headers.append((SCHEMA_ID, str(schema_id).encode()))
    headers.append((APP_VERSION, _APP_VERSION))
    headers.append((FIRST_FAILED_AT, first_failed_at))
    return kept + headers


@dataclass(frozen=True, slots=True)
class Failure:
    """
    What a dead letter's headers say.

    ``topic``, ``partition`` and ``offset`` are of the rejected record; ``first_failed_at_ms`` is
    its timestamp in milliseconds since the Unix epoch.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    message: str
    first_failed_at_ms: int
    app_version: str


def failure_of(headers: Sequence[tuple[str, bytes]]) -> Failure | None:
    """Return what the headers of a dead letter say, or None if they are not of this service."""
    # Of a name that comes again, the last one: ours are behind the record's own.
    found = {name: value for name, value in headers if _is_ours(name)}

    def text(name: str) -> str:
        return found[name].decode()

    try:
        return Failure(
            topic=text(CONNECT_PREFIX + "topic"),
            partition=int(text(CONNECT_PREFIX + "partition")),
            offset=int(text(CONNECT_PREFIX + "offset")),
            reason=text(REASON),
            message=text(CONNECT_PREFIX + "exception.message"),
            first_failed_at_ms=int(text(FIRST_FAILED_AT)),
            app_version=text(APP_VERSION),
        )
    except (KeyError, ValueError):
        return None


def replay_headers(
    headers: Sequence[tuple[str, bytes]], *, topic: str, partition: int, offset: int
) -> list[tuple[str, bytes]]:
    """
    Return the headers for the record in its source topic again: its own, and where it has been.

    The instant of its first failure stays, so that a dead letter of it says the same instant.
    """
    kept = [
        (name, value)
        for name, value in headers
        if (name == FIRST_FAILED_AT or not _is_ours(name)) and name != REPLAYED_FROM
    ]
    return [*kept, (REPLAYED_FROM, f"{topic}:{partition}:{offset}".encode())]


_UNREADABLE: Final = frozenset(
    {
        Reason.NULL_VALUE,
        Reason.TOO_LARGE,
        Reason.NOT_FRAMED,
        Reason.SCHEMA_UNKNOWN,
        Reason.SCHEMA_MISMATCH,
        Reason.UNDECODABLE,
    }
)


def _stage(reason: Reason) -> tuple[str, str]:
    """Return Connect's name of the stage that failed, and the class that executed it."""
    if reason is Reason.KEY_MISMATCH:
        return "KEY_CONVERTER", "ckm_stream.codec.events.EventCodec"
    if reason in _UNREADABLE:
        return "VALUE_CONVERTER", "ckm_stream.codec.events.EventCodec"
    return "TRANSFORMATION", "ckm_stream.pipeline.unit.Unit"


def _is_instant(value: bytes) -> bool:
    return value.isdigit() and len(value) < _INSTANT_DIGITS


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith(CONNECT_PREFIX)


def _schema_id(value: bytes | None) -> int | None:
    if value is None or len(value) < HEADER_BYTES or value[0] != MAGIC:
        return None
    return int.from_bytes(value[1:HEADER_BYTES], "big")
