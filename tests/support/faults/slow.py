"""
Steps that take longer than they do, or come more often.

A step that is held waits for as long as a file of its fault's name is in the data folder: a test
puts it there before the step comes, and takes it away when it has seen what it came to see.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import aiokafka
from aiokafka.consumer.subscription_state import SubscriptionState
from sqlalchemy import Connection

from ckm_stream.settings import load_settings
from ckm_stream.snapshots.batch import Batch, Progress
from ckm_stream.snapshots.writer import SnapshotWriter
from ckm_stream.streaming import committer, profiles

_LOOK_S = 0.05


class Gate:
    """Where a step waits while it is held."""

    def __init__(self, fault: Callable[[], None]) -> None:
        self._file = load_settings().data_dir / fault.__name__

    async def pass_through(self) -> None:
        """Wait until the test lets the step go on."""
        while self._file.exists():  # noqa: ASYNC110 -- nothing tells of a file
            await asyncio.sleep(_LOOK_S)


def delayed(owner: object, step: str, wait: Callable[[], Awaitable[None]]) -> None:
    """Let *wait* come before a step of *owner*, a module or a class."""
    taken = getattr(owner, step)

    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        await wait()
        return await taken(*args, **kwargs)

    setattr(owner, step, wrapped)


def slow_commits() -> None:
    """A unit's commit takes two seconds more, in the middle of it."""
    delayed(committer, "_send_changelog", partial(asyncio.sleep, 2.0))


def held_commits() -> None:
    """A unit's commit waits in the middle of it."""
    delayed(committer, "_send_changelog", Gate(held_commits).pass_through)


def slow_writes() -> None:
    """The database takes eight seconds more for each transaction."""
    write = SnapshotWriter.write

    def wrapped(self: SnapshotWriter, batch: Batch) -> None:
        time.sleep(8.0)
        write(self, batch)

    SnapshotWriter.write = wrapped  # type: ignore[method-assign] # the fault


def slow_recovery() -> None:
    """Reading the changelogs takes two seconds more."""
    delayed(profiles, "recover_tables", partial(asyncio.sleep, 2.0))


def held_recovery() -> None:
    """The changelogs are not read yet."""
    delayed(profiles, "recover_tables", Gate(held_recovery).pass_through)


def held_takeover() -> None:
    """What the group has assigned is not taken over yet."""
    delayed(profiles.ProfileApp, "takeover", Gate(held_takeover).pass_through)


def frequent_reports() -> None:
    """The gauges are refreshed ten times a second."""
    vars(profiles)["_LAG_INTERVAL_S"] = 0.1


def stretched() -> None:
    """
    Steps 4 to 6 lie 0.2 s apart, as do positions and rows: kills hit units in their middle.

    What a step sends is durable before the next one begins.
    """
    for name in ("_send_outputs", "_send_changelog", "_send_updates"):
        step: Callable[..., Awaitable[Any]] = getattr(committer, name)

        async def wrapped(producer: aiokafka.AIOKafkaProducer, *args: Any, step: Any = step) -> Any:
            sent = await step(producer, *args)
            await producer.flush()
            await asyncio.sleep(0.2)
            return sent

        setattr(committer, name, wrapped)

    advance = SnapshotWriter._advance

    def slowly(self: SnapshotWriter, connection: Connection, progress: Iterable[Progress]) -> None:
        advance(self, connection, progress)
        time.sleep(0.2)

    SnapshotWriter._advance = slowly  # type: ignore[method-assign] # the fault


def long_idle() -> None:
    """To the group's client, a second without a fetch is a quarter of an hour."""
    idle = vars(SubscriptionState)["fetcher_idle_time"].fget
    SubscriptionState.fetcher_idle_time = property(lambda self: 900.0 * idle(self))


FAULTS = (
    slow_commits,
    held_commits,
    slow_writes,
    slow_recovery,
    held_recovery,
    held_takeover,
    long_idle,
    frequent_reports,
    stretched,
)
