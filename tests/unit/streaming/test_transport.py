"""The slice transport: one message per fetched slice, and offsets committed in order only."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import faust
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from ckm_stream.operations.health import Health
from ckm_stream.settings import CoreKind, HealthSettings
from ckm_stream.streaming.fetching import consumer_class
from ckm_stream.streaming.threads import ConsumerThread, Fetched
from ckm_stream.streaming.transport import Consumer, StockTransport, Transport

CALLS, TICKETS = TP("calls", 0), TP("tickets", 0)
LIVE, REPLACED = (object(), 1), (object(), 1)


@dataclass(frozen=True)
class Record:
    """A record as aiokafka hands it over."""

    offset: int
    timestamp: int = 1_500
    timestamp_type: int = 0


NewConsumer = Callable[..., Consumer]


@contextmanager
def consumers() -> Iterator[NewConsumer]:
    """Give the function that makes consumers which nobody starts, over the live assignment."""
    made: list[Any] = []

    def new_consumer(**attributes: Any) -> Consumer:
        app = faust.App("test", broker="ckm://127.0.0.1:9", autodiscover=False, store="memory://")
        for name, value in {"health": Health(HealthSettings()), **attributes}.items():
            setattr(app, name, value)
        app.consumer_generation_id = 4
        conductor: Any = app.topics
        conductor._acking_topics |= {CALLS.topic, TICKETS.topic}
        consumer = app.transport.create_consumer(
            callback=_ignore, on_partitions_revoked=_ignore, on_partitions_assigned=_ignore
        )
        assert isinstance(consumer, Consumer)
        consumer._live_reading = LIVE
        made.append(consumer._thread)
        return consumer

    yield new_consumer
    for thread in made:
        thread.thread_loop.close()


@pytest.fixture
def new_consumer() -> Iterator[NewConsumer]:
    """Give the function that makes consumers."""
    with consumers() as make:
        yield make


async def _ignore(*_: Any) -> None:
    """Do nothing."""


async def fetch(consumer: Consumer, fetched: Mapping[TP, Fetched] | None) -> list[Any]:
    """Return the slices' messages of what the consumer yields for one fetch."""
    yielded = fetching(consumer, fetched).getmany(1.0)
    return [message async for _, fetch in yielded for message in cast(list[Any], fetch.value)]


def fetching(consumer: Consumer, fetched: Mapping[TP, Fetched] | None) -> Consumer:
    """Let the consumer's next fetches bring *fetched*."""

    async def records(_timeout: float) -> Any:
        return fetched, None

    consumer._wait_next_records = records  # type: ignore[method-assign, assignment] # faked
    return consumer


def live(*offsets: int) -> Fetched:
    """Return records that were fetched under the live assignment."""
    return Fetched(LIVE, [Record(offset) for offset in offsets])


def committable(consumer: Consumer) -> dict[TP, int]:
    """Return what Faust would commit now."""
    return consumer._filter_committable_offsets(list(consumer._filter_tps_with_pending_acks()))


async def test_the_scheme_has_our_transport(new_consumer: NewConsumer) -> None:
    """``ckm://`` is found through the entry point."""
    consumer = new_consumer()

    assert isinstance(consumer.transport, Transport)
    assert isinstance(consumer._thread, ConsumerThread)


async def test_what_goes_to_one_agent_is_one_message(new_consumer: NewConsumer) -> None:
    """Named by its first slice, for the conductor knows the agent by that; one message each."""
    consumer = new_consumer()
    agents: Any = consumer.app.topics
    agents._topic_name_index.update({"calls": {"a"}, "tickets": {"b"}, "chats": {"a"}})
    chats = TP("chats", 3)

    fetches = [
        (tp, fetch.generation_id, [each.tp for each in cast(list[Any], fetch.value)])
        async for tp, fetch in fetching(
            consumer, {CALLS: live(1), TICKETS: live(2), chats: live(3)}
        ).getmany(1.0)
    ]

    assert fetches == [(CALLS, 4, [CALLS, chats]), (TICKETS, 4, [TICKETS])]


async def test_a_slice_is_one_message(new_consumer: NewConsumer) -> None:
    """It is named by its last offset, carries the records, and knows its generation."""
    fetched = live(5, 6, 9)

    (message,) = await fetch(new_consumer(), {CALLS: fetched})

    assert message.value is fetched.records
    assert (message.topic, message.partition, message.tp) == ("calls", 0, CALLS)
    assert (message.offset, message.timestamp, message.generation_id) == (9, 1.5, 4)
    assert (message.key, message.headers) == (None, None)


