"""An answer that is computed once in a while."""

import asyncio

import pytest

from ckm_stream.gateway.caching import Cached
from tests.support.clock import Clock


async def test_those_who_ask_at_once_wait_for_one_answer() -> None:
    """It is computed once, and again when it is too old."""
    clock, computed = Clock(now_s=0.0), 0

    async def compute() -> int:
        nonlocal computed
        computed += 1
        await asyncio.sleep(0)
        return computed

    cached = Cached(compute, for_s=5.0, monotonic=clock)

    assert await asyncio.gather(*(cached.get() for _ in range(5))) == [1] * 5
    clock.now_s = 4.9
    assert await cached.get() == 1
    clock.now_s = 5.0
    assert await cached.get() == 2


async def test_those_who_wait_share_an_error() -> None:
    """Twenty who wait for a store that is away do not wait one after the other."""
    asked = 0

    async def compute() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        raise ValueError("no")

    cached = Cached(compute, for_s=5.0)
    found = await asyncio.gather(*(cached.get() for _ in range(20)), return_exceptions=True)

    assert asked == 1
    assert all(isinstance(each, ValueError) for each in found)


async def test_an_error_is_not_remembered() -> None:
    """Who asks next has it computed anew."""
    asked = 0

    async def compute() -> int:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ValueError("no")
        return asked

    cached = Cached(compute, for_s=5.0)

    with pytest.raises(ValueError, match="no"):
        await cached.get()
    assert await cached.get() == 2
