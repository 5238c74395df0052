"""
Steps that take longer than they do, or come more often.

A step that is held waits for as long as a file of its fault's name is in the data folder: a test
puts it there before the step comes, and takes it away when it has seen what it came to see.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiokafka
from aiokafka.consumer.subscription_state import SubscriptionState

from ckm_stream.settings import load_settings
from ckm_stream.snapshots.batch import SnapshotBatch
from ckm_stream.snapshots.writer import SnapshotWriter
from ckm_stream.streaming import committer, profiles

_LOOK_S = 0.05


class Gate:
    """Where a step waits while it is held."""

    def __init__(self, fault: Callable[[], None]) -> None:
        self._file = load_settings().data_dir / fault.__name__

    @property
    def is_shut(self) -> bool:
        """Whether the test holds the step."""
        return self._file.exists()

    async def pass_through(self) -> None:
        """Wait until the test lets the step go on."""
        while self.is_shut:  # noqa: ASYNC110 -- nothing tells of a file
            await asyncio.sleep(_LOOK_S)


def slow_commits() -> None:
    """A unit's commit takes two seconds more, in the middle of it."""
    step = vars(committer)["_send_changelog"]

    async def wrapped(*args: Any) -> Any:
        await asyncio.sleep(2.0)
        return await step(*args)

    vars(committer)["_send_changelog"] = wrapped


def held_commits() -> None:
    """A unit's commit waits in the middle of it."""
    gate, step = Gate(held_commits), vars(committer)["_send_changelog"]

    async def wrapped(*args: Any) -> Any:
        await gate.pass_through()
        return await step(*args)

    vars(committer)["_send_changelog"] = wrapped


def slow_writes() -> None:
    """The database takes eight seconds more for each transaction."""
    write = SnapshotWriter.write

    def wrapped(self: SnapshotWriter, batch: SnapshotBatch) -> None:
        time.sleep(8.0)
        write(self, batch)

    SnapshotWriter.write = wrapped  # type: ignore[method-assign] # the fault


def slow_recovery() -> None:
    """Reading the changelogs takes two seconds more."""
    recover = vars(profiles)["recover_tables"]

    async def wrapped(*args: Any, **kwargs: Any) -> int:
        await asyncio.sleep(2.0)
        records: int = await recover(*args, **kwargs)
        return records

    vars(profiles)["recover_tables"] = wrapped


def held_recovery() -> None:
    """The changelogs are not read yet."""
    gate, recover = Gate(held_recovery), vars(profiles)["recover_tables"]

    async def wrapped(*args: Any, **kwargs: Any) -> int:
        await gate.pass_through()
        records: int = await recover(*args, **kwargs)
        return records

    vars(profiles)["recover_tables"] = wrapped


def held_takeover() -> None:
    """What the group has assigned is not taken over yet."""
    gate, take_over = Gate(held_takeover), profiles.ProfileApp.takeover

    async def wrapped(self: profiles.ProfileApp, partitions: set[int]) -> None:
        await gate.pass_through()
        await take_over(self, partitions)

    profiles.ProfileApp.takeover = wrapped  # type: ignore[method-assign] # the fault


def frequent_reports() -> None:
    """The gauges are refreshed ten times a second."""
    vars(profiles)["_LAG_INTERVAL_S"] = 0.1


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
