"""An answer for everybody that is computed once in a while, by one of those who ask."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cached(Generic[T]):
    """
    Remembers what *compute* returned.

    Args:
        compute: Computes it anew; what it raises is not remembered.
        for_s: For how long it is remembered.
        monotonic: The clock, in seconds.
    """

    def __init__(
        self,
        compute: Callable[[], Awaitable[T]],
        *,
        for_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._compute = compute
        self._for_s = for_s
        self._monotonic = monotonic
        self._known: tuple[float, T] | None = None
        self._computing = asyncio.Lock()

    async def get(self) -> T:
        """Return it, computed anew if it is too old; whoever asks meanwhile waits for the same."""
        async with self._computing:
            now = self._monotonic()
            if self._known is None or now - self._known[0] >= self._for_s:
                self._known = (now, await self._compute())
            return self._known[1]
