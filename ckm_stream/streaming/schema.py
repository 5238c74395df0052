"""Raw pass-through: decoding happens in the application core, where a bad record has a verdict."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import faust
from faust.types import AppT, EventT
from faust.types.tuples import Message

from ckm_stream.pipeline.records import Headers


class SliceSchema(faust.Schema[Any, Any]):
    """Hands the message's value to the agent as it is: a fetch's slices, or one record's bytes."""

    def __init__(self) -> None:
        super().__init__(key_type=bytes, value_type=bytes)

    def compile(self, app: AppT, **_: Any) -> Callable[..., Any]:
        """Return the function that makes an event of a message."""
        create_event = app.create_event

        async def decode(message: Message, *, propagate: bool = False) -> EventT[Any]:  # noqa: ARG001 -- nothing can fail
            return create_event(message.key, message.value, message.headers, message)

        return decode


class StockRecord(NamedTuple):
    """One record as the stock transport delivers it, in the shape of a slice's records."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Fetch(list[Message]):
    """What the slice transport hands over at once: a message for each slice."""


def messages_of(event: EventT[Any]) -> Sequence[Message]:
    """Return the messages of a fetch's slices, or the stock transport's as the only one."""
    value: Any = event.message.value
    return value if isinstance(value, Fetch) else [event.message]


def records_of(message: Message) -> Sequence[Any]:
    """Return the records of a slice, or the stock transport's message as the only one."""
    value: Any = message.value
    if value is not None and not isinstance(value, bytes):
        return value  # type: ignore[no-any-return] # a sequence of either kind of consumer's
    return [
        StockRecord(
            message.offset,
            round(message.timestamp * 1000),
            message.key,
            value,
            cast(Headers, message.headers or ()),
        )
    ]
