"""
What is sent as events, read and judged one by one: JSON as of `ckm publish`, or CloudEvents 1.0.

Each event is held to the rules that the worker applies, so one that is accepted here never becomes
a dead letter; all that is wrong is told, with paths. Pure: no broker, no clock but the one given.
"""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from ckm_stream.codec.jsonform import JsonFormError, event_from_json
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.gateway.problems import FieldError
from ckm_stream.gateway.rules import UNSOUND, Rules, sentence_of
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
_FIELD: Final = re.compile(r"\$\.(\w+)")


class BodyError(ValueError):
    """A body that holds no events at all, with a sentence."""


class Judged(msgspec.Struct, frozen=True):
    """One event of a request: the event and its value, or what is wrong with it."""

    place: int
    event_id: str | None
    event: TouchpointEvent | None
    value: bytes
    errors: tuple[FieldError, ...]


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


def judge(place: int, entry: object, media_type: str, rules: Rules) -> Judged:
    """
    Return the event that *entry* is, checked and encoded, or all that is wrong with it.

    Args:
        place: Of the entry in its request, from 0.
        entry: Decoded JSON.
        media_type: One of ``MEDIA_TYPES``; tells the form.
        rules: Those of the workers.
    """
    if not isinstance(entry, dict):
        return _refused(place, None, FieldError("$", "must be an object"))
    event_id = entry.get("event_id" if media_type == JSON else "id")
    shown = event_id[:_LONGEST_ID] if isinstance(event_id, str) else None
    form = (_line if media_type == JSON else _cloud_event)(entry)
    event = _read(form)
    if form.errors or event is None:
        return _refused(place, shown, *form.errors)
    try:
        value = rules.value_of(event)
    except UNSOUND as error:
        form.blame(rules.broken_by(event))
        return _refused(place, shown, *(form.errors or [FieldError("$", sentence_of(error))]))
    return Judged(place, shown, event, value, ())


class _Form(msgspec.Struct):
    """
    The fields of an event, taken out of the form that it was sent in.

    Attributes:
        source: Which type of event it says to be; None if none of ours.
        fields: As in the event's JSON.
        paths: Where a field was sent, if not at ``$`` and its name; None if it was not sent at all.
        within: Where all others were.
        errors: What is wrong with the form, and with what was found in it.
    """

    source: Source | None
    fields: dict[str, Any]
    paths: dict[str, str | None] = {}
    within: str = "$"
    errors: list[FieldError] = []

    def blame(self, found: Iterable[tuple[str, str]]) -> None:
        """Add what is wrong with the event, by path, where it was sent; not what was not sent."""
        for path, message in found:
            name = _FIELD.match(path)
            if name is None:
                self.errors.append(FieldError(path, message))
            elif (at := self.paths.get(name[1], f"{self.within}.{name[1]}")) is not None:
                self.errors.append(FieldError(at + path[name.end() :], message))


def _read(form: _Form) -> Any:  # noqa: ANN401 -- an event of any type, or None
    if form.source is None:
        return None
    try:
        return event_from_json(form.fields, form.source)
    except JsonFormError as error:
        form.blame(error.errors)
        return None


def _line(entry: dict[str, Any]) -> _Form:
    name = entry.get("type")
    source = SOURCES.get(name) if isinstance(name, str) else None
    form = _Form(source, {key: value for key, value in entry.items() if key != "type"})
    if source is None:
        said = "missing" if name is None else "unknown"
        form.errors.append(FieldError("$.type", f"{said}; must be one of {', '.join(SOURCES)}"))
    return form


def _cloud_event(entry: dict[str, Any]) -> _Form:
    """
    Take an event out of its envelope (CloudEvents 1.0, structured mode).

    ``data`` has the fields that the envelope does not: the attributes id, source, subject, time and
    recordedtime are event_id, source, customer_id, occurred_at and recorded_at. An attribute that
    is null is none.
    """
    sent = {name: value for name, value in entry.items() if value is not None}
    name = sent.get("type")
    source = CLOUD_EVENT_TYPES.get(name) if isinstance(name, str) else None
    form = _Form(source, {}, within="$.data")
    if sent.get("specversion") != "1.0":
        form.errors.append(FieldError("$.specversion", 'must be "1.0"'))
    if source is None:
        said = f"must be one of {', '.join(CLOUD_EVENT_TYPES)}"
        form.errors.append(FieldError("$.type", said))
    if not _is_json(sent.get("datacontenttype", JSON)):
        form.errors.append(FieldError("$.datacontenttype", f"must be {JSON}"))
    data = sent.get("data")
    if isinstance(data, dict):
        form.fields.update(data)
        _add_attributes(form, sent)
    else:
        form.errors.append(FieldError("$.data", "must be an object: the event's other fields"))
        form.source = None
    return form


def _is_json(media_type: object) -> bool:
    return isinstance(media_type, str) and media_type.partition(";")[0].strip().lower() == JSON


def _add_attributes(form: _Form, sent: dict[str, Any]) -> None:
    """Add the envelope's attributes to the fields, and what contradicts them to the errors."""
    fields = form.fields
    for attribute, field in _ATTRIBUTES.items():
        if attribute in sent:
            value = sent[attribute]
            if not isinstance(value, str):
                form.errors.append(FieldError(f"$.{attribute}", "must be text"))
                form.paths[field] = None  # told already
                continue
            given = unquote(value) if attribute == "source" else value
            if fields.setdefault(field, given) != given:
                form.errors.append(FieldError(f"$.data.{field}", f"is not what {attribute} says"))
        if attribute in sent or field not in fields:
            form.paths[field] = f"$.{attribute}"
    if "recordedtime" in sent:
        fields.setdefault("recorded_at", sent["recordedtime"])
        form.paths["recorded_at"] = "$.recordedtime"
    elif "recorded_at" not in fields:
        fields["recorded_at"] = fields.get("occurred_at")
        form.paths["recorded_at"] = None  # what is wrong with it is wrong with the time
    if "correlationid" in sent:
        fields.setdefault("correlation_id", sent["correlationid"])
        form.paths["correlation_id"] = "$.correlationid"


def _refused(place: int, event_id: str | None, *errors: FieldError) -> Judged:
    return Judged(place, event_id, None, b"", errors)


def _without_text(error: Exception) -> str:
    # What msgspec says of malformed JSON names a byte; a codec's error quotes what was sent.
    return "not UTF-8" if isinstance(error, UnicodeError) else str(error)