async def test_each_partition_has_its_own_slice(new_consumer: NewConsumer) -> None:
    """One fetch of two partitions is two messages; nothing fetched is none."""
    consumer = new_consumer()

    messages = await fetch(consumer, {CALLS: live(1), TICKETS: live(7, 8)})

    assert [(message.tp, message.offset) for message in messages] == [(CALLS, 1), (TICKETS, 8)]
    assert await fetch(consumer, None) == []
    assert await fetch(consumer, {CALLS: live()}) == []


async def test_a_slice_of_a_replaced_assignment_is_dropped(new_consumer: NewConsumer) -> None:
    """In the partition's new life it would hide the records before it."""
    stale = Fetched(REPLACED, [Record(90)])

    messages = await fetch(new_consumer(), {CALLS: stale, TICKETS: live(3)})

    assert [message.tp for message in messages] == [TICKETS]


async def test_nothing_is_handed_over_once_the_flow_has_stopped(new_consumer: NewConsumer) -> None:
    """A rebalance that begins between two agents' parts of a fetch ends it."""
    consumer = new_consumer()
    agents: Any = consumer.app.topics
    agents._topic_name_index.update({"calls": {"a"}, "tickets": {"b"}})
    seen = []

    async for tp, _ in fetching(consumer, {CALLS: live(1), TICKETS: live(1)}).getmany(1.0):
        seen.append(tp)
        consumer.stop_flow()

    assert seen == [CALLS]
    assert [list(each) for each in consumer._unfinished.values()] == [[1]]


async def test_an_unfinished_slice_holds_back_all_that_follow(new_consumer: NewConsumer) -> None:
    """Stock Faust would commit past a message in flight (faust-streaming/faust#606)."""
    consumer = new_consumer()
    first, second = [
        *await fetch(consumer, {CALLS: live(5)}),
        *await fetch(consumer, {CALLS: live(6)}),
    ]

    consumer.ack(second)
    assert committable(consumer) == {}

    consumer.ack(first)
    assert committable(consumer) == {CALLS: 7}
    assert committable(consumer) == {}


async def test_partitions_do_not_hold_each_other_back(new_consumer: NewConsumer) -> None:
    """Each has a watermark of its own."""
    consumer = new_consumer()
    _, ticket = await fetch(consumer, {CALLS: live(5), TICKETS: live(2)})

    consumer.ack(ticket)

    assert committable(consumer) == {TICKETS: 3}


