"""
The slice transport ``ckm://``: one Faust message per fetched partition slice.

Stock Faust spends about 60 µs on a message before any work is done; a slice of some hundred
records shares that cost. Two traps of the stock consumer are closed on the way: an offset is
committed only when every earlier slice is finished (faust-streaming/faust#606), and a slice that
was fetched under an assignment that has since been replaced, or before the seek that an assignment
begins with, is dropped instead of being handed to the partition's new life, where it would hide the
records before it.
"""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, cast

import aiokafka
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as stock
from faust.types import TP
from faust.types.transports import ConsumerT
from faust.types.tuples import ConsumerMessage

from ckm_stream.operations.health import Health
from ckm_stream.operations.vitals import Contact
from ckm_stream.settings import CoreKind
from ckm_stream.streaming.clients import await_brokers
from ckm_stream.streaming.ending import end_process
from ckm_stream.streaming.fetching import consumer_class
from ckm_stream.streaming.rights import lost_right

_LOOP: Final = "consumer_loop"


def notice_answers(client: AIOKafkaClient, broker: Contact) -> None:
    """Let *broker* know of each answer to a request of *client*; an error is one too."""
    send = client.send

    async def noticing(*args: Any, **kwargs: Any) -> Any:
        answer = await send(*args, **kwargs)
        broker.answered()
        return answer

    client.send = noticing


#: An assignment, by its identity, and how often all of it was sought anew.
Reading = tuple[object, int]


class Fetched:
    """The records of one partition from one fetch, with the reading that they belong to."""

    __slots__ = ("reading", "records")

    def __init__(self, reading: Reading, records: Sequence[Any]) -> None:
        self.reading = reading
        self.records = records


