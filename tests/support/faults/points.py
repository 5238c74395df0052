"""Points of a program's steps where its process dies, stops or hangs by itself."""

import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import aiokafka
from sqlalchemy import Connection, text

from ckm_stream.snapshots.writer import SnapshotWriter
from ckm_stream.streaming import committer
from ckm_stream.streaming.threads import ConsumerThread

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


def after_updates(point: Point) -> None:
    """Act when a unit's updates are durable; a unit that has none does not count."""
    send = committer._send_updates

    async def wrapped(producer: aiokafka.AIOKafkaProducer, *args: Any) -> Any:
        sent = await send(producer, *args)
        if sent and point.is_due:
            await producer.flush()
            point.act()
        return sent

    committer._send_updates = wrapped  # type: ignore[assignment] # that is the point


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

    SnapshotWriter.write = wrapped  # type: ignore[method-assign] # that is the point


def inside_write(point: Point, *, is_bounded: bool = True) -> None:
    """
    Act in the middle of the snapshot worker's transaction, which holds the positions' rows.

    On PostgreSQL; *is_bounded* says whether the server bounds how long nothing may happen there.
    """
    advance = SnapshotWriter._advance

    def wrapped(self: SnapshotWriter, connection: Connection, progress: Any) -> None:
        advance(self, connection, progress)
        if point.is_due:
            if not is_bounded:
                connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
            point.act()

    SnapshotWriter._advance = wrapped  # type: ignore[method-assign] # that is the point


def before_fetch(point: Point) -> None:
    """Act in the consumer's thread, before it looks for records that it has fetched."""
    fetch = ConsumerThread._fetch_records

    async def wrapped(self: ConsumerThread, *args: Any, **kwargs: Any) -> Any:
        if point.is_due:
            point.act()
        return await fetch(self, *args, **kwargs)

    ConsumerThread._fetch_records = wrapped  # type: ignore[method-assign] # that is the point


POINTS: dict[str, Callable[[Point], None]] = {
    "before_fetch": before_fetch,
    "before_outputs": lambda point: around_step("_send_outputs", point, before=True),
    "after_outputs": lambda point: around_step("_send_outputs", point, before=False),
    "after_updates": after_updates,
    "before_changelog": lambda point: around_step("_send_changelog", point, before=True),
    "after_changelog": lambda point: around_step("_send_changelog", point, before=False),
    "after_commit": after_commit,
    "before_write": before_write,
    "inside_write": inside_write,
    "inside_unbounded_write": lambda point: inside_write(point, is_bounded=False),
}
