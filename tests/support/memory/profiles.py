"""A profile worker in memory: the product's lanes, units, committers and recovery, and no Faust."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import faust
from aiokafka.errors import KafkaError

from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Source
from ckm_stream.domain.choices import HighThresholds
from ckm_stream.domain.events import Event
from ckm_stream.domain.policy import Policy
from ckm_stream.operations.vitals import AwakeClock, Work
from ckm_stream.pipeline.fold import EMPLOYEES, PROFILES, EmployeeFold
from ckm_stream.pipeline.limit import DeadLetterLimits
from ckm_stream.pipeline.records import Effects, Slice
from ckm_stream.pipeline.unit import Core
from ckm_stream.settings import Guarantee
from ckm_stream.streaming.committer import AtLeastOnce, Committer, ExactlyOnce
from ckm_stream.streaming.core import partitioner
from ckm_stream.streaming.lane import Delivery, Lane, Wiring
from ckm_stream.streaming.lanes import Lanes
from ckm_stream.streaming.table import ChangelogTable, recover_tables
from tests.support.memory.clients import MemoryConsumer, MemoryProducer, kinds_of
from tests.support.memory.log import Cluster, Tp
from tests.support.memory.points import Crash, Point, Process, Traps
from tests.support.units import EVENTS, TOPICS, profile_fold

PARTITIONS: Final = 2
#: Thresholds in the middle of what a few events give, so that the class changes all the time.
WORLD_POLICY: Final = Policy(
    n0=0.001, high=HighThresholds(value=0.12, willingness=0.37, absorption=0.48)
)
GROUP: Final = "test-profiles"
CHANGELOGS: Final = {
    PROFILES: TOPICS.profile_changelog,
    EMPLOYEES: TOPICS.employee_changelog,
}
PARTITION_OF: Final = partitioner(PARTITIONS)
_KINDS: Final = kinds_of(TOPICS)
_SOURCES: Final = TOPICS.sources
_FOLDS: Final = dict.fromkeys(Source, profile_fold(WORLD_POLICY)) | {
    Source.EMPLOYEE: EmployeeFold(policy=WORLD_POLICY)
}


@dataclass(frozen=True)
class Mechanisms:
    """What a control may take away from a worker; each argument is what the product has."""

    exactly_once: Callable[..., Committer] = ExactlyOnce
    at_least_once: Callable[..., Committer] = AtLeastOnce
    producer: Callable[..., MemoryProducer] = MemoryProducer
    lanes: Callable[..., Lanes] = Lanes
    lane: Callable[..., Lane] = Lane
    load: Callable[[str, bytes | None], bytes | None] = lambda _table, data: data


class _Codec:
    """The event codec, with a point after each record."""

    def __init__(self, codec: EventCodec, process: Process) -> None:
        self._codec = codec
        self._process = process

    def decode(self, source: Source, key: bytes | None, value: bytes | None) -> Event:
        """Decode a record."""
        event = self._codec.decode(source, key, value)
        self._process.reach(Point.AFTER_DECODE)
        return event


class _Fold:
    """A fold, with a point after each event."""

    def __init__(self, fold: Any, process: Process) -> None:
        self._fold = fold
        self._process = process

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fold, name)

    def apply(self, state: Any, event: Event, effects: Effects) -> bool:
        """Fold *event* in."""
        is_new: bool = self._fold.apply(state, event, effects)
        self._process.reach(Point.AFTER_APPLY)
        return is_new


class _Committer:
    """A committer, with the points around its steps that are the same for both guarantees."""

    def __init__(self, committer: Committer, process: Process) -> None:
        self._committer = committer
        self._process = process

    async def open(self, partitions: Iterable[int]) -> None:
        """Become the only writer."""
        await self._committer.open(partitions)
        self._process.reach(Point.AFTER_FENCE)

    async def commit(self, effects: Effects) -> dict[str, int]:
        """Write a unit."""
        self._process.reach(Point.AFTER_SCORE)
        next_offsets = await self._committer.commit(effects)
        await self._process.come_to(Point.AFTER_COMMIT)
        return next_offsets

    async def close(self, *, grace_s: float) -> None:
        """Let go."""
        self._process.reach(Point.IN_REVOKE)
        await self._committer.close(grace_s=grace_s)


class _Table(ChangelogTable):
    """The changelog table, with the points around taking a unit in."""

    process: Process

    def put_many(
        self, partition: int, entries: list[tuple[bytes, bytes]], next_offset: int
    ) -> None:
        """Take committed states in."""
        self.process.reach(Point.BEFORE_TABLE)
        super().put_many(partition, entries, next_offset)
        self.process.reach(Point.AFTER_TABLE)


@dataclass
class ProfileWorker:
    """One life of a profile worker; ``ended`` is what would have ended its process."""

    cluster: Cluster
    guarantee: Guarantee
    traps: Traps
    mechanisms: Mechanisms
    ended: BaseException | None = None
    finished: dict[Tp, int] = field(default_factory=dict)
    _positions: dict[Tp, int] = field(default_factory=dict)
    _producers: list[MemoryProducer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.process = Process(self.traps)
        self.is_transactional = self.guarantee is Guarantee.EXACTLY_ONCE
        self._tables = self._new_tables()
        self._committer = _Committer(self._new_committer(), self.process)
        wiring = Wiring(
            core=self._new_core(),
            committer=self._committer,
            tables=self._tables,
            observer=self,
            unit_s=3600.0,  # a unit is what waits when it begins
            depth=64,
            settle=self._settle,
            work=Work(AwakeClock()),
            limits=DeadLetterLimits(max_consecutive=0, max_ratio=1.0),
        )
        self.lanes = self.mechanisms.lanes(
            committer=self._committer,
            new_lane=lambda partition: self.mechanisms.lane(partition, wiring),
            recover=self._recover,
            on_failure=self._on_failure,
        )

    async def open(self, partitions: set[int]) -> None:
        """Begin an assignment: fence, recover, open the lanes, go to the committed offsets."""
        await self.lanes.open(partitions)
        if self.process.is_alive:
            self._positions = {
                (topic, number): self.cluster.committed.get((topic, number), 0)
                for topic in _SOURCES
                for number in partitions
            }

    async def close(self) -> None:
        """Give the partitions up, as at a rebalance or at the end."""
        await self.lanes.close()
        self.commit_offsets()
        self._positions.clear()

    def unread(self, partition: int) -> list[Source]:
        """Return the sources of *partition* that have records to be read."""
        return [
            source
            for topic, source in _SOURCES.items()
            if self.cluster.fetch((topic, partition), self._positions[topic, partition], 1).records
        ]

    async def deliver(self, source: Source, partition: int, count: int) -> None:
        """Fetch a slice of up to *count* records and hand it to its lane."""
        tp = (TOPICS.of(source), partition)
        records, position, _ = self.cluster.fetch(tp, self._positions[tp], count)
        self._positions[tp] = position
        if not records:
            return
        self.process.reach(Point.AFTER_FETCH)
        part = Slice(source, *tp, records)

        def acknowledge() -> None:
            self.process.reach(Point.BEFORE_ACK)
            self.finished[tp] = part.next_offset
            self.process.reach(Point.AFTER_ACK)

        await self.lanes.offer(Delivery(part, acknowledge))

    def commit_offsets(self) -> None:
        """Commit what is finished, as Faust does once a second; transactions have done it."""
        if self.is_transactional or not self.finished:
            return
        with suppress(KafkaError):  # Faust says so in its log and tries again a second later
            self.process.reach(Point.BEFORE_OFFSETS)
            self.cluster.committed.update(self.finished)
            self.process.reach(Point.AFTER_OFFSETS)
            self.finished.clear()

    def on_committed(self, effects: Effects, *, parts: list[Slice], seconds: float) -> None:
        """Count a unit: the observer of this worker's lanes."""
        self.process.reach(Point.AFTER_UNIT)

    def bury(self, choose: Callable[[int], int]) -> None:
        """Drop all that is in memory; of what was being sent, *choose* says how much arrives."""
        self.process.is_alive = False
        for producer in self._producers:
            producer.arrive({tp: choose(count) for tp, count in producer.unsent().items()})
        for task in self.lanes._tasks:
            task.cancel()

    async def _recover(self, partitions: set[int]) -> None:
        tables = {CHANGELOGS[name]: table for name, table in self._tables.items()}
        new_consumer: Any = lambda: MemoryConsumer(self.cluster, self.process)  # noqa: E731 -- in the client's place
        await recover_tables(tables, partitions, new_consumer)
        self.process.reach(Point.AFTER_RECOVERY)

    async def _settle(self, effects: Effects) -> None:
        """Commit a unit's offsets: only where the dead letters exceed a limit, which have none."""
        raise AssertionError(f"partition {effects.partition} has too many dead letters")

    def _on_failure(self, error: BaseException) -> None:
        self.process.is_alive = False
        if not isinstance(error, Crash):
            self.ended = error

    def _new_core(self) -> Core:
        codec: Any = _Codec(EVENTS, self.process)
        return Core(
            application_id=GROUP,
            topics=TOPICS,
            events=codec,
            policy=WORLD_POLICY,
            folds={source: _Fold(fold, self.process) for source, fold in _FOLDS.items()},
            load=self._load,
            partition_of=PARTITION_OF,
        )

    def _load(self, table: str, partition: int, key: bytes) -> bytes | None:
        return self.mechanisms.load(table, self._tables[table].read(partition, key))

    def _new_tables(self) -> dict[str, ChangelogTable]:
        app = faust.App("test", broker="memory://", autodiscover=False, store="memory://")
        tables: dict[str, ChangelogTable] = {}
        for name in CHANGELOGS:
            table = _Table(app, name=name)
            table.process = self.process
            tables[name] = table
        return tables

    def _new_committer(self) -> Committer:
        def producer(transactional_id: str | None) -> Any:
            made = self.mechanisms.producer(self.cluster, self.process, _KINDS, transactional_id)
            self._producers.append(made)
            return made

        if self.is_transactional:
            return self.mechanisms.exactly_once(
                producer, application_id=GROUP, group_id=GROUP, changelog_topics=CHANGELOGS
            )
        return self.mechanisms.at_least_once(producer, changelog_topics=CHANGELOGS, retry_s=0.0)
