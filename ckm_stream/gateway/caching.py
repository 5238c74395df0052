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
        self._computing: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Return it, computed anew if it is too old; whoever asks meanwhile gets the same."""
        if self._known is not None and self._monotonic() - self._known[0] < self._for_s:
            return self._known[1]
        if self._computing is None or self._computing.done():
            self._computing = asyncio.create_task(self._renew())
        return await asyncio.shield(self._computing)  # others wait for it too

    async def _renew(self) -> T:
        began = self._monotonic()
        value = await self._compute()
        self._known = (began, value)
        return value
