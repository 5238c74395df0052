"""
The slice transport ``ckm://``: one Faust message per fetch and agent, with a slice per partition.

Faust spends some 0.3 ms on a message before any work is done. At 5,000 events a second a slice is
five records; a fetch is the slices of all partitions that had any, and shares that cost. Two traps
of the stock consumer are closed on the way: an offset is committed only when every earlier slice is
finished (faust-streaming/faust#606), and a slice that was fetched under an assignment that has
since been replaced, or before the seek that an assignment begins with, is dropped instead of being
handed to the partition's new life, where it would hide the records before it.
"""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar, cast

from faust.transport.drivers import aiokafka as stock
from faust.types import TP
from faust.types.transports import ConsumerT
from faust.types.tuples import ConsumerMessage

from ckm_stream.streaming.schema import Fetch
from ckm_stream.streaming.threads import ConsumerThread, Fetched, Reading, SliceThread


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


class Consumer(LiveConsumer):
    """A Faust consumer that yields fetches, and commits slices by a strict watermark."""

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
        """
        Yield a message for each agent that has something in the next fetch.

        Its value is the messages of its slices; ``schema.messages_of`` takes it apart.
        """
        records, _ = await self._wait_next_records(timeout)
        fetched = cast(Mapping[TP, Fetched], records or {})
        agents: defaultdict[frozenset[Any], Fetch] = defaultdict(Fetch)
        for tp, batch in fetched.items():
            if self.is_live(batch) and batch.records:
                message = _slice_message(tp, batch.records, self.app.consumer_generation_id)
                agents[self._channels_of(tp.topic)].append(message)
        for messages in agents.values():
            if not self.flow_active or self.should_stop:
                break  # revoked: the next owner starts from the committed offset
            if self._keeps_books:
                for each in messages:
                    self._unfinished[each.tp].append(each.offset)
            yield messages[0].tp, _fetch_message(messages)

    def _channels_of(self, topic: str) -> frozenset[Any]:
        """Return who a message of *topic* goes to; what is the same for two may go as one."""
        conductor: Any = self.app.topics
        return frozenset(conductor._topic_name_index.get(topic, ()))  # noqa: SLF001 -- no public way to it

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


def _fetch_message(messages: Fetch) -> ConsumerMessage:
    first = messages[0]
    return ConsumerMessage(
        first.topic,
        first.partition,
        first.offset,
        first.timestamp,
        first.timestamp_type,
        None,
        None,
        cast(bytes, messages),
        None,
        0,
        0,
        first.tp,
        generation_id=first.generation_id,
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
