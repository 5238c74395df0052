"""
The world of the crash tests: publishers, a consumer group, a store, and workers that may die.

Nothing here happens by itself. A test publishes, lets a worker do a unit, kills, stops, wakes and
rebalances, and finally lets everything catch up and asks for the verdict of the oracle.
"""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from ckm_stream.codec.events import key_of, source_of
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.errors import FencedError, TransientError
from ckm_stream.settings import Guarantee
from ckm_stream.snapshots.rebuild import rebuild
from tests.support.memory.log import Cluster
from tests.support.memory.loop import VirtualLoop
from tests.support.memory.points import Crash, Traps
from tests.support.memory.profiles import (
    PARTITION_OF,
    PARTITIONS,
    WORLD_POLICY,
    Mechanisms,
    ProfileWorker,
)
from tests.support.memory.snapshots import SnapshotWorker, empty
from tests.support.oracle import Oracle
from tests.support.stored import store_problems
from tests.support.units import EVENTS, OUTPUTS, TOPICS
from tests.support.updates import class_gaps
from tests.support.verify import Published, verify

_LARGE = 1 << 20
#: Far more than a world of some twenty events can need; a livelock would pass it.
_ROUNDS = 100


@dataclass
class World:
    """Everything that a run has; *choose* picks a number up to its argument, after a death."""

    guarantee: Guarantee
    engine: Engine
    choose: Callable[[int], int] = lambda most: most
    mechanisms: Mechanisms = field(default_factory=Mechanisms)
    new_snapshots: Callable[..., SnapshotWorker] = SnapshotWorker
    size: int = 1

    def __post_init__(self) -> None:
        empty(self.engine)
        self.loop = VirtualLoop()
        self.cluster = Cluster()
        self.traps = Traps()
        self._owners: dict[int, ProfileWorker] = {}
        self._zombies: list[ProfileWorker] = []
        self._snapshots: SnapshotWorker | None = None
        self._old_snapshots: list[SnapshotWorker] = []
        self._has_rival = False

    def close(self) -> None:
        """Let go of the loop and whatever still waits in it."""
        self.loop.cancel_all()
        self.loop.close()

    @property
    def has_zombies(self) -> bool:
        """Whether somebody lost partitions and does not know it yet."""
        return bool(self._zombies or self._old_snapshots)

    def publish(self, event: TouchpointEvent) -> None:
        """Publish an event where its key belongs."""
        key = key_of(event).encode()
        self.publish_bytes(source_of(event), PARTITION_OF(key), key, EVENTS.encode(event))

    def publish_bytes(
        self, source: Source, partition: int, key: bytes | None, value: bytes | None
    ) -> None:
        """Publish anything."""
        self.cluster.append((TOPICS.of(source), partition), key, value)

    def run_unit(self, partition: int, *, slices: list[tuple[int, int]]) -> None:
        """
        Let the partition's owner, or another if it has nothing to do, do the work of *slices*.

        Each is a number that chooses a source with unread records, and how many of them.
        """
        self._cover()
        others = (number for number in self._owners if number != partition)
        partition = next((p for p in (partition, *others) if self._owners[p].unread(p)), partition)
        worker = self._owners[partition]

        async def deliver() -> None:
            for number, count in slices:
                if sources := worker.unread(partition):
                    await worker.deliver(sources[number % len(sources)], partition, count)
            await self.loop.settle()

        self._run(deliver())
        self._look_around()

    def commit_offsets(self) -> None:
        """Let the workers commit what is finished, as Faust does once a second."""
        for worker in self._living():
            self._run(_called(worker.commit_offsets))
        self._look_around()

    def rebalance(self, size: int) -> None:
        """Take all partitions away, and share them out among *size* workers."""
        self.size = size
        self._revoke()
        self._cover()

    def kill(self, partition: int) -> None:
        """Kill -9 the partition's owner between two units."""
        if (worker := self._owners.get(partition)) is not None:
            worker.process.is_alive = False
            self._look_around()

    def wake(self) -> None:
        """Let those that were stopped go on; each has a successor."""
        self._cover()
        zombies, self._zombies = self._zombies, []
        for zombie in zombies:
            zombie.process.wake()
            self._run(self.loop.settle())
            assert isinstance(zombie.ended, FencedError | TransientError | None), zombie.ended
            if zombie.process.is_stalled:  # stopped again, by what was meant for its successor
                self._zombies.append(zombie)
                continue
            zombie.bury(lambda most: most)

    def snapshot(self, *, slices: list[tuple[int, int]]) -> None:
        """Let the snapshot worker fetch *slices* and write them as one transaction."""
        worker = self._open_snapshots()

        async def work() -> None:
            await _queue(worker, slices)
            await worker.write()

        try:
            self._run(work())
        except FencedError:
            assert self._has_rival, "nobody else can have moved its positions"
            self._snapshots = None
        self._look_around()

    def release_snapshots(self) -> None:
        """Take the snapshot worker's partitions away; the next step opens them anew."""
        if (worker := self._snapshots) is not None:
            self._run(worker.release())
            self._run(worker.open())
            self._look_around()

    def replace_snapshots(self, *, slices: list[tuple[int, int]]) -> None:
        """Let the snapshot worker queue *slices*, and another one take over behind its back."""
        worker = self._open_snapshots()
        self._run(_queue(worker, slices))
        self._look_around()
        if self._snapshots is worker:
            self._old_snapshots.append(worker)
            self._snapshots = None

    def rebuild(self) -> None:
        """Drop what the store holds, under whoever is filling it."""
        rebuild(self.engine)
        self._has_rival = True

    def wake_snapshots(self) -> None:
        """Let those that were replaced write what they have queued: nothing of it may count."""
        old, self._old_snapshots = self._old_snapshots, []
        for worker in old:
            with suppress(FencedError):  # it leaves
                self._run(worker.write())
                self._has_rival = True

    def catch_up(self) -> None:
        """Let everything that is published be consumed and stored, whoever still dies."""
        self.wake()
        self.wake_snapshots()
        for _ in range(_ROUNDS):
            self._cover()
            if not any(w.unread(p) for p, w in self._owners.items()):
                break
            for partition in range(PARTITIONS):
                self.run_unit(partition, slices=[(number, _LARGE) for number in range(6)])
        else:
            raise AssertionError("the workers do not catch up")
        self.commit_offsets()
        if self._has_rival:  # it has not noticed, and will not before there is something to write
            self._snapshots = None
        for _ in range(_ROUNDS):
            if not self._open_snapshots().unread():
                return
            self.snapshot(slices=[(0, _LARGE)] * 8)
        raise AssertionError("the snapshot worker does not catch up")

    def problems(self) -> list[str]:
        """Compare all topics and the store with the oracle."""
        published = self.read()
        exactly_once = self.guarantee is Guarantee.EXACTLY_ONCE
        verdict = verify(
            published, Oracle(EVENTS, WORLD_POLICY), OUTPUTS, exactly_once=exactly_once
        )
        return [
            *verdict.problems,
            *class_gaps(published.updates, OUTPUTS),
            *store_problems(self.engine, published, TOPICS, OUTPUTS),
        ]

    def read(self) -> Published:
        """Read all topics."""

        def read(topic: str) -> Any:
            return self.cluster.read(topic, PARTITIONS)

        return Published(
            sources={source: read(name) for name, source in TOPICS.sources.items()},
            profile_changelog=read(TOPICS.profile_changelog),
            employee_changelog=read(TOPICS.employee_changelog),
            updates=read(TOPICS.score_updated),
            items=read(TOPICS.knowledge_item),
            dead_letters=read(TOPICS.dead_letter),
        )

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* to its end or to a death."""
        with suppress(Crash):
            self.loop.run_until_complete(work)

    def _living(self) -> list[ProfileWorker]:
        return list({id(worker): worker for worker in self._owners.values()}.values())

    def _cover(self) -> None:
        """Share out the partitions among living workers until all have an owner who is open."""
        for _ in range(_ROUNDS):
            if len(self._owners) == PARTITIONS:
                return
            workers = self._revoke()
            while len(workers) < self.size:
                workers.append(
                    ProfileWorker(self.cluster, self.guarantee, self.traps, self.mechanisms)
                )
            del workers[self.size :]
            for number, worker in enumerate(workers):
                mine = set(range(number, PARTITIONS, self.size))
                self._owners |= dict.fromkeys(mine, worker)
                self._run(worker.open(mine))
            self._look_around()
        raise AssertionError("no worker can be opened")

    def _revoke(self) -> list[ProfileWorker]:
        """Close all workers; return those that live on."""
        workers = self._living()
        for worker in workers:
            self._run(worker.close())
        self._look_around()
        left = self._living()
        self._owners.clear()
        return left

    def _look_around(self) -> None:
        """Bury the dead and set the stopped aside; their partitions have no owner then."""
        for worker in self._living():
            process = worker.process
            if process.is_stalled:
                self._zombies.append(worker)
            elif process.is_alive:
                continue
            else:
                worker.bury(self.choose)
            self._owners = {p: w for p, w in self._owners.items() if w is not worker}
            if not isinstance(worker.ended, TransientError | None):
                raise worker.ended
        if self._snapshots is not None and not self._snapshots.process.is_alive:
            self._snapshots = None

    def _open_snapshots(self) -> SnapshotWorker:
        for _ in range(_ROUNDS):
            if self._snapshots is not None:
                return self._snapshots
            self._snapshots = self.new_snapshots(self.cluster, self.engine, self.traps)
            self._has_rival = False
            self._run(self._snapshots.open())
            self._look_around()
        raise AssertionError("no snapshot worker can be opened")


async def _called(function: Callable[[], None]) -> None:
    function()


async def _queue(worker: SnapshotWorker, slices: list[tuple[int, int]]) -> None:
    for number, count in slices:
        if tps := worker.unread():
            await worker.deliver(tps[number % len(tps)], count)
