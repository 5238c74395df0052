"""
All lanes of a worker, opened and closed with the consumer group's rebalances.

Opening follows one order that exactness rests on: first become the only writer of the partitions,
then read their changelogs, then take slices (promises P1, P3, P4).
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable

import structlog

from ckm_stream.errors import InvariantError, TransientError
from ckm_stream.operations.stacks import stack_of_task
from ckm_stream.streaming.committer import Committer
from ckm_stream.streaming.lane import Delivery, Lane, lane_name

log = structlog.get_logger(__name__)


class Lanes:
    """The lanes of the partitions that this worker owns now."""

    def __init__(
        self,
        *,
        committer: Committer,
        new_lane: Callable[[int], Lane],
        recover: Callable[[set[int]], Awaitable[None]],
        on_failure: Callable[[BaseException], None],
        grace_s: float = 5.0,
    ) -> None:
        self._committer = committer
        self._new_lane = new_lane
        self._recover = recover
        self._on_failure = on_failure
        self._grace_s = grace_s
        self._lanes: dict[int, Lane] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._opening: asyncio.Task[None] | None = None
        self._is_open = False

    @property
    def partitions(self) -> set[int]:
        """The partitions whose lanes are open."""
        return set(self._lanes)

    @property
    def is_open(self) -> bool:
        """Whether the lanes take slices; a worker that owns no partition is open too."""
        return self._is_open

    def where(self, name: Hashable) -> str:
        """Return what the lane of that name awaits; may be called from any thread."""
        tasks = dict(zip(map(lane_name, self._lanes), self._tasks, strict=False))
        return stack_of_task(tasks[name]) if name in tasks else ""

    @property
    def buffered(self) -> int:
        """Records that wait in all lanes."""
        return sum(lane.buffered for lane in self._lanes.values())

    async def open(self, partitions: Iterable[int]) -> None:
        """
        Take over *partitions*: fence, recover, then start their lanes.

        A rebalance that begins meanwhile calls ``close``, which ends this early and quietly: no
        lane is open then, and the next assignment calls again.
        """
        self._opening = asyncio.ensure_future(self._open(set(partitions)))
        self._opening.add_done_callback(self._on_task_done)
        await asyncio.wait({self._opening})
        self._opening = None

    async def _open(self, partitions: set[int]) -> None:
        await self._committer.open(partitions)
        await self._recover(partitions)
        self._lanes = {partition: self._new_lane(partition) for partition in partitions}
        self._tasks = [asyncio.ensure_future(lane.run()) for lane in self._lanes.values()]
        for task in self._tasks:
            task.add_done_callback(self._on_task_done)
        self._is_open = True
        log.info("lanes.open", partitions=sorted(partitions))

    async def offer(self, delivery: Delivery) -> None:
        """
        Hand a slice to its partition's lane; between two assignments there is none to take it.

        Raises:
            InvariantError: If lanes are open, but not this partition's.
        """
        lane = self._lanes.get(delivery.part.partition)
        if lane is not None:
            await lane.offer(delivery)
        elif self._lanes:
            raise InvariantError(
                f"a slice of {delivery.part.topic} partition {delivery.part.partition} arrived, "
                f"but this worker owns {sorted(self._lanes)}"
            )

    def look_at_all(self) -> None:
        """Let every lane look for classes that time alone has changed or will change."""
        for lane in self._lanes.values():
            lane.look_at_all()

    async def close(self) -> None:
        """
        Finish the units under way, drop what is queued, and let go of the partitions.

        A unit that cannot end within the grace (the broker may be away) is given up as a killed
        worker's would be: nothing of it is acknowledged, and its records are delivered again.
        """
        self._is_open = False
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        lanes, self._lanes = self._lanes, {}
        tasks, self._tasks = self._tasks, []
        for lane in lanes.values():
            lane.close()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._grace_s)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks)
        try:
            await self._committer.close(grace_s=self._grace_s)
        except TransientError as error:
            self._on_failure(error)
        if lanes:
            log.info("lanes.closed", partitions=sorted(lanes))

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)
