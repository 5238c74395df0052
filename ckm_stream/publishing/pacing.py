"""Handing events out at a steady rate, for load tests and demos."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

# Shorter waits cost more in wake-ups than they even out.
_LEAST_WAIT_S: Final = 0.005


def at_rate(
    items: Iterable[T],
    per_second: float | None,
    *,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[T]:
    """
    Yield *items*, the n-th not much before n / *per_second* seconds after the first.

    Who falls behind catches up as fast as can be, so the mean rate holds.

    Args:
        items: What to hand out.
        per_second: Mean rate, > 0; None is as fast as can be.
        clock: Seconds of a clock that never goes back.
        wait: Waits some seconds.
    """
    if per_second is None:
        yield from items
        return
    started = clock()
    for number, item in enumerate(items):
        ahead_s = started + number / per_second - clock()
        if ahead_s > _LEAST_WAIT_S:
            wait(ahead_s)
        yield item
