"""
What is sent as events, read and judged one by one: JSON as of `ckm publish`, or CloudEvents 1.0.

Each event is held to the rules that the worker applies, so one that is accepted here never becomes
a dead letter; all that is wrong is told, with paths. Pure: no broker, no clock but the one given.
"""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from ckm_stream.codec.jsonform import JsonFormError, event_from_json
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.errors import RejectedRecord
from ckm_stream.gateway.problems import FieldError
from ckm_stream.publishing.cloudevents import CLOUD_EVENT_TYPES
from ckm_stream.publishing.files import SOURCES

JSON: Final = "application/json"
CLOUD_EVENT: Final = "application/cloudevents+json"
CLOUD_EVENTS: Final = "application/cloudevents-batch+json"
MEDIA_TYPES: Final = frozenset({JSON, CLOUD_EVENT, CLOUD_EVENTS})

_ATTRIBUTES: Final = {
    "id": "event_id",
    "source": "source",
    "subject": "customer_id",
    "time": "occurred_at",
}
_LONGEST_ID: Final = 200


class BodyError(ValueError):
    """A body that holds no events at all, with a sentence."""


class Judged(msgspec.Struct, frozen=True):
    """One event of a request: the event and its value, or what is wrong with it."""

    place: int
    event_id: str | None
    event: TouchpointEvent | None
    value: bytes
    errors: tuple[FieldError, ...]


Check = Callable[[TouchpointEvent], bytes]


def split(body: bytes, media_type: str, *, most: int) -> list[object]:
    """
    Return what is to be judged as an event each.

    Args:
        body: UTF-8 JSON.
        media_type: One of ``MEDIA_TYPES``.
        most: Events at once.

    Raises:
        BodyError: If it is not JSON, is nested too deeply, is empty, or holds too many.
    """
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BodyError(f"not JSON: {_without_text(error)}") from None
    except RecursionError:
        raise BodyError("not JSON of ours: nested too deeply") from None
    if media_type == CLOUD_EVENT and isinstance(content, list):
        raise BodyError(f"an array is {CLOUD_EVENTS}")
    if media_type == CLOUD_EVENTS and not isinstance(content, list):
        raise BodyError(f"one event alone is {CLOUD_EVENT}")
    entries: list[object] = content if isinstance(content, list) else [content]
    if not entries:
        raise BodyError("there is no event in it")
    if len(entries) > most:
        raise BodyError(f"{len(entries):,} events; {most:,} at once are the most")
    return entries


def judge(place: int, entry: object, media_type: str, check: Check) -> Judged:
    """
    Return the event that *entry* is, checked and encoded, or all that is wrong with it.

    Args:
        place: Of the entry in its request, from 0.
        entry: Decoded JSON.
        media_type: One of ``MEDIA_TYPES``; tells the form.
        check: Returns the event's value, or raises ``RejectedRecord``.
    """
    if not isinstance(entry, dict):
        return _refused(place, None, FieldError("$", "must be an object"))
    event_id = entry.get("event_id" if media_type == JSON else "id")
    shown = event_id[:_LONGEST_ID] if isinstance(event_id, str) else None
    try:
        read = _from_line if media_type == JSON else _from_cloud_event
        fields, source = read(entry)
        event: Any = event_from_json(fields, source)
        value = check(event)
    except _Wrong as error:
        return _refused(place, shown, *error.errors)
    except JsonFormError as error:
        errors = (FieldError(path, message) for path, message in error.errors)
        return _refused(place, shown, *errors)
    except RejectedRecord as error:
        return _refused(place, shown, FieldError("$", str(error)))
    except UnicodeEncodeError:
        return _refused(place, shown, FieldError("$", "holds a lone surrogate, which no text has"))
    return Judged(place, shown, event, value, ())


class _Wrong(Exception):  # noqa: N818 -- caught where it is made
    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors


def _from_line(entry: dict[str, Any]) -> tuple[dict[str, Any], Source]:
    name = entry.get("type")
    source = SOURCES.get(name) if isinstance(name, str) else None
    if source is None:
        said = "missing" if name is None else "unknown"
        raise _Wrong(FieldError("$.type", f"{said}; must be one of {', '.join(SOURCES)}"))
    return {key: value for key, value in entry.items() if key != "type"}, source


def _from_cloud_event(entry: dict[str, Any]) -> tuple[dict[str, Any], Source]:
    """
    Take an event out of its envelope (CloudEvents 1.0, structured mode).

    ``data`` has the fields that the envelope does not: the attributes id, source, subject, time and
    recordedtime are event_id, source, customer_id, occurred_at and recorded_at.
    """
    errors: list[FieldError] = []
    if entry.get("specversion") != "1.0":
        errors.append(FieldError("$.specversion", 'must be "1.0"'))
    name = entry.get("type")
    source = CLOUD_EVENT_TYPES.get(name) if isinstance(name, str) else None
    if source is None:
        errors.append(FieldError("$.type", f"must be one of {', '.join(CLOUD_EVENT_TYPES)}"))
    if entry.get("datacontenttype", JSON) != JSON:
        errors.append(FieldError("$.datacontenttype", f"must be {JSON}"))
    fields = _fields_of(entry, errors)
    if errors or source is None:
        raise _Wrong(*errors)
    return fields, source


def _fields_of(entry: dict[str, Any], errors: list[FieldError]) -> dict[str, Any]:
    """Return the event's fields out of data and attributes; what contradicts goes to *errors*."""
    data = entry.get("data")
    if not isinstance(data, dict):
        errors.append(FieldError("$.data", "must be an object: the event's other fields"))
        return {}
    fields = dict(data)
    for attribute, field in _ATTRIBUTES.items():
        value = entry.get(attribute)
        if value is None:
            continue
        if not isinstance(value, str):
            errors.append(FieldError(f"$.{attribute}", "must be text"))
            continue
        given = unquote(value) if attribute == "source" else value
        if fields.setdefault(field, given) != given:
            errors.append(FieldError(f"$.data.{field}", f"is not what {attribute} says"))
    fields.setdefault("recorded_at", entry.get("recordedtime", fields.get("occurred_at")))
    if "correlationid" in entry:
        fields.setdefault("correlation_id", entry["correlationid"])
    return fields


def _refused(place: int, event_id: str | None, *errors: FieldError) -> Judged:
    return Judged(place, event_id, None, b"", errors)


def _without_text(error: Exception) -> str:
    # What msgspec says of malformed JSON names a byte; a codec's error quotes what was sent.
    return "not UTF-8" if isinstance(error, UnicodeError) else str(error)
