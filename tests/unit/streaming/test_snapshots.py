"""The snapshot worker: what is written together, and what a rebalance must not let through."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from ckm_stream.codec.topics import Topics
from ckm_stream.errors import ConfigurationError, FencedError, InvariantError, TransientError
from ckm_stream.operations.metrics import SnapshotMetrics
from ckm_stream.settings import Settings
from ckm_stream.snapshots.batch import Progress, SnapshotBatch
from ckm_stream.snapshots.collect import Collector
from ckm_stream.streaming.drafts import Draft, Part
from ckm_stream.streaming.snapshots import SnapshotApp, build_snapshot_app
from tests.support.clock import Clock
from tests.support.lanes import blocked, within
from tests.support.units import OUTPUTS, POLICY

TOPICS = Topics("test.")
CHANGELOG = TP(TOPICS.profile_changelog, 0)
OTHER = TP(TOPICS.profile_changelog, 1)


@dataclass
class FakeWriter:
    """A store that has positions, and can be away or taken over."""

    stored: dict[tuple[str, int], int] = field(default_factory=dict)
    written: list[list[Progress]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    writing: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)
    greetings: int = 0
    asked_to_cancel: threading.Event = field(default_factory=threading.Event)
    cancel_error: TransientError | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    def positions(self, partitions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return the next offset of each."""
        if self.errors:
            raise self.errors.pop(0)
        return {tp: self.stored.get(tp, 0) for tp in partitions}

    def ping(self) -> None:
        """Answer."""
        self.greetings += 1
        if self.errors:
            raise self.errors.pop(0)

    def cancel(self) -> None:
        """Let the write under way fail, or tell that nobody can be told."""
        self.asked_to_cancel.set()
        if self.cancel_error is not None:
            raise self.cancel_error
        self.errors.append(TransientError("cancelled", retry_after_s=0.0))
        self.gate.set()

    def write(self, batch: SnapshotBatch) -> None:
        """Move the positions."""
        self.writing.set()
        self.gate.wait(10)
        if self.errors:
            raise self.errors.pop(0)
        for step in batch.progress:
            assert self.stored.get((step.topic, step.partition), 0) == step.expected
            self.stored[step.topic, step.partition] = step.new
        self.written.append(list(batch.progress))


@dataclass(frozen=True)
class Record:
    """A record that deletes a customer."""

    offset: int
    key: bytes = b"c-1"
    value: bytes | None = None
    timestamp: int = 1_000


@dataclass
class Event:
    """A Faust event with a slice."""

    message: ConsumerMessage


def slice_event(tp: TP, *offsets: int, generation: int = 1) -> Any:
    """Return an event with a slice of *tp*."""
    records: Any = [Record(offset) for offset in offsets]
    return Event(
        ConsumerMessage(
            tp.topic,
            tp.partition,
            offsets[-1],
            1.0,
            0,
            None,
            None,
            records,
            None,
            0,
            0,
            tp,
            generation_id=generation,
        )
    )


class Worker:
    """A snapshot worker that nobody started, over a fake store."""

    def __init__(self, folder: Path) -> None:
        self.store = FakeWriter()
        writer: Any = self.store
        self.metrics = SnapshotMetrics(CollectorRegistry())
        self.app: SnapshotApp = build_snapshot_app(
            Settings(data_dir=folder),
            topics=Collector.topics(TOPICS),
            writer=writer,
            collector=lambda: Collector(topics=TOPICS, outputs=OUTPUTS, policy=POLICY),
            metrics=self.metrics,
        )
        self.app.consumer_generation_id = 1

    def lag(self) -> float:
        """Return the events that the changelog's first partition is behind."""
        labels = ("ckm-snapshots", CHANGELOG.topic, "0")
        return float(self.metrics.consumer_lag_events.labels(*labels)._value.get())

    async def start(self, *tps: TP) -> Any:
        """Begin an assignment."""
        return await within(self.app.start_positions(set(tps)))

    async def deliver(self, tp: TP, *offsets: int, generation: int = 1) -> None:
        """Hand a slice over."""
        await within(self.app.deliver(slice_event(tp, *offsets, generation=generation)))

    async def write_slowly(self) -> asyncio.Future[None]:
        """Begin to write a slice, which ends when the store's gate is opened."""
        self.store.gate.clear()
        await self.start(CHANGELOG)
        await self.deliver(CHANGELOG, 0)
        writing = asyncio.ensure_future(self.app.write_queued())
        await asyncio.to_thread(self.store.writing.wait, 10)
        return writing

    async def write(self) -> list[Progress]:
        """Write what is queued; return the steps of the last transaction."""
        await within(self.app.write_queued())
        return self.store.written[-1] if self.store.written else []