@settings(max_examples=100, deadline=None)
@given(
    gaps=st.lists(st.integers(1, 5), min_size=1, max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_no_offset_is_ever_committed_past_an_unfinished_slice(gaps: list[int], order: Any) -> None:
    """Whatever the order of acknowledgements and commits; at the end, all is committed."""
    offsets = [sum(gaps[: place + 1]) for place in range(len(gaps))]

    asyncio.run(_finish_in_any_order(offsets, order))


async def _finish_in_any_order(offsets: list[int], order: Any) -> None:
    with consumers() as make:
        consumer = make()
        fetches = [each for at in offsets for each in await fetch(consumer, {CALLS: live(at)})]
    unfinished = set(offsets)
    order.shuffle(fetches)

    committed = 0
    for message in fetches:
        consumer.ack(message)
        unfinished.discard(message.offset)
        if order.random() < 0.5:
            committed = committable(consumer).get(CALLS, committed)
        assert committed <= min(unfinished, default=offsets[-1] + 1)
    committed = committable(consumer).get(CALLS, committed)

    assert committed == offsets[-1] + 1


async def test_an_app_that_does_not_acknowledge_is_not_waited_for(
    new_consumer: NewConsumer,
) -> None:
    """Transactions move the offsets, or a store keeps them: the books would only grow."""
    consumer = new_consumer(acknowledges=False)

    for offset in range(100):
        await fetch(consumer, {CALLS: live(offset)})

    assert sum(map(len, consumer._unfinished.values())) == 0


async def test_a_gap_costs_nothing(new_consumer: NewConsumer) -> None:
    """Transactions leave an offset out at each end; stock Faust keeps an interval for each."""
    consumer = new_consumer()

    await consumer._add_gap(CALLS, 5, 9)

    assert not consumer._gap
    consumer.verify_event_path(0.0, CALLS)


@dataclass
class FakeThread:
    """The consumer's thread: calls are made at once, and written down."""

    assigned: set[TP]
    committed: dict[TP, int] = field(default_factory=dict)
    sought: list[Mapping[TP, int]] = field(default_factory=list)

    async def call_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call."""
        return await function(*args)

    def assignment(self) -> set[TP]:
        """Return what is assigned."""
        return self.assigned

    async def start_positions(self, tps: set[TP]) -> dict[TP, int]:
        """Return the group's offsets."""
        return {tp: self.committed[tp] for tp in tps}

    def seek_all(self, positions: Mapping[TP, int]) -> None:
        """Move."""
        self.sought.append(positions)

    def current_reading(self) -> object:
        """Return the reading in force."""
        return REPLACED


def with_thread(consumer: Consumer, thread: FakeThread) -> Consumer:
    """Give the consumer a fake thread."""
    consumer._thread = thread  # type: ignore[assignment] # nothing runs in it
    return consumer


async def test_a_new_life_starts_at_the_groups_offsets(new_consumer: NewConsumer) -> None:
    """Its reading becomes the live one, and what was under way before is forgotten."""
    positions: list[Mapping[TP, int]] = []
    consumer = new_consumer(on_start_positions=positions.append)
    (before,) = await fetch(consumer, {CALLS: live(5)})
    thread = FakeThread({CALLS}, {CALLS: 3})

    assert await with_thread(consumer, thread).seek_to_committed() == {CALLS: 3}
    consumer.ack(before)

    assert thread.sought == positions == [{CALLS: 3}]
    assert consumer._live_reading is REPLACED
    assert committable(consumer) == {}
    assert await fetch(consumer, {CALLS: live(6)}) == []


async def test_changelogs_are_not_sought(new_consumer: NewConsumer) -> None:
    """They are read by the recovery's own consumer."""
    consumer = new_consumer()
    tables: Any = consumer.app.tables
    tables._changelogs["changelog"] = None  # only the name counts
    thread = FakeThread({CALLS, TP("changelog", 0)}, {CALLS: 3})

    assert await with_thread(consumer, thread).seek_to_committed() == {CALLS: 3}


async def test_an_app_may_keep_its_positions_itself(new_consumer: NewConsumer) -> None:
    """The snapshot worker's are in the store."""

    async def start_positions(tps: set[TP]) -> dict[TP, int]:
        return dict.fromkeys(tps, 11)

    consumer = new_consumer(start_positions=start_positions)
    thread = FakeThread({CALLS}, {CALLS: 3})

    assert await with_thread(consumer, thread).seek_to_committed() == {CALLS: 11}
    assert thread.sought == [{CALLS: 11}]


class FakeKafka:
    """As much of an aiokafka consumer as the thread asks for."""

    _closed = False

    def __init__(self) -> None:
        self.sought: list[tuple[TopicPartition, int]] = []
        self._fetcher: Any = self
        self._subscriptions = SimpleNamespace(fetch_context=nullcontext)
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=LIVE))

    async def fetched_records(self, partitions: set[TP], **_: Any) -> dict[TopicPartition, Any]:
        """Return one record of each partition."""
        return {TopicPartition(*tp): [Record(1)] for tp in partitions}

    async def committed(self, tp: TopicPartition) -> int | None:
        """Return an offset for the calls."""
        return 8 if tp.topic == CALLS.topic else None

    async def beginning_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the first offsets."""
        return dict.fromkeys(tps, 2)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Move."""
        self.sought.append((tp, offset))


def thread_over(kafka: FakeKafka, new_consumer: NewConsumer) -> ConsumerThread:
    """Return a thread that was not started, over a fake client."""
    thread = new_consumer()._thread
    thread._consumer = kafka
    return thread


async def test_a_fetch_knows_its_reading(new_consumer: NewConsumer) -> None:
    """So that it can be told from the fetches of another life of the partition."""
    kafka = FakeKafka()
    thread = thread_over(kafka, new_consumer)

    fetched = await thread._fetch_records(kafka, {CALLS})

    assert [batch.reading for batch in fetched.values()] == [(LIVE, 0)]
    assert fetched[CALLS].records == [Record(1)]


