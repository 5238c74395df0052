"""How many streams are open, and how many may be."""

from collections.abc import AsyncIterator, Mapping

from prometheus_client import Gauge
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class Streams:
    """
    The places for open streams.

    Args:
        most: At once.
        gauge: What exports how many are taken.
    """

    def __init__(self, most: int, gauge: Gauge) -> None:
        self._most = most
        self._gauge = gauge
        self._open = 0

    def take(self) -> bool:
        """Take a place, if there is one left."""
        if self._open >= self._most:
            return False
        self._set(self._open + 1)
        return True

    def give_back(self) -> None:
        """Leave a place to others."""
        self._set(self._open - 1)

    def _set(self, count: int) -> None:
        self._open = count
        self._gauge.set(count)


class PlacedStream(StreamingResponse):
    """
    A stream that has a place until it ends, whoever ends it.

    The place is taken before there is an answer: those that are asked for at the same instant would
    else all find the last one free.

    Args:
        events: What is sent.
        places: Where a place has been taken for it.
        media_type: Of the answer.
        headers: Further ones.
    """

    def __init__(
        self,
        events: AsyncIterator[bytes],
        places: Streams,
        *,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(events, media_type=media_type, headers=headers)
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._places.give_back()
