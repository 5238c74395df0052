"""
The snapshot worker as a Faust app: changelogs, score updates and knowledge items into the store.

Exactly-once into the database: rows and the next offset are written in one transaction, and the
positions are the store's own, not the consumer group's. A database outage makes snapshots late
and stops nothing else (promises P1, P11, P13).
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from faust.types import TP, EventT, StreamT

from ckm_stream.errors import TransientError
from ckm_stream.operations.health import Health
from ckm_stream.operations.metrics import SnapshotMetrics
from ckm_stream.operations.stacks import stack_of_thread
from ckm_stream.settings import Settings, TransportKind
from ckm_stream.snapshots.collect import BatchCollector
from ckm_stream.snapshots.writer import SnapshotWriter
from ckm_stream.streaming.clients import faust_settings
from ckm_stream.streaming.drafts import Draft, Part, made_anew
from ckm_stream.streaming.ending import fatal
from ckm_stream.streaming.lag import unread
from ckm_stream.streaming.schema import SliceSchema, messages_of, records_of
from ckm_stream.streaming.table import BulkTableManager
from ckm_stream.streaming.worker import CrashOnlyApp

log = structlog.get_logger(__name__)
# Of a customer's states in one transaction only the newest is written: 20,000 records cost
# PostgreSQL a fifth less each than 5,000 do, and take it a third of a second.
_MAX_RECORDS_PER_WRITE = 20_000
_GIVEN_UP: Final = object()
_LAG_INTERVAL_S = 5.0
# A transaction has costs that do not depend on its size, and without a pause they come ten times
# a second and more: it takes a third of the worker's CPU time at 5,000 events/s, and costs a row
# 0.1 s on average. A backlog is not held up.
_PAUSE_S: Final = 0.2
# Likewise for the broker and the client: so much, or what has come in 0.1 s.
_FETCH_MIN_BYTES: Final = 1 << 18
# A broker that was killed says for a moment that its topics end where it last wrote that down (high
# watermark checkpoint, every 5 s), down to 0: a store that is ahead for so long only is no sign.
_AHEAD_S = 30.0
# A statement may wait 20 s for somebody's lock; a worker that is told to stop has 10 s.
_CANCEL_S = 3.0


class SnapshotApp(CrashOnlyApp):
    """The Faust app of the snapshot worker."""

    acknowledges = False
    fetch_min_bytes = _FETCH_MIN_BYTES

    def __init__(
        self,
        settings: Settings,
        *,
        writer: SnapshotWriter,
        collector: Callable[[], BatchCollector],
        metrics: SnapshotMetrics,
    ) -> None:
        # Never the stock transport: it reads uncommitted records, and an aborted transaction's
        # updates would stay in the store.
        kafka = settings.kafka.model_copy(update={"transport": TransportKind.CKM})
        super().__init__(
            health=Health(settings.health),
            **faust_settings(kafka, group_id=kafka.snapshot_group, data_dir=settings.data_dir),
            TableManager=BulkTableManager,
        )
        self.metrics = metrics
        self._writer = writer
        self._new_collector = collector
        self.core_kind = settings.core
        self._group = settings.kafka.snapshot_group
        self._queue: asyncio.Queue[Part] = asyncio.Queue(maxsize=32)
        self._next: dict[tuple[str, int], int] = {}
        self._delivered: dict[tuple[str, int], int] = {}
        self._writing = asyncio.Lock()
        self._draft: Draft | None = None
        self._ahead: asyncio.Task[None] | None = None
        self._last_timestamps: dict[tuple[str, int], float] = {}
        # A new one when partitions go and when positions come: a part from before, such as one
        # that waited for room in the queue, is older than the positions and would open a hole
        # before itself.
        self._lease = object()
        self._ahead_since: dict[tuple[str, int], float] = {}
        self._asking = 0
        self._asked_from: dict[Hashable, int] = {}
        self._store = self.health.add_contact("store")
        self.health.work.where = lambda part: stack_of_thread(self._asked_from[part])

    async def start_positions(self, tps: set[TP]) -> Mapping[TP, int]:
        """Called by the slice transport after a rebalance: the store knows where to go on."""
        found = await self._until_available(
            self._lease, self._writer.positions, [(tp.topic, tp.partition) for tp in tps]
        )
        self._next = {} if found is _GIVEN_UP else found
        self._delivered = {}
        self.metrics.forget_lag()
        self._renew_lease()
        starts = {TP(topic, number): offset for (topic, number), offset in self._next.items()}
        self.metrics.assigned_partitions.set(len(starts))
        self.metrics.rebalances.inc()
        return starts

    async def deliver(self, event: EventT[Any]) -> None:
        """Queue what one fetch holds, waiting while the store is behind."""
        for message in messages_of(event):
            if message.generation_id != self.consumer_generation_id:
                return  # fetched before a rebalance
            self._delivered[message.topic, message.partition] = message.offset + 1
            await self._queue.put(
                Part(self._lease, message.topic, message.partition, records_of(message))
            )

    async def write_queued(self) -> None:
        """
        Wait for a part, take what else has queued up, and write it as one transaction.

        While the store is at it, the next one is collected.
        """
        draft = self._draft
        if draft is None or draft.lease is not self._lease or not draft.records:
            part = await self._queue.get()
            draft = self._new_draft(self._next)
            draft.take(part)
        async with self._writing:
            self._draft = None
            while not self._queue.empty() and draft.records < _MAX_RECORDS_PER_WRITE:
                draft.take(self._queue.get_nowait())
            if draft.records:
                async with self._collecting(draft.positions):
                    await self._write(draft)

    async def collect_queued(self, *, for_s: float) -> None:
        """Collect what comes in so many seconds, unless a transaction has enough before."""
        async with self._collecting(self._next) as enough:
            await asyncio.wait({enough}, timeout=for_s)

    async def release(self) -> None:
        """
        Drop what is queued and wait for the transaction under way: the partitions are going.

        One that does not come to its end soon is cancelled; the next owner does it again.
        """
        self._renew_lease()
        while not self._queue.empty():
            self._queue.get_nowait()
        cancelling = asyncio.ensure_future(self._cancel_soon())
        try:
            async with self._writing:
                self._next = {}
                self._draft = None
        finally:
            cancelling.cancel()

    async def _cancel_soon(self) -> None:
        await asyncio.sleep(_CANCEL_S)
        try:
            await asyncio.to_thread(self._writer.cancel)
        except TransientError as error:
            log.warning("store.cancel", reason=str(error))

    async def greet(self) -> None:
        """Ask the store whether it is there, unless it is being asked for something already."""
        if self._asking:
            return
        try:
            await self._ask(self._writer.ping)
        except TransientError as error:
            self._store.refused(str(error))

    def report(self) -> None:
        """
        Refresh the lag gauges.

        Raises:
            ConfigurationError: If the store stays ahead of a topic, which must then be another one.
        """
        self._compare_ends()
        for topic, partition, ahead in unread(self.consumer, self.consumer.assignment()):
            labels = (self._group, topic, str(partition))
            delivered = self._delivered.get((topic, partition), 0)
            behind = ahead + max(0, delivered - self._next.get((topic, partition), delivered))
            self.metrics.consumer_lag_events.labels(*labels).set(behind)
            last = self._last_timestamps.get((topic, partition))
            age = time.time() - last if behind and last is not None else 0.0
            self.metrics.consumer_lag_seconds.labels(*labels).set(max(0.0, age))

    def _compare_ends(self) -> None:
        for tp, position in self._next.items():
            end = self.consumer.highwater(TP(*tp))  # as of the last fetch
            if end is None or position <= end:
                self._ahead_since.pop(tp, None)
            elif time.monotonic() - self._ahead_since.setdefault(tp, time.monotonic()) >= _AHEAD_S:
                raise made_anew(tp, position, end)

    def _new_draft(self, positions: Mapping[tuple[str, int], int]) -> Draft:
        def end_of(tp: tuple[str, int]) -> int | None:
            end: int | None = self.consumer.highwater(TP(*tp))  # as of the last fetch
            return end

        return Draft(self._lease, dict(positions), self._new_collector(), end_of)

    @asynccontextmanager
    async def _collecting(
        self, positions: Mapping[tuple[str, int], int]
    ) -> AsyncIterator[asyncio.Task[None]]:
        """Collect the next transaction, which begins at *positions*, during the block."""
        self._ahead = asyncio.create_task(self._collect(positions))
        try:
            yield self._ahead
        finally:
            self._ahead.cancel()
            await asyncio.wait({self._ahead})
        if not self._ahead.cancelled():
            self._ahead.result()  # what it could not read ends the worker

    async def _collect(self, positions: Mapping[tuple[str, int], int]) -> None:
        draft = self._draft
        if draft is None or draft.lease is not self._lease:
            draft = self._draft = self._new_draft(positions)
        while draft.records < _MAX_RECORDS_PER_WRITE:
            draft.take(await self._queue.get())
        draft.seal()

    def _renew_lease(self) -> None:
        """Let go of what was read before; nobody who collects for it may take what comes now."""
        self._lease = object()
        if self._ahead is not None:
            self._ahead.cancel()

    async def _write(self, draft: Draft) -> None:
        batch = draft.seal()
        started = time.monotonic()
        if await self._until_available(draft.lease, self._writer.write, batch) is _GIVEN_UP:
            return
        self._next.update(draft.positions)
        self._last_timestamps.update(draft.timestamps)
        self.metrics.observe(batch, seconds=time.monotonic() - started)

    async def _until_available(
        self, lease: object, function: Callable[..., Any], *args: Any
    ) -> Any:
        """Call *function* until the store answers, or give up when the partitions are going."""
        self._asking += 1
        try:
            while lease is self._lease:
                try:
                    return await self._ask(function, *args)
                except TransientError as error:
                    self._store.refused(str(error))
                    log.warning("store.retry", reason=str(error), retry_after_s=error.retry_after_s)
                    await asyncio.sleep(error.retry_after_s)
            return _GIVEN_UP
        finally:
            self._asking -= 1

    async def _ask(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call *function* in a thread, watched: the store may refuse, but not hang for ever."""
        part = f"the store's {function.__name__}"

        def call() -> Any:
            self._asked_from[part] = threading.get_ident()
            return function(*args)

        with self.health.work.under_way(part):
            answer = await asyncio.to_thread(call)
        self._store.answered()
        return answer


