"""The text worker: what is acknowledged when, and what a rebalance and a stop leave alone."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from ckm_stream.domain.knowledge import extract_items
from ckm_stream.errors import TransientError
from ckm_stream.operations.metrics import TextMetrics
from ckm_stream.pipeline.records import Effects
from ckm_stream.pipeline.texts import ItemReader
from ckm_stream.settings import KafkaSettings, Settings
from ckm_stream.streaming.texts import TextApp, build_text_app
from ckm_stream.text.reading import TextReader
from tests.support.lanes import blocked, within
from tests.support.touchpoints import feedback
from tests.support.units import EVENTS, OUTPUTS, TOPICS, Record

ITEMS = TP(TOPICS.knowledge_item, 1)


@dataclass
class FakeCommitter:
    """A broker that takes what it is sent, when the gate is open."""

    committed: list[Effects] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False
    close_error: TransientError | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    async def open(self, partitions: Any) -> None:
        """Fence nobody."""

    async def commit(self, effects: Effects) -> dict[str, int]:
        """Take the effects."""
        self.asked.set()
        await self.gate.wait()
        self.committed.append(effects)
        return {}

    async def close(self, *, grace_s: float) -> None:
        """Let go."""
        self.closed = True
        if self.close_error is not None:
            raise self.close_error


class FakeConsumer:
    """Counts its commits, and marks what is acknowledged, as Faust does."""

    def __init__(self) -> None:
        self.commits = 0

    async def commit(self) -> bool:
        """Commit."""
        self.commits += 1
        return True

    def ack(self, message: ConsumerMessage) -> bool:
        """Acknowledge."""
        message.acked = True
        return True


@dataclass
class Event:
    """A Faust event with a slice."""

    message: ConsumerMessage

    @property
    def acks(self) -> int:
        """How often it was acknowledged: once, or never."""
        return int(self.message.acked)


def slice_event(*values: bytes | None, first: int = 0, generation: int = 1) -> Any:
    """Return an event with a slice of the items' topic."""
    records: Any = [Record(first + n, b"c-1", value, 1_000) for n, value in enumerate(values)]
    return Event(
        ConsumerMessage(
            ITEMS.topic,
            ITEMS.partition,
            records[-1].offset,
            1.0,
            0,
            None,
            None,
            records,
            None,
            0,
            0,
            ITEMS,
            generation_id=generation,
        )
    )


def words(event_id: str, text: str = "terrible") -> bytes:
    """Return the value of an item with these words."""
    (item,) = extract_items(feedback(event_id, text=text))
    return OUTPUTS.encode_item(item)


class Worker:
    """A text worker that nobody started."""

    def __init__(self, folder: Path) -> None:
        self.committer = FakeCommitter()
        self.metrics = TextMetrics(CollectorRegistry())
        self.app: TextApp = build_text_app(
            Settings(kafka=KafkaSettings(topic_prefix=TOPICS.prefix), data_dir=folder),
            items=ItemReader(events=EVENTS, outputs=OUTPUTS, reader=TextReader()),
            committer=self.committer,
            metrics=self.metrics,
        )
        self.app.consumer_generation_id = 1
        self.consumer = FakeConsumer()
        consumer: Any = self.consumer
        self.app.consumer = consumer

    async def send_slowly(self, event: Any) -> asyncio.Task[None]:
        """Begin with a slice, which ends when the broker's gate is opened."""
        self.committer.gate.clear()
        task = asyncio.ensure_future(self.app.deliver(event))
        await within(self.committer.asked.wait())
        return task

    @property
    def sent(self) -> list[int]:
        """How many records each slice has sent."""
        return [len(each.forwarded) for each in self.committer.committed]


@pytest.fixture
async def worker(tmp_path: Path) -> Worker:
    """Give a worker, made in the test's loop."""
    return Worker(tmp_path)


async def test_a_slice_is_acknowledged_when_what_it_says_is_durable(worker: Worker) -> None:
    """Not before: a kill in between loses nothing."""
    event = slice_event(words("a"), words("b", "qwertz"), words("c"))
    delivering = await worker.send_slowly(event)
    assert event.acks == 0

    worker.committer.gate.set()
    await within(delivering)

    assert (event.acks, worker.sent) == (1, [2])
    assert worker.metrics.texts_read._value.get() == 3
    assert worker.metrics.texts_sent._value.get() == 2


async def test_a_slice_from_before_a_rebalance_is_left_to_its_owner(worker: Worker) -> None:
    """It is neither read nor acknowledged."""
    event = slice_event(words("a"), generation=0)

    await within(worker.app.deliver(event))

    assert (event.acks, worker.sent) == (0, [])


async def test_a_record_that_is_no_item_is_logged_and_counted(worker: Worker) -> None:
    """With its place, where it stays; the slice goes on."""
    event = slice_event(words("a"), b"strange", first=5)

    with capture_logs() as logs:
        await within(worker.app.deliver(event))

    (line,) = logs
    assert (line["event"], line["partition"], line["offset"]) == ("texts.rejected", 1, 6)
    assert (event.acks, worker.sent) == (1, [1])
    assert worker.metrics.items_rejected.labels("not_framed")._value.get() == 1


async def test_a_stop_finishes_the_slice_under_way_and_commits_it(worker: Worker) -> None:
    """What comes later is left alone."""
    event = slice_event(words("a"))
    delivering = await worker.send_slowly(event)
    closing = await blocked(worker.app.close)

    worker.committer.gate.set()
    await within(closing)
    await within(worker.app.deliver(late := slice_event(words("b"), first=1)))

    assert (event.acks, late.acks, worker.sent) == (1, 0, [1])
    assert (worker.consumer.commits, worker.committer.closed) == (1, True)
    assert delivering.done()


async def test_a_stop_without_a_broker_gives_up_and_loses_nothing(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slice is not acknowledged, so its successor reads it again."""
    monkeypatch.setattr("ckm_stream.streaming.texts._GRACE_S", 0.05)
    worker.committer.close_error = TransientError("away")
    event = slice_event(words("a"))
    delivering = await worker.send_slowly(event)

    with capture_logs() as logs:
        await within(worker.app.close())

    assert [line["event"] for line in logs] == ["texts.unfinished", "texts.unsent"]
    assert (event.acks, worker.consumer.commits) == (0, 0)
    delivering.cancel()


async def test_work_that_waits_is_known_to_the_watchdog(worker: Worker) -> None:
    """A worker that reads or sends for ever is ended."""
    delivering = await worker.send_slowly(slice_event(words("a")))

    oldest = worker.app.health.work.oldest
    assert oldest is not None
    assert oldest[0] == "the reading of texts"
    worker.committer.gate.set()
    await within(delivering)
    assert worker.app.health.work.oldest is None


async def test_lag_counts_what_is_not_durable(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not fetched, and what was fetched and not sent."""
    worker.app.on_start_positions({ITEMS: 4})
    monkeypatch.setattr("ckm_stream.streaming.texts.unread", lambda *_: [(*ITEMS, 2)])
    monkeypatch.setattr(worker.consumer, "assignment", lambda: {ITEMS}, raising=False)
    delivering = await worker.send_slowly(slice_event(words("a"), first=4))
    lag = worker.metrics.consumer_lag_events.labels("ckm-texts", ITEMS.topic, "1")

    worker.app.report()
    assert lag._value.get() == 3

    worker.committer.gate.set()
    await within(delivering)
    worker.app.report()
    assert lag._value.get() == 2
    assert worker.metrics.assigned_partitions._value.get() == 1
