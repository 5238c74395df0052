"""One mechanism taken away from a program: what the controls of the promises run."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiokafka
from aiokafka.errors import KafkaError
from faust.types import EventT
from sqlalchemy import update

from ckm_stream import bootstrap, native
from ckm_stream.codec.layouts import LAYOUTS
from ckm_stream.codec.state import decode_state, encode_state
from ckm_stream.operations.health import Health
from ckm_stream.operations.vitals import Check, Contact
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.settings import load_settings
from ckm_stream.snapshots.errors import store_errors
from ckm_stream.snapshots.tables import SINK_PROGRESS
from ckm_stream.snapshots.writer import SnapshotWriter
from ckm_stream.streaming import clients, committer, observer, profiles, snapshots
from ckm_stream.streaming.schema import messages_of

_POLICY = load_settings().scoring


def without_applied_offsets() -> None:
    """Step 2 off: a state does not remember what was applied to it."""
    load = profiles.ProfileApp._load

    def wrapped(self: profiles.ProfileApp, table: str, partition: int, key: bytes) -> bytes | None:
        data = load(self, table, partition, key)
        if data is None or table != PROFILES:
            return data
        state = decode_state(data, _POLICY)
        state.delivery.applied = [-1] * len(state.delivery.applied)
        return encode_state(state, _POLICY)

    profiles.ProfileApp._load = wrapped  # type: ignore[method-assign] # the fault


def without_transactions() -> None:
    """Steps 4 to 7 as single writes: nothing is undone, nobody is fenced."""
    factory = vars(profiles)["producer_factory"]

    def plain(*args: Any, **kwargs: Any) -> Any:
        build = factory(*args, **kwargs)
        return lambda _transactional_id: build(None)

    async def nothing(*_: Any) -> None:
        """Do what a producer without transactions can."""

    make = profiles.ProfileApp.__init__

    def committed_by_faust(self: profiles.ProfileApp, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        self.acknowledges = True

    profiles.ProfileApp.__init__ = committed_by_faust  # type: ignore[method-assign] # the fault
    vars(profiles)["producer_factory"] = plain
    for name in ("begin_transaction", "commit_transaction", "send_offsets_to_transaction"):
        setattr(aiokafka.AIOKafkaProducer, name, nothing)


def without_order() -> None:
    """Step 7 first: the source offsets are committed before the slice has had any effect."""
    deliver = profiles.ProfileApp.deliver

    async def wrapped(self: profiles.ProfileApp, event: EventT[Any]) -> None:
        for message in messages_of(event):
            message.ack(self.consumer)
        await self.consumer.commit()
        self.acknowledges = False
        await deliver(self, event)

    profiles.ProfileApp.deliver = wrapped  # type: ignore[method-assign] # the fault


def without_trying_again() -> None:
    """What a broker that is away did not take is taken to be durable."""

    async def once(_: Any, step: Callable[[], Awaitable[Any]], __: int) -> Any:
        try:
            return await step()
        except KafkaError:
            return defaultdict(int)

    committer.AtLeastOnce._until_durable = once  # type: ignore[method-assign, assignment] # the fault


def without_one_transaction() -> None:
    """The positions are committed a second before the rows that they stand for."""
    transact = SnapshotWriter._transact

    def apart(self: SnapshotWriter, batch: Any) -> None:
        with store_errors(self._engine.url), self._engine.begin() as connection:
            self._advance(connection, batch.progress)
        time.sleep(1.0)
        transact(self, replace(batch, progress=[]))

    SnapshotWriter._transact = apart  # type: ignore[method-assign] # the fault


def without_fence() -> None:
    """The store's positions are set, not compared first: whoever writes last has its way."""

    def advance(self: SnapshotWriter, connection: Any, progress: Any) -> None:
        for step in progress:
            position = (SINK_PROGRESS.c.topic == step.topic) & (
                SINK_PROGRESS.c.partition == step.partition
            )
            connection.execute(update(SINK_PROGRESS).where(position).values(next_offset=step.new))

    SnapshotWriter._advance = advance  # type: ignore[method-assign] # the fault


