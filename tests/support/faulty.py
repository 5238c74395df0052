"""
The product's programs with something wrong, for tests: ``python -m tests.support.faulty``.

The arguments are the verb (worker or snapshots) and faults. ``POINT:ACTION:COUNT`` makes the
process kill (``dies``) or stop (``stops``) itself when it comes to a point for the COUNTth time, or
its thread wait for ever there (``blocks``); any other fault takes one mechanism away or slows a
step down. The product knows nothing of it: a fault replaces one function.
"""

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiokafka
from faust.types import EventT
from sqlalchemy import update

from ckm_stream import bootstrap, native
from ckm_stream.cli import workers
from ckm_stream.codec.layouts import LAYOUTS
from ckm_stream.codec.state import decode_state, encode_state
from ckm_stream.operations.health import Health
from ckm_stream.operations.vitals import Check, Contact
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.settings import load_settings
from ckm_stream.snapshots.batch import SnapshotBatch
from ckm_stream.snapshots.tables import SINK_PROGRESS
from ckm_stream.snapshots.writer import SnapshotWriter
from ckm_stream.streaming import committer, observer, profiles, snapshots
from ckm_stream.streaming.transport import ConsumerThread
from tests.support.evolution import as_next_release

_POLICY = load_settings().scoring
_ACTIONS = {"dies": signal.SIGKILL, "stops": signal.SIGSTOP}


class Point:
    """Counts how often it is reached, and acts once."""

    def __init__(self, action: str, count: str) -> None:
        self._signal = None if action == "blocks" else _ACTIONS[action]
        self._left = int(count)

    @property
    def is_due(self) -> bool:
        """Whether this time is the one; reaching it again later is not."""
        self._left -= 1
        return self._left == 0

    def act(self) -> None:
        """Let this thread not run another line before the action has its effect."""
        if self._signal is None:
            threading.Event().wait()
        else:
            signal.pthread_kill(threading.get_ident(), self._signal)


def around_step(name: str, point: Point, *, before: bool) -> None:
    """Act before or after one step of a committer, with all that was sent before durable."""
    step: Callable[..., Awaitable[Any]] = getattr(committer, name)

    async def wrapped(producer: aiokafka.AIOKafkaProducer, *args: Any) -> Any:
        is_due = point.is_due
        if is_due and before:
            await producer.flush()
            point.act()
        sent = await step(producer, *args)
        if is_due and not before:
            await producer.flush()
            point.act()
        return sent

    setattr(committer, name, wrapped)


def after_commit(point: Point) -> None:
    """Act when a unit is durable, before the table and Faust hear of it."""
    for kind in (committer.AtLeastOnce, committer.ExactlyOnce):
        commit = kind.commit

        async def wrapped(self: Any, effects: Any, commit: Any = commit) -> dict[str, int]:
            next_offsets: dict[str, int] = await commit(self, effects)
            if point.is_due:
                point.act()
            return next_offsets

        kind.commit = wrapped  # type: ignore[method-assign] # that is the point


def before_write(point: Point) -> None:
    """Act before the snapshot worker writes a batch."""
    write = SnapshotWriter.write

    def wrapped(self: SnapshotWriter, batch: Any) -> None:
        if point.is_due:
            point.act()
        write(self, batch)

    SnapshotWriter.write = wrapped  # type: ignore[method-assign]


def before_fetch(point: Point) -> None:
    """Act in the consumer's thread, before it looks for records that it has fetched."""
    fetch = ConsumerThread._fetch_records

    async def wrapped(self: ConsumerThread, *args: Any, **kwargs: Any) -> Any:
        if point.is_due:
            point.act()
        return await fetch(self, *args, **kwargs)

    ConsumerThread._fetch_records = wrapped  # type: ignore[method-assign]


POINTS: dict[str, Callable[[Point], None]] = {
    "before_fetch": before_fetch,
    "before_outputs": lambda point: around_step("_send_outputs", point, before=True),
    "after_outputs": lambda point: around_step("_send_outputs", point, before=False),
    "before_changelog": lambda point: around_step("_send_changelog", point, before=True),
    "after_changelog": lambda point: around_step("_send_changelog", point, before=False),
    "after_commit": after_commit,
    "before_write": before_write,
}


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

    profiles.ProfileApp._load = wrapped  # type: ignore[method-assign]


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

    profiles.ProfileApp.__init__ = committed_by_faust  # type: ignore[method-assign]
    vars(profiles)["producer_factory"] = plain
    for name in ("begin_transaction", "commit_transaction", "send_offsets_to_transaction"):
        setattr(aiokafka.AIOKafkaProducer, name, nothing)


def without_order() -> None:
    """Step 7 first: the source offsets are committed before the slice has had any effect."""
    deliver = profiles.ProfileApp.deliver

    async def wrapped(self: profiles.ProfileApp, event: EventT[Any]) -> None:
        event.ack()
        await self.consumer.commit()
        self.acknowledges = False
        await deliver(self, event)

    profiles.ProfileApp.deliver = wrapped  # type: ignore[method-assign]


def without_fence() -> None:
    """The store's positions are set, not compared first: whoever writes last has its way."""

    def advance(self: SnapshotWriter, connection: Any, progress: Any) -> None:
        for step in progress:
            position = (SINK_PROGRESS.c.topic == step.topic) & (
                SINK_PROGRESS.c.partition == step.partition
            )
            connection.execute(update(SINK_PROGRESS).where(position).values(next_offset=step.new))

    SnapshotWriter._advance = advance  # type: ignore[method-assign]


