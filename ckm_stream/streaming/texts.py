"""
The text worker as a Faust app: knowledge items in, what their words say out.

At least once: a slice is acknowledged when all that was read in it is durable, so a kill loses
nothing and sends some of it again, under the same ids, which the profile knows (promises P1, P5).
Whoever reads texts is never in the way of an event: no profile waits for this program.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import structlog
from faust.types import TP, EventT, StreamT
from faust.types.tuples import Message

from ckm_stream.codec.topics import Topics
from ckm_stream.errors import TransientError
from ckm_stream.operations.health import Health
from ckm_stream.operations.metrics import TextMetrics
from ckm_stream.pipeline.records import Effects
from ckm_stream.pipeline.texts import ItemReader, SliceRead
from ckm_stream.settings import Settings, TransportKind
from ckm_stream.streaming.clients import faust_settings
from ckm_stream.streaming.committer import Committer
from ckm_stream.streaming.ending import fatal
from ckm_stream.streaming.lag import unread
from ckm_stream.streaming.schema import SliceSchema, messages_of, records_of
from ckm_stream.streaming.table import BulkTableManager
from ckm_stream.streaming.worker import CrashOnlyApp

log = structlog.get_logger(__name__)
_LAG_INTERVAL_S: Final = 5.0
# What is told to stop has 10 s: some for the slice under way, some for what is being sent.
_GRACE_S: Final = 3.0
_READING: Final = "the reading of texts"


class TextApp(CrashOnlyApp):
    """The Faust app of the text worker."""

    def __init__(
        self, settings: Settings, *, items: ItemReader, committer: Committer, metrics: TextMetrics
    ) -> None:
        # Never the stock transport: it has no slices, and each would be awaited for one item.
        kafka = settings.kafka.model_copy(update={"transport": TransportKind.CKM})
        super().__init__(
            health=Health(settings.health),
            **faust_settings(kafka, group_id=kafka.text_group, data_dir=settings.data_dir),
            TableManager=BulkTableManager,
        )
        self.metrics = metrics
        self.core_kind = settings.core
        self._group = kafka.text_group
        self._items = items
        self._committer = committer
        self._working = asyncio.Lock()
        self._is_closing = False
        self._delivered: dict[tuple[str, int], int] = {}
        self._done: dict[tuple[str, int], int] = {}
        self._last_timestamps: dict[tuple[str, int], float] = {}

    def on_start_positions(self, positions: Mapping[TP, int]) -> None:
        """Called by the slice transport with the offset that each partition starts at."""
        self._delivered = {(tp.topic, tp.partition): n for tp, n in positions.items()}
        self._done = dict(self._delivered)
        self._last_timestamps.clear()
        self.metrics.forget_lag()
        self.metrics.assigned_partitions.set(len(positions))
        self.metrics.rebalances.inc()

    async def deliver(self, event: EventT[Any]) -> None:
        """Read the items of one fetch's slices, send what they say, and acknowledge each."""
        for message in messages_of(event):
            if self._is_closing or message.generation_id != self.consumer_generation_id:
                return  # fetched before a rebalance; the partition's owner reads it again
            await self._read(message)

    async def _read(self, message: Message) -> None:
        tp, records = (message.topic, message.partition), records_of(message)
        self._delivered[tp] = message.offset + 1
        async with self._working:
            with self.health.work.under_way(_READING):
                started = time.monotonic()
                found = await asyncio.to_thread(self._items.read, *tp, records)
                seconds = time.monotonic() - started
                await self._committer.open(())
                await self._committer.commit(Effects(message.partition, forwarded=found.records))
            message.ack(self.consumer)
        self._done[tp] = message.offset + 1
        self._last_timestamps[tp] = records[-1].timestamp / 1000
        self._observe(found, seconds, message.partition)

    async def close(self) -> None:
        """
        Finish the slice under way and commit it, and let go of the producer.

        What cannot end within the grace (the broker may be away) is given up as a killed worker's
        would be: it is not acknowledged, and is read and sent again.
        """
        self._is_closing = True
        try:
            async with asyncio.timeout(_GRACE_S), self._working:
                await self.consumer.commit()
        except TimeoutError:
            log.warning("texts.unfinished", remedy="none: they are read again")
        try:
            await self._committer.close(grace_s=_GRACE_S)
        except TransientError as error:  # nothing is lost: what is sent late was not acknowledged
            log.warning("texts.unsent", reason=str(error))

    def report(self) -> None:
        """Refresh the lag gauges."""
        for topic, partition, ahead in unread(self.consumer, self.consumer.assignment()):
            tp, labels = (topic, partition), (self._group, topic, str(partition))
            delivered = self._delivered.get(tp, 0)
            behind = ahead + max(0, delivered - self._done.get(tp, delivered))
            last = self._last_timestamps.get(tp)
            age = time.time() - last if behind and last is not None else 0.0
            self.metrics.consumer_lag_events.labels(*labels).set(behind)
            self.metrics.consumer_lag_seconds.labels(*labels).set(max(0.0, age))

    def _observe(self, found: SliceRead, seconds: float, partition: int) -> None:
        self.metrics.observe(found, seconds=seconds)
        for each in found.rejections:
            self.metrics.items_rejected.labels(each.reason.value).inc()
            log.warning(
                "texts.rejected",
                topic=each.topic,
                partition=partition,
                offset=each.offset,
                reason=each.reason.value,
                remedy="somebody else than a profile worker has written it; it stays where it is",
            )


def build_text_app(
    settings: Settings, *, items: ItemReader, committer: Committer, metrics: TextMetrics
) -> TextApp:
    """Wire the text worker: one agent over the knowledge items."""
    app = TextApp(settings, items=items, committer=committer, metrics=metrics)
    topic = Topics(settings.kafka.topic_prefix).knowledge_item

    @app.agent(app.topic(topic, schema=SliceSchema(), maxsize=16), name="texts", concurrency=1)
    async def texts(stream: StreamT[Any]) -> None:
        with fatal():
            async for event in stream.noack().events():  # type: ignore[attr-defined] # StreamT lacks it
                await app.deliver(event)

    @app.on_before_shutdown.connect
    async def on_shutdown(*_: Any, **__: Any) -> None:
        await app.close()

    @app.timer(interval=_LAG_INTERVAL_S)  # type: ignore[untyped-decorator] # Faust's
    async def report() -> None:
        with fatal():
            app.report()

    return app
