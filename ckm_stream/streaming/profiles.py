"""
The profile worker as a Faust app: two agents, two tables, one lane per partition.

One writer per customer; fenced before recovered; any error without a remedy ends the process, and
the successor replays (promises P1, P4, P5).
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP, EventT, StreamT
from faust.types.transports import TransportT
from faust.types.tuples import Message

from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.codec.topics import Source, Topics
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.errors import DeadLetterLimitError
from ckm_stream.operations.health import Health, Phase
from ckm_stream.operations.metrics import WorkerMetrics
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.pipeline.epochs import Epochs
from ckm_stream.pipeline.fold import EMPLOYEES, PROFILES
from ckm_stream.pipeline.records import Effects, Slice
from ckm_stream.pipeline.silence import Cooling, Silences
from ckm_stream.pipeline.unit import Core
from ckm_stream.settings import KafkaSettings, Settings, SilenceClock, TransportKind
from ckm_stream.streaming.batches import Packing, packing_of
from ckm_stream.streaming.clients import (
    changelog_consumer_factory,
    faust_settings,
    is_transactional,
    producer_factory,
)
from ckm_stream.streaming.committer import AtLeastOnce, Committer, ExactlyOnce
from ckm_stream.streaming.core import new_core
from ckm_stream.streaming.ending import end_process, fatal
from ckm_stream.streaming.epochs import EpochFeed
from ckm_stream.streaming.lag import has_fetchable, unread
from ckm_stream.streaming.lane import Delivery, Lane, Watch, Wiring
from ckm_stream.streaming.lanes import Lanes
from ckm_stream.streaming.observer import MetricsObserver, sources_of
from ckm_stream.streaming.schema import SliceSchema, messages_of, records_of
from ckm_stream.streaming.table import BulkTableManager, ChangelogTable, recover_tables
from ckm_stream.streaming.transport import StockTransport
from ckm_stream.streaming.worker import CrashOnlyApp

log = structlog.get_logger(__name__)
_LAG_INTERVAL_S = 5.0
# In each lane: some tenths of a second of work, and a few MB.
_FETCHES_WAITING = 2
_FETCHING = "the fetching of records"


class ProfileApp(CrashOnlyApp):
    """The Faust app of the profile worker; ``faust -A ckm_stream.streaming.app worker`` runs it."""

    def __init__(
        self, settings: Settings, metrics: WorkerMetrics, *, health: Health | None = None
    ) -> None:
        super().__init__(
            health=health or Health(settings.health),
            **faust_settings(
                settings.kafka,
                group_id=settings.kafka.profile_group,
                data_dir=settings.data_dir,
            ),
            Table=ChangelogTable,
            TableManager=BulkTableManager,
        )
        self.topic_names = Topics(settings.kafka.topic_prefix)
        self._sources = self.topic_names.sources
        self.observer = MetricsObserver(metrics, self.topic_names)
        self.metrics = metrics
        self.core_kind = settings.core
        self._kafka = settings.kafka
        self.tables_by_name: dict[str, ChangelogTable] = {
            PROFILES: self._changelog_table(PROFILES, self.topic_names.profile_changelog),
            EMPLOYEES: self._changelog_table(EMPLOYEES, self.topic_names.employee_changelog),
        }
        self.acknowledges = not is_transactional(settings.kafka)
        committer = new_committer(settings.kafka, self.topic_names, packing_of(settings.core))
        self.epochs = Epochs(epoch_zero(settings.scoring))
        self._new_changelog_consumer = changelog_consumer_factory(
            settings.kafka, client_id=settings.kafka.profile_group, core=settings.core
        )
        self.epoch_feed = EpochFeed(
            epochs=self.epochs,
            topic=self.topic_names.epoch,
            codec=EpochCodec(open_schemas(settings)),
            new_consumer=self._new_changelog_consumer,
            trusted_s=settings.epoch.lead_s / 2,
        )
        core, unit = new_core(settings, self.topic_names, load=self._load, epoch_at=self.epochs.at)
        wiring = Wiring(
            core=core,
            unit=unit,
            committer=committer,
            tables=self.tables_by_name,
            observer=self.observer,
            unit_s=settings.kafka.unit_s,
            depth=_FETCHES_WAITING * settings.kafka.max_poll_records,
            settle=self._settle,
            may_score=self.epoch_feed.fresh,
            watch=self._new_watch(core, settings),
            work=self.health.work,
            limits=settings.dead_letters,
        )
        self._ending: asyncio.Task[None] | None = None
        self.lanes = Lanes(
            committer=committer,
            new_lane=lambda partition: Lane(partition, wiring),
            recover=self._recover,
            on_failure=self._on_failure,
        )
        self.health.work.where = self.lanes.where
        self.health.hindrance = self._hindrance

    async def takeover(self, partitions: set[int]) -> None:
        """Called by the recovery service: own, recover and open *partitions*."""
        started = time.monotonic()
        self.health.enter(Phase.RECOVERING)
        self.metrics.rebalances.inc()
        self.observer.forget()
        await self.epoch_feed.refresh()
        await self.lanes.open(partitions)
        self.metrics.rebalance_duration.observe(time.monotonic() - started)
        self.metrics.assigned_partitions.set(len(self.lanes.partitions))

    async def deliver(self, event: EventT[Any]) -> None:
        """Hand the slices of one fetch, or one stock record, to their lanes."""
        for message in messages_of(event):
            if message.generation_id != self.consumer_generation_id:
                return  # fetched before a rebalance; the partition's owner reads it again
            self.health.work.moved(_FETCHING)
            tp = (message.topic, message.partition)
            self.observer.delivered[tp] = message.offset + 1
            part = Slice(self._sources[message.topic], *tp, records_of(message))
            await self.lanes.offer(Delivery(part, self._acknowledging(message)))

    def _acknowledging(self, message: Message) -> Callable[[], Any]:
        return partial(message.ack, self.consumer) if self.acknowledges else _nothing

    async def look_for_epochs(self) -> None:
        """Read what was announced since; a broker that is away is asked again by the lanes."""
        known = len(self.epochs)
        try:
            await self.epoch_feed.refresh()
        except KafkaError as error:
            log.warning("epochs.retry", reason=str(error) or type(error).__name__)
        if len(self.epochs) > known:
            self.lanes.look_at_all()
        self.metrics.epoch_newest.set(self.epochs.newest.epoch_id)

    def on_start_positions(self, positions: Mapping[TP, int]) -> None:
        """Called by the slice transport with the offset that each source partition starts at."""
        self.observer.start_at({(tp.topic, tp.partition): n for tp, n in positions.items()})

    def report(self) -> None:
        """Refresh the gauges: lag, buffers and table size."""
        sources = {tp for tp in self.consumer.assignment() if tp.topic in self._sources}
        self.observer.report_lag(self._kafka.profile_group, unread(self.consumer, sources))
        self.metrics.paused_partitions.set(len(self.consumer._buffered_partitions))  # type: ignore[attr-defined] # noqa: SLF001 -- Faust shows it nowhere else
        self.metrics.buffered_events.set(self.lanes.buffered)
        self.metrics.table_customers.set(self.tables_by_name[PROFILES].key_count)
        self._watch_fetching(sources)

    def _watch_fetching(self, sources: set[TP]) -> None:
        """Records that are there to be fetched, and lanes with nothing to do: work waits."""
        idle = self.lanes.is_open and not self.lanes.buffered
        if idle and has_fetchable(self.consumer, sources):
            self.health.work.waits(_FETCHING)
        else:
            self.health.work.done(_FETCHING)

    def _new_watch(self, core: Core, settings: Settings) -> Watch | None:
        clock = settings.silence.clock
        if clock is SilenceClock.OFF:
            return None
        fold = cast(Cooling, core.folds[Source.CALL])  # profiles' rules in either core
        table = self.tables_by_name[PROFILES]

        def new(partition: int) -> Silences:
            return Silences(
                partition,
                fold=fold,
                store=table.stores[partition],
                next_epoch=self.epochs.next_after,
                policy=settings.scoring,
            )

        return Watch(
            new=new,
            may_look=self._has_fetched_all,
            now_s=(lambda: int(time.time())) if clock is SilenceClock.WALL else None,
        )

    def _has_fetched_all(self) -> bool:
        sources = {tp for tp in self.consumer.assignment() if tp.topic in self._sources}
        return not has_fetchable(self.consumer, sources)

    def _hindrance(self) -> str:
        return "" if self.lanes.is_open else "the lanes of the assigned partitions are not open"

    def _new_transport(self) -> TransportT:
        if self._kafka.transport is TransportKind.CKM:
            return super()._new_transport()
        return StockTransport(self.conf.broker_consumer, self)

    def _changelog_table(self, name: str, changelog: str) -> ChangelogTable:
        topic = self.topic(changelog, key_type=bytes, value_type=bytes)
        return cast(ChangelogTable, self.Table(name, changelog_topic=topic))

    def _load(self, table: str, partition: int, key: bytes) -> bytes | None:
        return self.tables_by_name[table].read(partition, key)

    async def _recover(self, partitions: set[int]) -> None:
        names = self.topic_names
        started = time.monotonic()
        records = await recover_tables(
            {
                names.profile_changelog: self.tables_by_name[PROFILES],
                names.employee_changelog: self.tables_by_name[EMPLOYEES],
            },
            partitions,
            self._new_changelog_consumer,
            on_remaining=self.metrics.recovery_remaining.set,
        )
        self.metrics.recovery_records.inc(records)
        self.metrics.recovery_duration.observe(time.monotonic() - started)

    async def _settle(self, effects: Effects) -> None:
        """Commit a unit's source offsets now, unless its transaction has done so."""
        if self.acknowledges:
            offsets = {TP(name, effects.partition): n for name, n in effects.offsets.items()}
            await self.consumer.commit()  # first: later it would move these offsets back
            await self.consumer._commit(offsets)  # type: ignore[attr-defined] # noqa: SLF001 -- `commit` takes whole slices only

    def _on_failure(self, error: BaseException) -> None:
        if not isinstance(error, DeadLetterLimitError):
            end_process(error)
        elif self._ending is None:
            self._ending = asyncio.ensure_future(self._end_in_order(error))

    async def _end_in_order(self, error: DeadLetterLimitError) -> None:
        """
        Let the other lanes finish their units, and commit what Faust knows to be done.

        Else, under at_least_once, what they have set aside would be read again after the repair,
        and applied besides being put back.
        """
        with fatal():
            await self.lanes.close()
            if self.acknowledges:
                await self.consumer.commit()
            end_process(error)


