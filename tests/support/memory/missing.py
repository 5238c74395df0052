"""The product with one mechanism missing, for controls: each must make the state machine fail."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import Any, Final

from aiokafka.structs import OffsetAndMetadata, TopicPartition
from sqlalchemy import Connection, Engine, update

from ckm_stream.codec.state import decode_state, encode_state
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.pipeline.records import Effects
from ckm_stream.snapshots.batch import Progress
from ckm_stream.snapshots.tables import SINK_PROGRESS
from ckm_stream.streaming.committer import (
    AtLeastOnce,
    _acknowledged,
    _next_offsets,
    _send_changelog,
    _send_updates,
)
from ckm_stream.streaming.lane import Lane
from ckm_stream.streaming.lanes import Lanes
from ckm_stream.streaming.last_unit import mark_of
from tests.support.memory.clients import MemoryProducer
from tests.support.memory.points import Process
from tests.support.memory.profiles import WORLD_POLICY, Mechanisms
from tests.support.memory.snapshots import MemoryWriter, SnapshotWorker


def _forget_applied(table: str, data: bytes | None) -> bytes | None:
    if data is None or table != PROFILES:
        return data
    state = decode_state(data, WORLD_POLICY)
    state.delivery.applied = [-1] * len(state.delivery.applied)
    return encode_state(state, WORLD_POLICY)


class _UpdatesFirst(AtLeastOnce):
    """Sends what tells of a state before the state."""

    async def commit(self, effects: Effects) -> dict[str, int]:
        """Write one unit in the wrong order."""
        assert self._shared is not None
        producer = self._shared

        async def updates() -> None:
            await _acknowledged(await _send_updates(producer, effects))

        await self._until_durable(updates, effects.partition)
        return await super().commit(replace(effects, updates=[]))


class _StatesFirst(AtLeastOnce):
    """Makes a state durable before what its events cause elsewhere."""

    async def commit(self, effects: Effects) -> dict[str, int]:
        """Write one unit in the wrong order."""
        assert self._shared is not None
        producer = self._shared

        async def changelog() -> dict[str, int]:
            mark = mark_of(effects.offsets)
            sent = await _send_changelog(producer, effects, self._changelog_topics, mark)
            return await _next_offsets(sent)

        next_offsets = await self._until_durable(changelog, effects.partition)
        await super().commit(replace(effects, changelog={}))
        return next_offsets


class _ForwardedLast(AtLeastOnce):
    """Makes a state durable before its events are forwarded to other keys."""

    async def commit(self, effects: Effects) -> dict[str, int]:
        """Write one unit in the wrong order."""
        next_offsets = await super().commit(replace(effects, forwarded=[]))
        await super().commit(replace(effects, changelog={}, updates=[], items=[], dead_letters=[]))
        return next_offsets


class _TellsNothingAgain(Lane):
    """Goes on as if a predecessor had told of all its states."""

    async def _announce_again(self) -> None:
        """Do nothing."""


class _WithoutTransactions(MemoryProducer):
    """Writes at once what belongs into a transaction."""

    async def start(self) -> None:
        """Connect, and be one of many."""
        self._transactional_id = None
        await super().start()

    async def begin_transaction(self) -> None:
        """Do nothing."""

    async def send_offsets_to_transaction(
        self, offsets: dict[TopicPartition, OffsetAndMetadata], group_id: str
    ) -> None:
        """Commit the offsets."""
        await self._flush()
        by_tp = {(tp.topic, tp.partition): meta.offset for tp, meta in offsets.items()}
        self._cluster.committed.update(by_tp)

    async def commit_transaction(self) -> None:
        """Do nothing more."""


_LIVES: Final = count()


class _WithoutFence(MemoryProducer):
    """Has a transactional id that no successor will ask for."""

    async def start(self) -> None:
        """Connect, and fence nobody."""
        self._transactional_id = f"{self._transactional_id}-{next(_LIVES)}"
        await super().start()


async def _nothing(_partitions: set[int]) -> None:
    """Recover no more."""


class _RecoversFirst(Lanes):
    """Reads the changelogs while the predecessor may still write them."""

    async def _open(self, partitions: set[int]) -> None:
        await self._recover(partitions)
        recover, self._recover = self._recover, _nothing
        try:
            await super()._open(partitions)
        finally:
            self._recover = recover


class _WritesAnyhow(MemoryWriter):
    """Sets the positions instead of comparing them first."""

    def _advance(self, connection: Connection, progress: Iterable[Progress]) -> None:
        for step in progress:
            position = (SINK_PROGRESS.c.topic == step.topic) & (
                SINK_PROGRESS.c.partition == step.partition
            )
            connection.execute(update(SINK_PROGRESS).where(position).values(next_offset=step.new))


def without_store_fence(*args: Any) -> SnapshotWorker:
    """Return a snapshot worker whose writer does not compare positions."""

    def writer(engine: Engine, process: Process) -> MemoryWriter:
        return _WritesAnyhow(engine, process)

    return SnapshotWorker(*args, writer=writer)


WITHOUT_APPLIED_OFFSETS: Final = Mechanisms(load=_forget_applied)
WITHOUT_ANNOUNCING_AGAIN: Final = Mechanisms(lane=_TellsNothingAgain)
STATES_FIRST: Final = Mechanisms(at_least_once=_StatesFirst)
FORWARDED_LAST: Final = Mechanisms(at_least_once=_ForwardedLast)
UPDATES_FIRST: Final = Mechanisms(at_least_once=_UpdatesFirst)
WITHOUT_TRANSACTIONS: Final = Mechanisms(producer=_WithoutTransactions)
WITHOUT_FENCE: Final = Mechanisms(producer=_WithoutFence)
RECOVERS_FIRST: Final = Mechanisms(lanes=_RecoversFirst)