def without_closing() -> None:
    """What a worker has opened for its partitions stays open when they leave."""
    left: list[Any] = []

    async def close(self: committer.ExactlyOnce, *, grace_s: float) -> None:
        left.extend(self._producers.values())
        self._producers = {}

    committer.ExactlyOnce.close = close  # type: ignore[method-assign] # the fault


def without_answers() -> None:
    """The committer never comes back; everything else goes on, polling included."""

    async def silent(*_: Any) -> None:
        await asyncio.Event().wait()

    vars(committer)["_send_changelog"] = silent


def without_depth() -> None:
    """Any number of slices waits in a lane."""
    wiring: Callable[..., Any] = vars(profiles)["Wiring"]
    vars(profiles)["Wiring"] = lambda **parts: wiring(**(parts | {"depth": 0}))


def without_membership() -> None:
    """Who has not fetched for five minutes leaves the group, as Kafka's clients do."""
    make = clients.faust_settings

    def wrapped(*args: Any, **kwargs: Any) -> dict[str, Any]:
        return make(*args, **kwargs) | {"broker_max_poll_interval": 300.0}

    for module in (profiles, snapshots):
        vars(module)["faust_settings"] = wrapped


def without_recovery() -> None:
    """A worker starts with empty tables, whatever the changelogs hold."""

    async def nothing(tables: Any, partitions: set[int], _: Any, **__: Any) -> int:
        for table in tables.values():
            table.retain(partitions)
        return 0

    vars(profiles)["recover_tables"] = nothing


def without_silence() -> None:
    """Whatever is outside is taken to be there, however long it says nothing."""
    Contact.check = lambda _self: Check("outside", ok=True, detail="")  # type: ignore[method-assign, assignment] # the fault


def without_watchdog() -> None:
    """Nothing is ever stuck enough to be ended."""
    Health.stuck = lambda _self: None  # type: ignore[method-assign, assignment] # the fault


def without_counts() -> None:
    """What was applied is not counted as such; it is applied all the same."""
    count = observer.MetricsObserver.on_committed

    def wrapped(self: observer.MetricsObserver, effects: Any, **rest: Any) -> None:
        effects.tally.applied.clear()
        count(self, effects, **rest)

    observer.MetricsObserver.on_committed = wrapped  # type: ignore[method-assign] # the fault


def without_patience() -> None:
    """A store that does not answer is not waited for."""

    async def once(_: Any, __: object, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.to_thread(function, *args)

    snapshots.SnapshotApp._until_available = once  # type: ignore[assignment, method-assign] # the fault


def without_dead_letters() -> None:
    """Step 4 off: what is rejected is counted, and set aside nowhere."""
    send: Callable[..., Awaitable[Any]] = vars(committer)["_send_outputs"]

    async def wrapped(producer: aiokafka.AIOKafkaProducer, effects: Any, *args: Any) -> Any:
        effects.dead_letters.clear()
        return await send(producer, effects, *args)

    vars(committer)["_send_outputs"] = wrapped


def without_asking_first() -> None:
    """Nobody asks the broker before the start what this program may do."""
    vars(bootstrap)["require_access"] = lambda *_: None


def of_layout_one() -> None:
    """The release that knew layout 1 alone: it reads and writes no other, and was not compiled."""
    for layout in [layout for layout in LAYOUTS if layout > 1]:
        del LAYOUTS[layout]
    os.environ["CKM__STATE__LAYOUT"] = "1"
    vars(native)["is_built"] = lambda: False


FAULTS = (
    without_applied_offsets,
    without_transactions,
    without_order,
    without_trying_again,
    without_one_transaction,
    without_fence,
    without_closing,
    without_answers,
    without_depth,
    without_membership,
    without_recovery,
    without_silence,
    without_watchdog,
    without_counts,
    without_patience,
    without_dead_letters,
    without_asking_first,
    of_layout_one,
)
