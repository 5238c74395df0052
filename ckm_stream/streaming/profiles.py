"""
The profile worker as a Faust app: two agents, two tables, one lane per partition.

One writer per customer; fenced before recovered; any error without a remedy ends the process, and
the successor replays (promises P1, P4, P5).
"""

import time
from collections.abc import Mapping
from typing import Any, cast

import structlog
from faust.types import TP, EventT, StreamT
from faust.types.transports import TransportT

from ckm_stream.codec.topics import Topics
from ckm_stream.operations.metrics import WorkerMetrics
from ckm_stream.pipeline.fold import EMPLOYEES, PROFILES
from ckm_stream.pipeline.records import Slice
from ckm_stream.settings import KafkaSettings, Settings, TransportKind
from ckm_stream.streaming.clients import (
    changelog_consumer_factory,
    faust_settings,
    is_transactional,
    producer_factory,
)
from ckm_stream.streaming.committer import AtLeastOnce, Committer, ExactlyOnce
from ckm_stream.streaming.core import new_core
from ckm_stream.streaming.ending import end_process, fatal
from ckm_stream.streaming.lag import unread
from ckm_stream.streaming.lane import Delivery, Lane, Wiring
from ckm_stream.streaming.lanes import Lanes
from ckm_stream.streaming.observer import MetricsObserver, sources_of
from ckm_stream.streaming.schema import SliceSchema, records_of
from ckm_stream.streaming.table import BulkTableManager, ChangelogTable, recover_tables
from ckm_stream.streaming.transport import StockTransport
from ckm_stream.streaming.worker import CrashOnlyApp

log = structlog.get_logger(__name__)
_LAG_INTERVAL_S = 5.0


class ProfileApp(CrashOnlyApp):
    """The Faust app of the profile worker; ``faust -A ckm_stream.streaming.app worker`` runs it."""

    def __init__(self, settings: Settings, metrics: WorkerMetrics) -> None:
        super().__init__(
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
        self._kafka = settings.kafka
        self.tables_by_name: dict[str, ChangelogTable] = {
            PROFILES: self._changelog_table(PROFILES, self.topic_names.profile_changelog),
            EMPLOYEES: self._changelog_table(EMPLOYEES, self.topic_names.employee_changelog),
        }
        self.acknowledges = not is_transactional(settings.kafka)
        committer = new_committer(settings.kafka, self.topic_names)
        core, unit = new_core(settings, self.topic_names, load=self._load)
        wiring = Wiring(
            core=core,
            unit=unit,
            committer=committer,
            tables=self.tables_by_name,
            observer=self.observer,
            unit_s=settings.kafka.unit_s,
            depth=8 if settings.kafka.transport is TransportKind.CKM else 4096,
        )
        self.lanes = Lanes(
            committer=committer,
            new_lane=lambda partition: Lane(partition, wiring),
            recover=self._recover,
            on_failure=self._on_failure,
        )

    async def takeover(self, partitions: set[int]) -> None:
        """Called by the recovery service: own, recover and open *partitions*."""
        started = time.monotonic()
        self.metrics.rebalances.inc()
        self.observer.forget()
        await self.lanes.open(partitions)
        self.metrics.rebalance_duration.observe(time.monotonic() - started)
        self.metrics.assigned_partitions.set(len(self.lanes.partitions))

    async def deliver(self, event: EventT[Any]) -> None:
        """Hand one Faust message, a slice or a stock record, to its lane."""
        message = event.message
        if message.generation_id != self.consumer_generation_id:
            return  # fetched before a rebalance; the partition's owner reads it again
        tp = (message.topic, message.partition)
        self.observer.delivered[tp] = message.offset + 1
        await self.lanes.offer(
            Delivery(
                Slice(
                    self._sources[message.topic],
                    message.topic,
                    message.partition,
                    records_of(message),
                ),
                event.ack if self.acknowledges else _nothing,
            )
        )

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
            changelog_consumer_factory(self._kafka, client_id=self._kafka.profile_group),
        )
        self.metrics.recovery_records.inc(records)
        self.metrics.recovery_duration.observe(time.monotonic() - started)

    def _on_failure(self, error: BaseException) -> None:
        end_process(error, self.metrics)


def build_profile_app(settings: Settings, metrics: WorkerMetrics) -> ProfileApp:
    """Wire the profile worker: agents, signals and timers around a ``ProfileApp``."""
    app = ProfileApp(settings, metrics)

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

    @app.timer(interval=_LAG_INTERVAL_S)  # type: ignore[untyped-decorator] # Faust's
    async def report() -> None:
        app.report()

    return app


def new_committer(kafka: KafkaSettings, topics: Topics) -> Committer:
    """Return the committer of the configured guarantee."""
    producer = producer_factory(kafka, client_id=kafka.profile_group)
    changelog_topics = {PROFILES: topics.profile_changelog, EMPLOYEES: topics.employee_changelog}
    if is_transactional(kafka):
        return ExactlyOnce(
            producer,
            application_id=kafka.profile_group,
            group_id=kafka.profile_group,
            changelog_topics=changelog_topics,
        )
    return AtLeastOnce(producer, changelog_topics=changelog_topics)


def _nothing() -> None:
    """Under exactly-once the offsets are committed with the transaction, not by Faust."""
