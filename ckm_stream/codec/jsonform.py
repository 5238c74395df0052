"""
Events as JSON objects: what ``ckm publish`` reads line by line and the HTTP gateway takes.

The fields are the Avro records'; times are RFC 3339 with an offset, or integer microseconds since
the Unix epoch. All errors of an object are found, not only the first, each with its path.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, get_args

import msgspec

from ckm_stream.codec.events import EVENT_TYPES
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import Event
from ckm_stream.errors import Reason, RejectedRecord

#: Fields that are instants.
TIMES: Final = frozenset({"occurred_at", "recorded_at"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_NOT_A_MEMBER: Final = "Invalid enum value"

_FIELDS: Final = {
    source: {field.name: field for field in msgspec.structs.fields(event_type)}
    for source, event_type in EVENT_TYPES.items()
}


class JsonFormError(RejectedRecord):
    """An object is not an event; ``errors`` are all that is wrong, as (path, problem)."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        super().__init__(
            Reason.UNDECODABLE, "; ".join(f"{path}: {problem}" for path, problem in errors)
        )
        self.errors = errors


def event_from_json(obj: object, source: Source) -> Event:
    """
    Return the event of *source* that *obj* describes.

    Args:
        obj: What ``json.loads`` gave.
        source: Says which type of event it must be.

    Raises:
        JsonFormError: With all errors: fields missing, unknown, or not of their type.
    """
    if not isinstance(obj, Mapping):
        raise JsonFormError([("$", f"expected an object, got {type(obj).__name__}")])
    fields = _FIELDS[source]
    errors = [(f"$.{name}", "unknown field") for name in obj if name not in fields]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in obj:
            if field.required:
                errors.append((f"$.{name}", "missing"))
            continue
        try:
            value = _micros(obj[name]) if name in TIMES else obj[name]
            values[name] = msgspec.convert(value, field.type)
        except msgspec.ValidationError as error:
            errors.append(_located(field, str(error)))
    if errors:
        raise JsonFormError(errors)
    return EVENT_TYPES[source](**values)


def event_to_json(event: Event) -> dict[str, Any]:
    """Return the JSON object of *event*; times in RFC 3339, UTC, with microseconds."""
    obj: dict[str, Any] = msgspec.to_builtins(event)
    return obj | {name: _rfc3339(obj[name]) for name in TIMES}


def _micros(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise msgspec.ValidationError(
            f"Expected an RFC 3339 time or integer microseconds, got `{type(value).__name__}`"
        )
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise msgspec.ValidationError("Expected an RFC 3339 time") from None
    if at.tzinfo is None:
        raise msgspec.ValidationError("Expected an RFC 3339 time with an offset, such as Z")
    return (at - _EPOCH) // _MICROSECOND


def _rfc3339(micros: int) -> str | int:
    try:
        return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds")
    except OverflowError:  # beyond the years 1 to 9999; the integer is valid here too
        return micros


def _located(field: msgspec.structs.FieldInfo, message: str) -> tuple[str, str]:
    """Put msgspec's path inside a field behind the field's own; what was sent is not told."""
    problem, _, inner = message.partition(" - at `$")
    if problem.startswith(_NOT_A_MEMBER):
        kinds = (field.type, *get_args(field.type))
        enums = (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum))
        members = [each.value for kind in enums for each in kind]
        problem = f"must be one of {', '.join(members)}" if members else _NOT_A_MEMBER
    return f"$.{field.name}{inner.rstrip('`')}", problem