@pytest.fixture
async def worker(tmp_path: Path) -> Worker:
    """Give a worker, made in the test's loop."""
    return Worker(tmp_path)


def step(tp: TP, expected: int, new: int) -> Progress:
    """Return a partition's step."""
    return Progress(tp.topic, tp.partition, expected, new)


async def until_taken(worker: Worker) -> None:
    """Wait until what was delivered is being collected."""
    for _ in range(5_000):
        if worker.app._queue.empty():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("what was delivered is still queued")


async def test_reading_starts_where_the_store_is(worker: Worker) -> None:
    """The positions are the store's own, not the consumer group's."""
    worker.store.stored = {CHANGELOG: 7}

    assert await worker.start(CHANGELOG, OTHER) == {CHANGELOG: 7, OTHER: 0}


async def test_all_that_is_queued_is_one_transaction(worker: Worker) -> None:
    """Slices of a partition make one step, from the store's position to after the last."""
    worker.store.stored = {CHANGELOG: 7}
    await worker.start(CHANGELOG, OTHER)
    await worker.deliver(CHANGELOG, 7, 8)
    await worker.deliver(OTHER, 0)
    await worker.deliver(CHANGELOG, 9, 12)

    assert await worker.write() == [step(CHANGELOG, 7, 13), step(OTHER, 0, 1)]
    assert worker.store.stored == {CHANGELOG: 13, OTHER: 1}


async def test_what_the_store_has_is_not_written_again(
    worker: Worker, ahead: "FakeConsumer"
) -> None:
    """A fetch may begin before the position."""
    ahead.ends = {CHANGELOG: 8}
    await worker.start(CHANGELOG)
    await worker.deliver(CHANGELOG, 5, 6, 7)
    assert await worker.write() == [step(CHANGELOG, 7, 8)]

    await worker.deliver(CHANGELOG, 6, 7)
    await worker.write()

    assert len(worker.store.written) == 1


async def test_a_slice_of_an_earlier_generation_is_dropped(worker: Worker) -> None:
    """It was fetched before a rebalance; the partition's owner reads it again."""
    await worker.start(CHANGELOG)

    await worker.deliver(CHANGELOG, 0, generation=0)

    assert worker.app._queue.empty()


