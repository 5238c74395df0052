"""
Every rule of the workers that an event breaks, each with its field.

The workers' check ends at the first one. To find the others each field, and each entry of a list,
is checked alone, in an event that is sound but for it; that is done for refused events only.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Final

import msgspec

from ckm_stream.codec.jsonform import TIMES
from ckm_stream.domain.events import MICROS, TouchpointEvent
from ckm_stream.errors import Reason, RejectedRecord

_MS: Final = MICROS // 1000
_MOST_ENTRIES: Final = 100
#: What a check raises for an event that no worker would take.
UNSOUND: Final = (RejectedRecord, UnicodeEncodeError)


class Rules:
    """
    The rules for events.

    Args:
        check: Returns an event's value, or raises ``RejectedRecord``.
        now_ms: The time of day, Unix milliseconds.
    """

    def __init__(
        self, check: Callable[[TouchpointEvent], bytes], *, now_ms: Callable[[], int]
    ) -> None:
        self._check = check
        self._now_ms = now_ms

    def value_of(self, event: TouchpointEvent) -> bytes:
        """
        Return the value that *event* is sent as.

        Raises:
            RejectedRecord: If a worker would refuse it.
            UnicodeEncodeError: If it holds a lone surrogate.
        """
        return self._check(event)

    def broken_by(self, event: TouchpointEvent) -> list[tuple[str, str]]:
        """Return all that is wrong with fields of *event*, as (path, problem)."""
        sound = _sound(type(event), self._now_ms() * _MS)
        found = []
        for name in event.__struct_fields__:
            for path, value in _parts(name, getattr(event, name)):
                try:
                    self._check(msgspec.structs.replace(sound, **{name: value}))
                except UNSOUND as error:
                    found.append((path, sentence_of(error)))
        return found


def _sound(kind: type[TouchpointEvent], now_us: int) -> TouchpointEvent:
    """Return an event of *kind* that breaks no rule."""
    values: dict[str, Any] = {
        field.name: now_us if field.name in TIMES else _least(field.type)
        for field in msgspec.structs.fields(kind)
        if field.required
    }
    return kind(**values)


def _least(kind: Any) -> object:  # noqa: ANN401 -- a type
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    return 0 if kind is int else "x"


def _parts(name: str, value: object) -> Iterator[tuple[str, object]]:
    """Yield what is checked alone: the entries of a list, as lists of one, or the field."""
    if isinstance(value, tuple) and 0 < len(value) <= _MOST_ENTRIES:
        for place, entry in enumerate(value):
            yield f"$.{name}[{place}]", (entry,)
    else:
        yield f"$.{name}", value


def sentence_of(error: Exception) -> str:
    """Return what is wrong, in words for whoever has sent it."""
    if isinstance(error, UnicodeEncodeError):
        return "holds a lone surrogate, which no text has"
    if isinstance(error, RejectedRecord) and error.reason is Reason.UNDECODABLE:
        return "does not fit its Avro type"
    return str(error)