def build_snapshot_app(
    settings: Settings,
    *,
    topics: list[str],
    writer: SnapshotWriter,
    collector: Callable[[], BatchCollector],
    metrics: SnapshotMetrics,
) -> SnapshotApp:
    """Wire the snapshot worker: one agent over all its topics, one writer."""
    app = SnapshotApp(settings, writer=writer, collector=collector, metrics=metrics)

    @app.agent(app.topic(*topics, schema=SliceSchema(), maxsize=16), name="snapshots")
    async def snapshots(stream: StreamT[Any]) -> None:
        with fatal():
            async for event in stream.noack().events():  # type: ignore[attr-defined] # StreamT lacks it
                await app.deliver(event)

    @app.task  # type: ignore[untyped-decorator] # Faust's
    async def write() -> None:
        with fatal():
            while not app.should_stop:
                await app.write_queued()
                await app.collect_queued(for_s=_PAUSE_S)

    @app.on_partitions_revoked.connect
    async def on_revoked(*_: Any, **__: Any) -> None:
        await app.release()

    @app.on_before_shutdown.connect
    async def on_shutdown(*_: Any, **__: Any) -> None:
        await app.release()

    @app.timer(interval=settings.health.silence_s / 3)  # type: ignore[untyped-decorator] # Faust's
    async def greet() -> None:
        with fatal():
            await app.greet()

    @app.timer(interval=_LAG_INTERVAL_S)  # type: ignore[untyped-decorator] # Faust's
    async def report() -> None:
        with fatal():
            app.report()

    return app