class ConsumerThread(stock.AIOKafkaConsumerThread):
    """A consumer thread that reads committed records, and names the reading they belong to."""

    _seeks = 0

    def _create_worker_consumer(self, transport: stock.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust ties the isolation level to its own transactions, which are not used here. The
        # forwarded events are written in our transactions, so this must hold from the first fetch.
        consumer._isolation_level = "read_committed"  # noqa: SLF001 -- no setting reaches it
        # 1500 ms stock: an idle partition would make every other one of the broker's fetch wait.
        consumer._fetch_max_wait_ms = 100  # noqa: SLF001 -- hard-coded in the stock driver
        consumer._fetch_min_bytes = getattr(self.app, "fetch_min_bytes", 1)  # noqa: SLF001 -- likewise
        client = consumer._client  # noqa: SLF001 -- no public way to it
        notice_answers(client, self._health.broker)
        await_brokers(client)
        return consumer

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 -- the overridden signature
        max_records: int | None = None,
    ) -> Any:
        try:
            records = await super()._fetch_records(
                consumer, active_partitions, timeout, max_records
            )
        except KafkaError as error:
            if (lost := lost_right(error)) is not None:
                end_process(lost)  # here: on its way up Faust would log two tracebacks
            raise
        # No await between the fetch and this line, so the records belong to this reading.
        reading = self.current_reading()
        return {tp: Fetched(reading, batch) for tp, batch in records.items()}

    async def on_thread_started(self) -> None:
        """Called in this thread's own event loop."""
        await super().on_thread_started()
        self._health.feel(_LOOP, self.thread_loop)

    async def on_thread_stop(self) -> None:
        """Called in the same loop, at its end."""
        await super().on_thread_stop()
        self._health.leave(_LOOP)

    def current_reading(self) -> Reading:
        """
        Return the reading in force; a rebalance makes a new one, and so does seeking.

        Between the two, Faust fetches from wherever aiokafka stands. What is behind such a fetch
        looks like the assignment in force, and would open a hole before itself: the fetch before
        it was dropped, and the seek goes back to where that began.
        """
        subscription = self._ensure_consumer()._subscription.subscription  # noqa: SLF001 -- no public way to it
        return (None if subscription is None else subscription.assignment), self._seeks

    async def start_positions(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Return the committed offset of each partition, or its first one if none was committed."""
        consumer = self._ensure_consumer()
        partitions = [TopicPartition(tp.topic, tp.partition) for tp in tps]
        committed = {tp: await consumer.committed(tp) for tp in partitions}
        fresh = [tp for tp, offset in committed.items() if offset is None]
        beginnings = await consumer.beginning_offsets(fresh) if fresh else {}
        return {
            TP(tp.topic, tp.partition): beginnings[tp] if offset is None else offset
            for tp, offset in committed.items()
        }

    def seek_all(self, positions: Mapping[TP, int]) -> None:
        """Move to *positions* and forget what was fetched before."""
        consumer = self._ensure_consumer()
        for tp, offset in positions.items():
            consumer.seek(TopicPartition(tp.topic, tp.partition), offset)
        self._seeks += 1

    @property
    def _health(self) -> Health:
        return cast(Health, self.app.health)  # type: ignore[attr-defined] # our App's


class LiveConsumer(stock.Consumer):
    """A Faust consumer that goes on where its application says, and knows what is older."""

    _thread: ConsumerThread
    _live_reading: Reading | None = None

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def is_live(self, fetched: Fetched) -> bool:
        """Tell whether *fetched* comes from the reading that the assignment goes on with."""
        return fetched.reading == self._live_reading

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek the source partitions to where this application must go on."""
        sources = {tp for tp in self.assignment() if not self._is_changelog_tp(tp)}
        positions = await self.start_positions(sources)
        await self._thread.call_thread(self._seek_live, positions)
        listener = getattr(self.app, "on_start_positions", None)
        if listener is not None:
            listener(positions)
        return positions

    async def _seek_live(self, positions: Mapping[TP, int]) -> None:
        self._thread.seek_all(positions)
        self._live_reading = self._thread.current_reading()

    async def start_positions(self, tps: set[TP]) -> Mapping[TP, int]:
        """Return where to start reading each partition: the group's committed offsets."""
        custom = getattr(self.app, "start_positions", None)
        if custom is not None:
            return cast(Mapping[TP, int], await custom(tps))
        return cast(
            Mapping[TP, int],
            await self._thread.call_thread(self._thread.start_positions, tps),
        )


class SliceThread(ConsumerThread):
    """A consumer thread that leaves records where they were fetched to, if its app's core can."""

    def _create_worker_consumer(self, transport: stock.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer.__class__ = consumer_class(getattr(self.app, "core_kind", CoreKind.AUTO))
        return consumer


class Consumer(LiveConsumer):
    """A Faust consumer that yields slices, and commits by a strict watermark."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return SliceThread(self, loop=self.loop, beacon=self.beacon)

    def on_init(self) -> None:
        """Set up the watermark's bookkeeping."""
        super().on_init()
        self._unfinished: defaultdict[TP, deque[int]] = defaultdict(deque)
        self._finished: defaultdict[TP, set[int]] = defaultdict(set)
        # Of slices that are never acknowledged, the books would only grow.
        self._keeps_books: bool = getattr(self.app, "acknowledges", True)

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 -- the overridden signature
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield the next slice of each partition that has one."""
        records, _ = await self._wait_next_records(timeout)
        fetched = cast(Mapping[TP, Fetched], records or {})
        for tp, batch in fetched.items():
            if not self.flow_active or self.should_stop:
                break  # revoked: the next owner starts from the committed offset
            if self.is_live(batch) and batch.records:
                message = _slice_message(tp, batch.records, self.app.consumer_generation_id)
                if self._keeps_books:
                    self._unfinished[tp].append(message.offset)
                yield tp, message

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek, and forget what was handed over before."""
        positions = await super().seek_to_committed()
        self._unfinished.clear()
        self._finished.clear()
        return positions

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A gap inside or between slices needs no bookkeeping: the watermark counts slices."""

    def ack(self, message: Any) -> bool:
        """Take a slice as finished."""
        if message.offset in self._unfinished[message.tp]:
            self._finished[message.tp].add(message.offset)
        return super().ack(message)

    def _new_offset(self, tp: TP) -> int | None:
        """Return the offset after the last slice that has no unfinished one before it."""
        unfinished, finished = self._unfinished[tp], self._finished[tp]
        watermark = None
        while unfinished and unfinished[0] in finished:
            watermark = unfinished.popleft()
            finished.discard(watermark)
        acked = self._acked[tp]
        acked.clear()
        self._acked_index[tp].clear()
        return None if watermark is None else watermark + 1

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Stock livelock logging counts per-message commits; the lag metrics replace it."""


def _slice_message(tp: TP, records: Sequence[Any], generation_id: int) -> ConsumerMessage:
    last = records[-1]
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        last.offset,
        last.timestamp / 1000.0,
        last.timestamp_type,
        None,
        None,
        cast(bytes, records),
        None,
        0,
        0,
        TP(tp.topic, tp.partition),
        generation_id=generation_id,
    )


class Transport(stock.Transport):
    """Registered for ``ckm://`` URLs in the entry point group ``faust.transports``."""

    Consumer: ClassVar[type[ConsumerT]] = Consumer


class StockConsumer(LiveConsumer):
    """Faust's own consumer: one message per record."""

    async def _wait_next_records(
        self,
        timeout: float,  # noqa: ASYNC109 -- the overridden signature
    ) -> Any:
        fetched, active = await super()._wait_next_records(timeout)
        found = cast(Mapping[TP, Fetched], fetched or {}).items()
        return {tp: batch.records for tp, batch in found if self.is_live(batch)}, active


class StockTransport(stock.Transport):
    """Faust's own transport but for the isolation level, and for what is read before a seek."""

    Consumer: ClassVar[type[ConsumerT]] = StockConsumer