async def test_a_large_backlog_is_written_in_several_transactions(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a transaction takes a bounded time."""
    monkeypatch.setattr("ckm_stream.streaming.snapshots._MAX_RECORDS_PER_WRITE", 3)
    await worker.start(CHANGELOG)
    for first in (0, 2, 4):
        await worker.deliver(CHANGELOG, first, first + 1)

    assert await worker.write() == [step(CHANGELOG, 0, 4)]
    assert await worker.write() == [step(CHANGELOG, 4, 6)]


async def test_what_comes_during_a_transaction_is_the_next_one(worker: Worker) -> None:
    """It is collected meanwhile, from where the transaction under way ends."""
    writing = await worker.write_slowly()
    await worker.deliver(CHANGELOG, 1)
    await worker.deliver(CHANGELOG, 2, 3)
    await until_taken(worker)

    worker.store.gate.set()
    await within(writing)

    assert await worker.write() == [step(CHANGELOG, 1, 4)]
    assert worker.store.stored == {CHANGELOG: 4}


async def test_what_is_collected_ahead_goes_with_its_partitions(worker: Worker) -> None:
    """After a rebalance the same records are read again, from the store's position, once."""
    writing = await worker.write_slowly()
    await worker.deliver(CHANGELOG, 1)
    await until_taken(worker)
    worker.store.gate.set()
    await within(worker.app.release())
    await within(writing)

    assert await worker.start(CHANGELOG) == {CHANGELOG: 1}
    await worker.deliver(CHANGELOG, 1, 2)

    assert await worker.write() == [step(CHANGELOG, 1, 3)]


async def test_what_cannot_be_collected_ahead_ends_the_worker(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction under way comes to its end first; nothing behind it is passed over."""
    refused = InvariantError("records that nobody can read")

    def take(_draft: Draft, _part: Part) -> None:
        raise refused

    writing = await worker.write_slowly()
    monkeypatch.setattr(Draft, "take", take)
    for offset in (1, 2):  # who waits for the first one holds the method as it was
        await worker.deliver(CHANGELOG, offset)
        await until_taken(worker)
    worker.store.gate.set()

    with pytest.raises(InvariantError) as raised:
        await within(writing)
    assert raised.value is refused
    assert worker.store.stored == {CHANGELOG: 1}


async def test_what_comes_for_a_new_assignment_is_not_taken_for_the_old_one(
    worker: Worker,
) -> None:
    """Who collects for the old one stops at once, or there would be a hole."""
    await worker.start(CHANGELOG)
    collecting = await blocked(lambda: worker.app.collect_queued(for_s=60.0))

    await worker.start(CHANGELOG)
    await worker.deliver(CHANGELOG, 0)
    await within(collecting)

    assert await worker.write() == [step(CHANGELOG, 0, 1)]


async def test_a_pause_collects_until_there_is_enough(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backlog is not held up by it, and one transaction holds what came."""
    monkeypatch.setattr("ckm_stream.streaming.snapshots._MAX_RECORDS_PER_WRITE", 3)
    await worker.start(CHANGELOG)
    pausing = await blocked(lambda: worker.app.collect_queued(for_s=3600.0))
    await worker.deliver(CHANGELOG, 0, 1)
    await worker.deliver(CHANGELOG, 2, 3)
    await worker.deliver(CHANGELOG, 4)

    await within(pausing)

    assert await worker.write() == [step(CHANGELOG, 0, 4)]
    assert await worker.write() == [step(CHANGELOG, 4, 5)]


async def test_an_idle_pause_ends(worker: Worker) -> None:
    """Without records there is nothing to write, and the next ones are waited for."""
    await worker.start(CHANGELOG)

    await within(worker.app.collect_queued(for_s=0.0))
    await worker.deliver(CHANGELOG, 0)

    assert await worker.write() == [step(CHANGELOG, 0, 1)]


async def test_a_store_that_is_away_is_waited_for(worker: Worker) -> None:
    """The same batch is written again; nothing is skipped."""
    away = TransientError("the database is away", retry_after_s=0.0)
    worker.store.errors = [away, away]
    await worker.start(CHANGELOG)
    await worker.deliver(CHANGELOG, 0)
    worker.store.errors = [away]

    assert await worker.write() == [step(CHANGELOG, 0, 1)]


async def test_another_owner_is_not_swallowed(worker: Worker) -> None:
    """Positions that moved under us end the worker."""
    await worker.start(CHANGELOG)
    await worker.deliver(CHANGELOG, 0)
    worker.store.errors = [FencedError("another owner")]

    with pytest.raises(FencedError):
        await worker.write()


async def test_a_release_drops_what_is_queued(worker: Worker) -> None:
    """The next owner reads it from the store's position."""
    await worker.start(CHANGELOG)
    await worker.deliver(CHANGELOG, 0)

    await within(worker.app.release())

    assert worker.app._queue.empty()


async def test_a_release_waits_for_the_transaction_under_way(worker: Worker) -> None:
    """The positions that the next owner asks for are final."""
    writing = await worker.write_slowly()

    releasing = await blocked(worker.app.release)
    worker.store.gate.set()
    await within(releasing)
    await within(writing)

    assert worker.store.stored == {CHANGELOG: 1}


async def test_a_release_cancels_a_statement_that_waits(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a lock perhaps; what it would have written is the next owner's."""
    monkeypatch.setattr("ckm_stream.streaming.snapshots._CANCEL_S", 0.0)
    writing = await worker.write_slowly()

    await within(worker.app.release())
    await within(writing)

    assert worker.store.written == []


async def test_a_release_goes_on_waiting_for_a_store_that_cannot_be_told(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and takes the transaction's end as it comes."""
    monkeypatch.setattr("ckm_stream.streaming.snapshots._CANCEL_S", 0.0)
    worker.store.cancel_error = TransientError("silent")
    writing = await worker.write_slowly()

    with capture_logs() as logs:
        releasing = await blocked(worker.app.release)
        await asyncio.to_thread(worker.store.asked_to_cancel.wait, 10)
        worker.store.gate.set()
        await within(releasing)
    await within(writing)

    assert [each["event"] for each in logs] == ["store.cancel"]
    assert worker.store.stored == {CHANGELOG: 1}


async def test_a_release_does_not_wait_for_a_store_that_is_away(worker: Worker) -> None:
    """A database outage must hold up neither the group nor a shutdown."""
    await worker.start(CHANGELOG)
    await worker.deliver(CHANGELOG, 0)
    worker.store.errors = [TransientError("away", retry_after_s=0.0)] * 1000
    writing = await blocked(worker.app.write_queued)

    await within(worker.app.release())
    await within(writing)

    assert worker.store.written == []


async def test_a_slice_that_waited_for_room_opens_no_hole(worker: Worker) -> None:
    """The slices before it were dropped with the queue, so it must not be written either."""
    worker.app._queue = asyncio.Queue(maxsize=1)
    await worker.start(CHANGELOG)
    await worker.deliver(CHANGELOG, 0)
    waiting = await blocked(lambda: worker.app.deliver(slice_event(CHANGELOG, 1)))

    await within(worker.app.release())
    await within(waiting)
    await worker.start(CHANGELOG)
    await within(worker.app.write_queued())

    assert worker.store.written == []


async def test_a_slice_that_comes_during_the_rebalance_opens_no_hole(worker: Worker) -> None:
    """Until the new positions are known, its generation still looks like the one in force."""
    await worker.start(CHANGELOG)
    await worker.deliver(CHANGELOG, 0)
    await within(worker.app.release())
    await worker.deliver(CHANGELOG, 1)

    await worker.start(CHANGELOG)
    await within(worker.app.write_queued())
    assert worker.store.written == []

    await worker.deliver(CHANGELOG, 0, 1)
    assert await worker.write() == [step(CHANGELOG, 0, 2)]


async def test_a_slice_of_a_partition_that_is_not_ours_is_dropped(worker: Worker) -> None:
    """Between a release and the next assignment nothing is ours."""
    await worker.start(CHANGELOG)
    await within(worker.app.release())
    await worker.deliver(CHANGELOG, 0)

    await within(worker.app.write_queued())

    assert worker.store.written == []


class FakeConsumer:
    """A consumer whose fetches have told where the partitions end."""

    def __init__(self, ends: dict[TP, int]) -> None:
        self.ends = ends

    def assignment(self) -> set[TP]:
        """Return nothing that could lag."""
        return set()

    def highwater(self, tp: TP) -> int | None:
        """Return the end."""
        return self.ends.get(tp)


@pytest.fixture
def ahead(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> FakeConsumer:
    """Give the ends of the topics, one of them before the position in the store."""
    worker.store.stored = {CHANGELOG: 7}
    consumer: Any = FakeConsumer({CHANGELOG: 3})
    monkeypatch.setattr(SnapshotApp, "consumer", property(lambda _self: consumer))
    monkeypatch.setattr("ckm_stream.streaming.snapshots.unread", lambda *_: [])
    made: FakeConsumer = consumer
    return made


async def test_a_store_that_stays_ahead_of_its_topic_is_refused(
    worker: Worker, ahead: FakeConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The topic was made anew: to go on would skip everything up to the old position."""
    clock = Clock()
    monkeypatch.setattr("ckm_stream.streaming.snapshots.time", clock)
    await worker.start(CHANGELOG, OTHER)

    worker.app.report()
    clock.now_s += 30

    with pytest.raises(ConfigurationError, match=r"offset 7, but the topic ends at 3.*ckm rebuild"):
        worker.app.report()


async def test_a_topic_that_is_short_for_a_moment_is_no_other_one(
    worker: Worker, ahead: FakeConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that was killed starts from an old high watermark, and corrects it."""
    clock = Clock()
    monkeypatch.setattr("ckm_stream.streaming.snapshots.time", clock)
    await worker.start(CHANGELOG)

    for end in (0, 7, 0):
        ahead.ends = {CHANGELOG: end}
        worker.app.report()
        clock.now_s += 29


async def test_records_before_the_store_s_position_are_another_topic_s(
    worker: Worker, ahead: FakeConsumer
) -> None:
    """The client found no such offset and went back to the beginning."""
    await worker.start(CHANGELOG)
    await worker.deliver(CHANGELOG, 0, 1, 2)

    with pytest.raises(ConfigurationError, match="made anew"):
        await within(worker.app.write_queued())


async def test_a_batch_that_waits_for_its_store_counts_as_lag(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in nobody's queue any more, and the fetches have reached the end."""
    consumer: Any = FakeConsumer({})
    monkeypatch.setattr(SnapshotApp, "consumer", property(lambda _self: consumer))
    monkeypatch.setattr("ckm_stream.streaming.snapshots.unread", lambda *_: [(*CHANGELOG, 0)])
    worker.store.gate.clear()
    await worker.start(CHANGELOG)
    await worker.deliver(CHANGELOG, 0, 1, 2)
    writing = asyncio.ensure_future(worker.app.write_queued())
    await asyncio.to_thread(worker.store.writing.wait, 10)

    worker.app.report()
    waiting = worker.lag()
    worker.store.gate.set()
    await within(writing)
    worker.app.report()

    assert waiting == 3
    assert worker.lag() == 0


async def test_a_partition_that_has_gone_has_no_lag(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody here would ever bring it down again."""
    consumer: Any = FakeConsumer({})
    monkeypatch.setattr(SnapshotApp, "consumer", property(lambda _self: consumer))
    monkeypatch.setattr("ckm_stream.streaming.snapshots.unread", lambda *_: [(*CHANGELOG, 7)])
    await worker.start(CHANGELOG)
    worker.app.report()

    await worker.start(OTHER)

    assert [family.samples for family in worker.metrics.consumer_lag_events.collect()] == [[]]


def store_check(worker: Worker) -> tuple[bool, str]:
    """Return what /readyz says of the store."""
    (check,) = [each for each in worker.app.health.ready().checks if each.name == "store"]
    return check.ok, check.detail


async def test_an_idle_worker_greets_its_store(worker: Worker) -> None:
    """Nothing is written, and its readiness still knows whether the store is there."""
    unknown = store_check(worker)
    worker.store.errors = [TransientError("the database is away")]
    await within(worker.app.greet())
    away = store_check(worker)
    await within(worker.app.greet())

    assert unknown == (False, "no answer yet")
    assert away == (False, "no answer yet: the database is away")
    assert store_check(worker)[0]


async def test_a_store_that_is_being_written_to_is_not_greeted(worker: Worker) -> None:
    """A read that is answered must not hide a write that is not."""
    writing = await worker.write_slowly()

    await within(worker.app.greet())
    worker.store.gate.set()
    await within(writing)

    assert worker.store.greetings == 0


async def test_a_write_is_watched_and_tells_where_it_hangs(worker: Worker) -> None:
    """A thread of its own waits for the database; a store that refuses starts the time anew."""
    writing = await worker.write_slowly()

    waiting = worker.app.health.work.oldest
    where = worker.app.health.work.where("the store's write")
    worker.store.gate.set()
    await within(writing)

    assert waiting == ("the store's write", 0.0)
    assert "self.gate.wait(10)" in where
    assert worker.app.health.work.oldest is None