async def test_a_fetch_from_before_the_seek_is_dropped(new_consumer: NewConsumer) -> None:
    """The one before it was, so it would hide records; after the seek all of them come again."""
    kafka, consumer = FakeKafka(), new_consumer()
    thread = consumer._thread
    thread._consumer = kafka
    early = await thread._fetch_records(kafka, {CALLS})

    await consumer._seek_live({CALLS: 0})
    late = await thread._fetch_records(kafka, {CALLS})

    assert await fetch(consumer, early) == []
    assert [message.tp for message in await fetch(consumer, late)] == [CALLS]


async def test_the_stock_consumer_drops_it_too(new_consumer: NewConsumer) -> None:
    """It would take record 103 behind a seek to 0, and call what is between them a gap."""
    kafka, app = FakeKafka(), new_consumer().app
    consumer: Any = StockTransport(app.conf.broker_consumer, app).create_consumer(
        callback=_ignore, on_partitions_revoked=_ignore, on_partitions_assigned=_ignore
    )
    thread = consumer._thread
    thread._consumer = kafka
    consumer._get_active_partitions = lambda: {CALLS}
    consumer.flow_active = True
    early = await thread._fetch_records(kafka, {CALLS})

    await consumer._seek_live({CALLS: 0})
    late = await thread._fetch_records(kafka, {CALLS})
    consumer._getmany = AsyncMock(side_effect=[early, late])
    dropped, _ = await consumer._wait_next_records(1.0)
    taken, active = await consumer._wait_next_records(1.0)
    thread.thread_loop.close()

    assert dropped == {}
    assert (list(taken), active) == ([CALLS], {CALLS})


async def test_without_a_subscription_there_is_no_assignment(new_consumer: NewConsumer) -> None:
    """Before the group has answered for the first time."""
    kafka = FakeKafka()
    kafka._subscription.subscription = None

    assert thread_over(kafka, new_consumer).current_reading() == (None, 0)


async def test_a_partition_without_a_commit_starts_at_its_beginning(
    new_consumer: NewConsumer,
) -> None:
    """A new group reads everything that is retained."""
    positions = await thread_over(FakeKafka(), new_consumer).start_positions([CALLS, TICKETS])

    assert positions == {CALLS: 8, TICKETS: 2}


async def test_seeking_moves_each_partition(new_consumer: NewConsumer) -> None:
    """What was fetched before is forgotten by the client."""
    kafka = FakeKafka()

    thread_over(kafka, new_consumer).seek_all({CALLS: 8, TICKETS: 2})

    assert kafka.sought == [(TopicPartition(*CALLS), 8), (TopicPartition(*TICKETS), 2)]


async def test_the_consumer_reads_committed_records_and_does_not_dawdle(
    new_consumer: NewConsumer,
) -> None:
    """Neither can be set in Faust without its own transactions."""
    consumer = new_consumer()

    kafka = consumer._thread._create_worker_consumer(cast(Transport, consumer.transport))

    assert kafka._isolation_level == "read_committed"
    assert kafka._fetch_max_wait_ms == 100
    await kafka.stop()


@pytest.mark.parametrize("core", CoreKind)
async def test_a_slice_s_records_are_those_of_its_app_s_core(
    new_consumer: NewConsumer, core: CoreKind
) -> None:
    """Read in place by the compiled one."""
    consumer = new_consumer(core_kind=core)

    kafka = consumer._thread._create_worker_consumer(cast(Transport, consumer.transport))

    assert type(kafka) is consumer_class(core)
    await kafka.stop()


async def test_the_stock_transport_has_records_with_all_their_fields(
    new_consumer: NewConsumer,
) -> None:
    """Faust's messages are made of them."""
    thread = ConsumerThread(new_consumer())

    kafka = thread._create_worker_consumer(cast(Transport, thread.consumer.transport))

    assert type(kafka) is AIOKafkaConsumer
    await kafka.stop()
    thread.thread_loop.close()


async def test_the_consumer_tells_the_worker_s_health_of_the_broker(
    new_consumer: NewConsumer,
) -> None:
    """Its heartbeats and fetches are the requests of an idle worker."""
    consumer = new_consumer()
    thread: Any = consumer._thread

    kafka = thread._create_worker_consumer(cast(Transport, consumer.transport))

    assert kafka._client.send.__qualname__.startswith("notice_answers")
    await kafka.stop()