def build_profile_app(
    settings: Settings, metrics: WorkerMetrics, *, health: Health | None = None
) -> ProfileApp:
    """Wire the profile worker: agents, signals and timers around a ``ProfileApp``."""
    app = ProfileApp(settings, metrics, health=health)

    def agent_over(names: list[str], name: str) -> None:
        @app.agent(app.topic(*names, schema=SliceSchema(), maxsize=16), name=name, concurrency=1)
        async def agent(stream: StreamT[Any]) -> None:
            with fatal():
                async for event in stream.noack().events():  # type: ignore[attr-defined] # StreamT lacks it
                    await app.deliver(event)

    agent_over(sources_of(app.topic_names, employee=False), "profiles")
    agent_over(sources_of(app.topic_names, employee=True), "employees")

    @app.on_partitions_revoked.connect
    async def on_revoked(*_: Any, **__: Any) -> None:
        await app.lanes.close()

    @app.on_before_shutdown.connect
    async def on_shutdown(*_: Any, **__: Any) -> None:
        await app.lanes.close()

    @app.timer(interval=settings.epoch.refresh_s)  # type: ignore[untyped-decorator] # Faust's
    async def look_for_epochs() -> None:
        await app.look_for_epochs()

    @app.timer(interval=_LAG_INTERVAL_S)  # type: ignore[untyped-decorator] # Faust's
    async def report() -> None:
        app.report()

    return app


def new_committer(kafka: KafkaSettings, topics: Topics, packing: Packing) -> Committer:
    """Return the committer of the configured guarantee."""
    producer = producer_factory(kafka, client_id=kafka.profile_group)
    changelog_topics = {PROFILES: topics.profile_changelog, EMPLOYEES: topics.employee_changelog}
    if is_transactional(kafka):
        return ExactlyOnce(
            producer,
            application_id=kafka.profile_group,
            group_id=kafka.profile_group,
            changelog_topics=changelog_topics,
            packing=packing,
        )
    return AtLeastOnce(producer, changelog_topics=changelog_topics, packing=packing)


def _nothing() -> None:
    """Under exactly-once the offsets are committed with the transaction, not by Faust."""