def of_layout_one() -> None:
    """The release before layout 2: it neither reads nor writes it, and was not compiled."""
    del LAYOUTS[2]
    vars(native)["is_built"] = lambda: False


def without_answers() -> None:
    """The committer never comes back; everything else goes on, polling included."""

    async def silent(*_: Any) -> None:
        await asyncio.Event().wait()

    vars(committer)["_send_changelog"] = silent


def slow_commits() -> None:
    """A unit's commit takes two seconds more."""
    step = committer.AtLeastOnce.commit

    async def wrapped(self: committer.AtLeastOnce, effects: Any) -> dict[str, int]:
        await asyncio.sleep(2.0)
        return await step(self, effects)

    committer.AtLeastOnce.commit = wrapped  # type: ignore[method-assign]


def slow_writes() -> None:
    """The database takes eight seconds more for each transaction."""
    write = SnapshotWriter.write

    def wrapped(self: SnapshotWriter, batch: SnapshotBatch) -> None:
        time.sleep(8.0)
        write(self, batch)

    SnapshotWriter.write = wrapped  # type: ignore[method-assign]


def frequent_reports() -> None:
    """The gauges are refreshed ten times a second."""
    vars(profiles)["_LAG_INTERVAL_S"] = 0.1


def without_depth() -> None:
    """Any number of slices waits in a lane."""
    wiring: Callable[..., Any] = vars(profiles)["Wiring"]
    vars(profiles)["Wiring"] = lambda **parts: wiring(**(parts | {"depth": 0}))


def slow_recovery() -> None:
    """Reading the changelogs takes two seconds more."""
    recover = vars(profiles)["recover_tables"]

    async def wrapped(*args: Any, **kwargs: Any) -> int:
        await asyncio.sleep(2.0)
        records: int = await recover(*args, **kwargs)
        return records

    vars(profiles)["recover_tables"] = wrapped


def without_recovery() -> None:
    """A worker starts with empty tables, whatever the changelogs hold."""

    async def nothing(tables: Any, partitions: set[int], _: Any, **__: Any) -> int:
        for table in tables.values():
            table.retain(partitions)
        return 0

    vars(profiles)["recover_tables"] = nothing


def without_silence() -> None:
    """Whatever is outside is taken to be there, however long it says nothing."""
    Contact.check = lambda _self: Check("outside", ok=True, detail="")  # type: ignore[method-assign, assignment]


def without_watchdog() -> None:
    """Nothing is ever stuck enough to be ended."""
    Health.stuck = lambda _self: None  # type: ignore[method-assign, assignment]


def without_counts() -> None:
    """What was applied is not counted as such; it is applied all the same."""
    count = observer.MetricsObserver.on_committed

    def wrapped(self: observer.MetricsObserver, effects: Any, **rest: Any) -> None:
        effects.tally.applied.clear()
        count(self, effects, **rest)

    observer.MetricsObserver.on_committed = wrapped  # type: ignore[method-assign]


def without_patience() -> None:
    """A store that does not answer is not waited for."""

    async def once(_: Any, __: object, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.to_thread(function, *args)

    snapshots.SnapshotApp._until_available = once  # type: ignore[assignment, method-assign]


def without_dead_letters() -> None:
    """Step 4 off: what is rejected is counted, and set aside nowhere."""
    send: Callable[..., Awaitable[Any]] = vars(committer)["_send_outputs"]

    async def wrapped(producer: aiokafka.AIOKafkaProducer, effects: Any) -> Any:
        effects.dead_letters.clear()
        return await send(producer, effects)

    vars(committer)["_send_outputs"] = wrapped


def stretched() -> None:
    """What a step sends is durable 0.2 s before the next one: kills hit units in their middle."""
    for name in ("_send_outputs", "_send_changelog", "_send_updates"):
        step: Callable[..., Awaitable[Any]] = getattr(committer, name)

        async def wrapped(producer: aiokafka.AIOKafkaProducer, *args: Any, step: Any = step) -> Any:
            sent = await step(producer, *args)
            await producer.flush()
            await asyncio.sleep(0.2)
            return sent

        setattr(committer, name, wrapped)


def without_asking_first() -> None:
    """Nobody asks the broker before the start what this program may do."""
    vars(bootstrap)["require_access"] = lambda *_: None


MISSING: dict[str, Callable[[], None]] = {
    "without_asking_first": without_asking_first,
    "without_dead_letters": without_dead_letters,
    "without_answers": without_answers,
    "without_watchdog": without_watchdog,
    "without_silence": without_silence,
    "slow_commits": slow_commits,
    "slow_writes": slow_writes,
    "frequent_reports": frequent_reports,
    "without_depth": without_depth,
    "slow_recovery": slow_recovery,
    "as_next_release": as_next_release,
    "of_layout_one": of_layout_one,
    "without_recovery": without_recovery,
    "without_applied_offsets": without_applied_offsets,
    "without_transactions": without_transactions,
    "without_order": without_order,
    "without_fence": without_fence,
    "stretched": stretched,
    "without_patience": without_patience,
    "without_counts": without_counts,
}


def main(verb: str, *faults: str) -> None:
    """Put *faults* into the product and run one of its programs."""
    for fault in faults:
        name, *rest = fault.split(":")
        if rest:
            POINTS[name](Point(*rest))
        else:
            MISSING[name]()
    getattr(workers, verb)()


if __name__ == "__main__":
    main(*sys.argv[1:])
