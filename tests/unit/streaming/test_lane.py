"""A lane: where its units end, what follows a commit and in which order, and how it closes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import Event
from ckm_stream.errors import FencedError, TransientError
from ckm_stream.streaming.lane import Lane
from tests.support.lanes import (
    Acknowledged,
    Bench,
    Committed,
    Made,
    Observed,
    Put,
    blocked,
    within,
)
from tests.support.touchpoints import call, contact, ticket
from tests.support.units import CATALOGUE, PARTITION, TOPICS, States, core_over, slice_from


def committed(**offsets: int) -> Committed:
    """Return the commit of a unit with these next offsets, by source."""
    return Committed(tuple((getattr(TOPICS, name), offset) for name, offset in offsets.items()))


async def stop(lane: Lane, running: asyncio.Task[Any]) -> None:
    """Close a lane and wait for it."""
    lane.close()
    await within(running)


async def test_a_unit_ends_when_the_lane_has_caught_up() -> None:
    """All that is queued is one unit: commit, then states, then acknowledgements in order."""
    bench = Bench()
    lane = bench.lane()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    await lane.offer(bench.delivery("b", slice_from(4, contact("b"))))
    await lane.offer(bench.delivery("c", slice_from(1, call("c"))))

    running = asyncio.ensure_future(lane.run())
    await bench.acknowledged("c")
    await stop(lane, running)

    assert bench.actions == [
        Made(PARTITION),
        committed(call=2, employee=5),
        Put("profiles", (b"c-1",), 7),
        Put("employees", (b"e-1",), 7),
        Acknowledged("a"),
        Acknowledged("b"),
        Acknowledged("c"),
        Observed(3),
    ]


async def test_what_arrives_after_a_unit_is_the_next_one() -> None:
    """A lane that waits takes the next slice at once."""
    bench = Bench()
    lane = bench.lane()
    running = asyncio.ensure_future(lane.run())

    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    await bench.acknowledged("a")
    await lane.offer(bench.delivery("b", slice_from(1, call("b"))))
    await bench.acknowledged("b")
    await stop(lane, running)

    assert bench.of_type(Committed) == [committed(call=1), committed(call=2)]


@dataclass
class Clock:
    """Stands in for the module ``time``; each look at it takes *step* seconds."""

    step: float
    now: float = 0.0

    def monotonic(self) -> float:
        """Return the time, and let some pass."""
        self.now += self.step
        return self.now


async def test_a_unit_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.06 s pass per slice: the third begins after more than 0.1 s, so it is the next unit's."""
    monkeypatch.setattr("ckm_stream.streaming.lane.time", Clock(step=0.06))
    bench = Bench(unit_s=0.1)
    lane = bench.lane()
    for offset, name in enumerate("abc"):
        await lane.offer(bench.delivery(name, slice_from(offset, call(name))))

    running = asyncio.ensure_future(lane.run())
    await bench.acknowledged("c")
    await stop(lane, running)

    assert bench.of_type(Committed) == [committed(call=2), committed(call=3)]


async def test_nothing_follows_a_failed_commit() -> None:
    """Neither states nor acknowledgements; the error is the lane's result."""
    bench = Bench()
    bench.committer.error = FencedError("another owner")
    lane = bench.lane()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))

    with pytest.raises(FencedError):
        await within(lane.run())

    assert bench.actions == [Made(PARTITION)]


async def test_closing_finishes_the_unit_under_way_and_drops_the_queue() -> None:
    """What is queued is left to the partition's next owner."""
    bench = Bench()
    bench.committer.gate.clear()
    lane = bench.lane()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    running = asyncio.ensure_future(lane.run())
    await within(bench.committer.committing.wait())
    await lane.offer(bench.delivery("b", slice_from(1, call("b"))))

    lane.close()
    bench.committer.gate.set()
    await within(running)

    assert bench.of_type(Committed, Acknowledged) == [committed(call=1), Acknowledged("a")]
    assert lane.buffered == 0


async def test_a_closing_lane_takes_nothing() -> None:
    """A slice that comes too late is dropped, and the lane ends at once."""
    bench = Bench()
    lane = bench.lane()

    lane.close()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    await within(lane.run())

    assert bench.actions == [Made(PARTITION)]
    assert lane.buffered == 0


async def test_closing_releases_an_offer_that_waits_for_room() -> None:
    """Faust's agent must not hang in a lane that nobody empties any more."""
    bench = Bench(depth=1)
    lane = bench.lane()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    waiting = await blocked(lambda: lane.offer(bench.delivery("b", slice_from(1, call("b")))))

    lane.close()
    await within(waiting)
    await within(lane.run())

    assert bench.actions == [Made(PARTITION)]


def _nothing() -> None:
    """Do nothing."""


class RegistryAway(EventCodec):
    """A codec whose registry cannot be asked the first time; *meanwhile* is called then."""

    def __init__(self) -> None:
        super().__init__(CATALOGUE, TOPICS)
        self.is_away = True
        self.meanwhile: Callable[[], None] = _nothing

    def decode(self, source: Source, key: bytes | None, value: bytes | None) -> Event:
        """Fail the first time."""
        if self.is_away:
            self.is_away = False
            self.meanwhile()
            raise TransientError("the registry does not answer", retry_after_s=0.0)
        return super().decode(source, key, value)


async def test_a_slice_is_added_again_once_the_registry_answers() -> None:
    """Transient trouble is waited for in place: nothing is skipped, nothing counted twice."""
    bench = Bench(core=replace(core_over(States()), events=RegistryAway()))
    lane = bench.lane()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))

    running = asyncio.ensure_future(lane.run())
    await bench.acknowledged("a")
    await stop(lane, running)

    assert bench.of_type(Committed) == [committed(call=1)]


async def test_a_slice_that_slips_in_behind_dropped_ones_is_not_taken() -> None:
    """Closing drops the slice before it: to commit it would skip that one for ever."""
    codec = RegistryAway()
    bench = Bench(depth=1, core=replace(core_over(States()), events=codec))
    lane = bench.lane()
    codec.meanwhile = lane.close
    first = bench.delivery("a", slice_from(0, call("a")))
    lane._queue.put_nowait(bench.delivery("b", slice_from(1, call("b"))))
    slipping = await blocked(lambda: lane.offer(bench.delivery("c", slice_from(2, call("c")))))

    await within(lane._run_unit(first))
    await within(slipping)

    assert bench.of_type(Committed, Acknowledged) == [committed(call=1), Acknowledged("a")]


async def test_buffered_are_the_records_that_wait() -> None:
    """Records, not slices."""
    bench = Bench()
    lane = bench.lane()

    await lane.offer(bench.delivery("a", slice_from(0, call("a"), call("b"))))
    await lane.offer(bench.delivery("b", slice_from(0, ticket("c"))))

    assert lane.buffered == 3
