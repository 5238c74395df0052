"""
The product's programs with something wrong, for tests: ``python -m tests.support.faulty``.

The arguments are the verb (worker or snapshots) and faults. ``POINT:ACTION:COUNT`` makes the
process kill (``dies``) or stop (``stops``) itself when it comes to a point for the COUNTth time;
any other fault takes one mechanism away. The product knows nothing of it: a fault replaces one
function.
"""

import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import aiokafka
from faust.types import EventT
from sqlalchemy import update

from ckm_stream.cli import workers
from ckm_stream.codec.state import decode_state, encode_state
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.settings import load_settings
from ckm_stream.snapshots.tables import SINK_PROGRESS
from ckm_stream.snapshots.writer import SnapshotWriter
from ckm_stream.streaming import committer, profiles

_POLICY = load_settings().scoring
_ACTIONS = {"dies": signal.SIGKILL, "stops": signal.SIGSTOP}


class Point:
    """Counts how often it is reached, and acts once."""

    def __init__(self, action: str, count: str) -> None:
        self._signal = _ACTIONS[action]
        self._left = int(count)

    @property
    def is_due(self) -> bool:
        """Whether this time is the one; reaching it again later is not."""
        self._left -= 1
        return self._left == 0

    def act(self) -> None:
        """Send this process a signal; this thread does not run another line before it acts."""
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


POINTS: dict[str, Callable[[Point], None]] = {
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


MISSING: dict[str, Callable[[], None]] = {
    "without_applied_offsets": without_applied_offsets,
    "without_transactions": without_transactions,
    "without_order": without_order,
    "without_fence": without_fence,
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
