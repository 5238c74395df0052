"""
A lane: the one writer of one partition.

Slices of all source topics of a partition queue up in its lane, are folded into a unit, and the
unit is committed before the next one begins. So a customer's state has one writer, while waiting
for the broker in one lane leaves the processor to the others. A unit ends when the lane has
caught up or after ``unit_s``, whichever is first. A lane that would set aside too much stops the
worker in front of the first record too many (promise P7).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Never, Protocol

import structlog

from ckm_stream.errors import TransientError
from ckm_stream.operations.vitals import AwakeClock, Work
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.pipeline.limit import DeadLetterLimits, Excess, Limiter, limit_error
from ckm_stream.pipeline.recent import RecentStates
from ckm_stream.pipeline.records import Effects, Slice
from ckm_stream.pipeline.silence import Silences
from ckm_stream.pipeline.unit import Core, Unit
from ckm_stream.streaming.committer import Committer

log = structlog.get_logger(__name__)
# A look decodes a state and scores it a few times: 0.2 ms for ten, compiled. Between two rounds
# everything else has its turn, so that looking at a million customers takes a minute or two.
_LOOKS = 50
_BETWEEN_LOOKS_S = 0.002
_BETWEEN_TENDINGS_S = 1.0
# A turn of the event loop costs 0.05 ms or more: little beside this.
_TURN_S = 0.002
# A few MB a lane: the customers that come again soon, in a replay or in the middle of a call.
_RECENT_STATES = 1024


@dataclass(frozen=True, slots=True)
class Delivery:
    """A slice, and what to call when it is finished (Faust's acknowledgement)."""

    part: Slice
    acknowledge: Callable[[], Any]


class Table(Protocol):
    """Where committed states go (step 7's second half)."""

    def put_many(
        self, partition: int, entries: list[tuple[bytes, bytes]], next_offset: int
    ) -> None:
        """Make the committed states of a partition visible to the next unit."""

    def last_unit(self, partition: int) -> list[bytes]:
        """Return whose last change a predecessor may not have announced before it died."""

    def forget_last_unit(self, partition: int) -> None:
        """Note that it has been announced."""


class Observer(Protocol):
    """Told of each committed unit; metrics live behind it."""

    def on_committed(self, effects: Effects, *, parts: list[Slice], seconds: float) -> None:
        """*seconds* is the time from the unit's first slice to its commit."""


async def _at_once() -> None:
    """Nothing has to be waited for."""


@dataclass(frozen=True, slots=True)
class Watch:
    """
    How a lane finds the classes that change because nothing happens.

    ``now_s`` is the clock, in Unix seconds; without one a partition's newest event is now.
    ``may_look`` says whether all that was published has been fetched: who is behind takes for
    silence what is only unread.
    """

    new: Callable[[int], Silences]
    may_look: Callable[[], bool]
    now_s: Callable[[], int] | None


@dataclass(frozen=True, slots=True)
class Wiring:
    """
    What all lanes of a worker share.

    ``unit_s`` bounds a unit's time, ``depth`` the records that wait in one lane: it takes no other
    slice while so many do. Records and not slices, which are the smaller the faster a worker
    fetches: bounded by their number, units would be small when there is most to do.

    ``settle`` commits the source offsets of a committed unit at once, where the committer has not
    done so and nobody will get to acknowledge slices. ``work`` is told when a unit is under way,
    for the watchdog. ``may_score`` returns once the epochs are known that scores of now can fall
    into. ``watch`` finds the classes that change by silence; None if nobody looks.
    """

    core: Core
    committer: Committer
    tables: Mapping[str, Table]
    observer: Observer
    unit_s: float
    depth: int
    settle: Callable[[Effects], Awaitable[None]]
    limits: DeadLetterLimits = field(default_factory=DeadLetterLimits)
    work: Work = field(default_factory=lambda: Work(AwakeClock()))
    unit: type[Unit] = Unit
    watch: Watch | None = None
    may_score: Callable[[], Awaitable[None]] = _at_once


def lane_name(partition: int) -> str:
    """Name the lane of *partition* for whoever watches the work."""
    return f"lane {partition}"


class Lane:
    """Runs units for one partition until it is closed."""

    def __init__(self, partition: int, wiring: Wiring) -> None:
        self.partition = partition
        self._wiring = wiring
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._waiting = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._closing = asyncio.Event()
        self._recent = RecentStates(_RECENT_STATES)
        self._limiter = Limiter(wiring.limits)
        self._silences = None if wiring.watch is None else wiring.watch.new(partition)
        # Until the next tending; a lane that does not look waits for a slice, however long.
        self._pause_s = None if wiring.watch is None else _BETWEEN_TENDINGS_S

    async def offer(self, delivery: Delivery) -> None:
        """Queue a slice, waiting while the lane is full; a closing lane takes nothing."""
        while not self._has_room.is_set() and not self._closing.is_set():
            await self._has_room.wait()
        if not self._closing.is_set():
            self._queue.put_nowait(delivery)
            self._count(len(delivery.part.records))

    @property
    def buffered(self) -> int:
        """Records that wait in this lane."""
        return self._waiting

    async def run(self) -> None:
        """
        Work until closed; the unit under way is finished, the queue is left to a successor.

        Raises:
            DeadLetterLimitError: If too much is rejected; all before the first record too many
                is durable, that record and what follows is untouched.
        """
        await self._announce_again()
        self.look_at_all()
        while not self._closing.is_set():
            first = await self._next()
            if self._closing.is_set():
                return
            if first is None:
                await self._tend()
                continue
            with self._wiring.work.under_way(lane_name(self.partition)):
                await self._run_unit(first)

    def close(self) -> None:
        """Ask the lane to end after the unit under way."""
        self._closing.set()
        while not self._queue.empty():
            self._take()
        self._has_room.set()  # wakes an ``offer`` that waits for it

    def look_at_all(self) -> None:
        """Look, when there is nothing else to do, for classes that time alone has changed."""
        if self._silences is not None:
            self._silences.look_at_all()

    async def _next(self) -> Delivery | None:
        """Wait for a slice; None if the lane closes, or has time to look for silence."""
        if not self._queue.empty():
            return self._take()
        getter = asyncio.ensure_future(self._queue.get())
        closing = asyncio.ensure_future(self._closing.wait())
        await asyncio.wait(
            {getter, closing}, return_when=asyncio.FIRST_COMPLETED, timeout=self._pause_s
        )
        closing.cancel()
        if self._closing.is_set() or not getter.done():
            getter.cancel()
            return None
        delivery = getter.result()
        self._count(-len(delivery.part.records))
        return delivery

    def _take(self) -> Delivery:
        delivery = self._queue.get_nowait()
        self._count(-len(delivery.part.records))
        return delivery

    def _count(self, more: int) -> None:
        self._waiting += more
        if self._wiring.depth == 0 or self._waiting < self._wiring.depth:
            self._has_room.set()
        else:
            self._has_room.clear()

    async def _tend(self) -> None:
        """Look at a few customers, and announce the classes that have changed by now."""
        silences, watch = self._silences, self._wiring.watch
        self._pause_s = _BETWEEN_TENDINGS_S
        if silences is None or watch is None or not watch.may_look():
            return
        now_s = silences.newest_s if watch.now_s is None else watch.now_s()
        changes = silences.due(now_s, looks=_LOOKS)
        if silences.has_more:
            self._pause_s = _BETWEEN_LOOKS_S
        if not changes:
            return
        started = time.monotonic()
        with self._wiring.work.under_way(lane_name(self.partition)):
            unit = self._wiring.unit(self._wiring.core, self.partition, self._recent)
            unit.announce_changes(changes)
            effects = await self._commit(unit)
        self._wiring.observer.on_committed(effects, parts=[], seconds=time.monotonic() - started)

    async def _announce_again(self) -> None:
        """Tell of the states that a predecessor wrote last, before another one replaces them."""
        table = self._wiring.tables[PROFILES]
        keys = table.last_unit(self.partition)
        if keys:
            with self._wiring.work.under_way(lane_name(self.partition)):
                unit = self._wiring.unit(self._wiring.core, self.partition, self._recent)
                unit.announce_again(keys)
                await self._commit(unit)
            table.forget_last_unit(self.partition)

    async def _run_unit(self, first: Delivery) -> None:
        started = time.monotonic()
        wiring = self._wiring
        unit, taken = wiring.unit(wiring.core, self.partition, self._recent), [first]
        excess = await self._add(unit, first.part)
        turn = started
        while excess is None and self._may_go_on(unit, started):
            taken.append(self._take())
            excess = await self._add(unit, taken[-1].part)
            if time.monotonic() - turn > _TURN_S:
                await asyncio.sleep(0)  # other lanes and the metrics get their turn in between
                turn = time.monotonic()
        parts = [delivery.part for delivery in taken]
        if excess is not None:
            await self._stop_before(excess, parts, started)
        effects = await self._commit(unit)
        for delivery in taken:
            delivery.acknowledge()
        wiring.observer.on_committed(effects, parts=parts, seconds=time.monotonic() - started)

    async def _commit(self, unit: Unit) -> Effects:
        await self._wiring.may_score()
        effects = unit.seal()
        next_offsets = await self._wiring.committer.commit(effects)
        for table, entries in effects.changelog.items():
            if entries:
                self._wiring.tables[table].put_many(self.partition, entries, next_offsets[table])
                if table == PROFILES and self._silences is not None:
                    self._silences.note(key for key, _ in entries)
        unit.release()
        return effects

    async def _stop_before(self, excess: Excess, parts: list[Slice], started: float) -> Never:
        """Commit what comes before the first record too many, then raise."""
        wiring = self._wiring
        *whole, last = parts
        if excess.place:
            whole.append(last.until(excess.place))
        if whole:
            # From the committed states again: the unit has folded what comes behind that record.
            unit = wiring.unit(wiring.core, self.partition)
            for part in whole:
                await self._fold(unit, part)
            effects = await self._commit(unit)
            await wiring.settle(effects)
            wiring.observer.on_committed(effects, parts=whole, seconds=time.monotonic() - started)
        raise limit_error(last, excess)

    def _may_go_on(self, unit: Unit, started: float) -> bool:
        # A closing lane has dropped slices: one that slipped in behind them would leave a hole.
        return (
            not self._closing.is_set()
            and not self._queue.empty()
            and not unit.is_full
            and time.monotonic() - started < self._wiring.unit_s
        )

    async def _add(self, unit: Unit, part: Slice) -> Excess | None:
        before = len(unit.rejections)
        await self._fold(unit, part)
        return self._limiter.take(part, unit.rejections[before:])

    async def _fold(self, unit: Unit, part: Slice) -> None:
        while True:
            try:
                return unit.add(part)
            except TransientError as error:  # a registry that cannot be asked for now
                log.warning("unit.retry", partition=self.partition, reason=str(error))
                self._wiring.work.moved(lane_name(self.partition))  # it is not stuck, it is refused
                await asyncio.sleep(error.retry_after_s)
