"""
Every metric of the programs, each name once; `ops_server.py` serves them.

Names follow Prometheus: base units, ``_total`` for counters, labels from small closed sets and
never a customer. The conservation law is exported as a gauge that must be 0: what was consumed is
applied, deduplicated or dead-lettered (promise P6).
"""

from collections.abc import Mapping, Sized
from importlib.metadata import version
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from ckm_stream.operations.scraping import Conservation

_PARTITION = ("group", "topic", "partition")
# A unit of work takes 0.1 s by default (transaction), a slice alone a few milliseconds.
_PROCESSING_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# From a live event to a backlog of a day.
_LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86400)
_REBALANCE_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
# A profile is to be read within 10 ms; a batch waits for the brokers.
_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_RECOVERY_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)


class ProgramMetrics:
    """What all programs export about themselves."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # The companion series with creation times would double the counters for nobody.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's omission
        self.build_info = Gauge(
            "ckm_build_info",
            "Always 1; the labels say which version runs.",
            ("version",),
            registry=registry,
        )
        self.build_info.labels(version("ckm-stream")).set(1)


class ConsumerMetrics(ProgramMetrics):
    """What all workers, which share partitions with others, export about themselves."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.consumer_lag_events = Gauge(
            "ckm_consumer_lag_events",
            "Records of a partition that are not processed and committed yet.",
            _PARTITION,
            registry=registry,
        )
        self.consumer_lag_seconds = Gauge(
            "ckm_consumer_lag_seconds",
            "Age of the newest committed record of a partition that has a backlog, else 0.",
            _PARTITION,
            registry=registry,
        )
        self.assigned_partitions = Gauge(
            "ckm_assigned_partitions",
            "Source partitions that this process owns.",
            registry=registry,
        )
        self.rebalances = Counter(
            "ckm_rebalances", "Assignments that this process received.", registry=registry
        )
        self.fenced = Counter(
            "ckm_fenced",
            "Times that another owner of a partition ended this program, noted in its data folder.",
            registry=registry,
        )

    def forget_lag(self) -> None:
        """Export no lag of any partition, until it is set again: their owner may be another."""
        self.consumer_lag_events.clear()
        self.consumer_lag_seconds.clear()


class WorkerMetrics(ConsumerMetrics):
    """Metrics of a profile worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._declare_flow(registry)
        self._declare_timing(registry)
        self._declare_resources(registry)
        self._declare_recovery(registry)
        verdicts = (self.events_applied, self.events_deduplicated, self.events_dead_lettered)
        registry.register(Conservation(self.events_consumed, verdicts))

    def _declare_flow(self, registry: CollectorRegistry) -> None:
        self.events_consumed = Counter(
            "ckm_events_consumed",
            "Records read from a source topic whose verdict is committed.",
            ("topic",),
            registry=registry,
        )
        self.events_applied = Counter(
            "ckm_events_applied",
            "Events folded into a profile.",
            ("topic", "event_type"),
            registry=registry,
        )
        self.events_deduplicated = Counter(
            "ckm_events_deduplicated",
            "Events skipped because they had been applied before.",
            ("topic",),
            registry=registry,
        )
        self.events_dead_lettered = Counter(
            "ckm_events_dead_lettered",
            "Records rejected and sent to the dead letters.",
            ("topic", "reason"),
            registry=registry,
        )
        self.score_updates = Counter("ckm_score_updates", "Score updates sent.", registry=registry)

    def _declare_timing(self, registry: CollectorRegistry) -> None:
        self.event_processing_duration = Histogram(
            "ckm_event_processing_duration_seconds",
            "Time from receiving a partition slice to the commit of its unit of work.",
            ("topic",),
            buckets=_PROCESSING_BUCKETS,
            registry=registry,
        )
        self.event_end_to_end_latency = Histogram(
            "ckm_event_end_to_end_latency_seconds",
            "Time from the newest record of a partition slice, by its timestamp, to its commit.",
            ("topic",),
            buckets=_LATENCY_BUCKETS,
            registry=registry,
        )
        self.last_commit_timestamp = Gauge(
            "ckm_last_commit_timestamp_seconds",
            "Unix time of the last commit of this process.",
            registry=registry,
        )
        self.rebalance_duration = Histogram(
            "ckm_rebalance_duration_seconds",
            "Time from losing the partitions to working on the new ones.",
            buckets=_REBALANCE_BUCKETS,
            registry=registry,
        )

    def _declare_resources(self, registry: CollectorRegistry) -> None:
        self.paused_partitions = Gauge(
            "ckm_paused_partitions",
            "Partitions that are not fetched for now because work is queued up.",
            registry=registry,
        )
        self.buffered_events = Gauge(
            "ckm_buffered_events",
            "Records fetched and not committed yet.",
            registry=registry,
        )
        self.epoch_newest = Gauge(
            "ckm_epoch_newest",
            "Number of the known epoch that is in force last; 0 before any was announced.",
            registry=registry,
        )
        self.table_customers = Gauge(
            "ckm_table_customers",
            "Customers whose profile this process holds.",
            registry=registry,
        )

    def _declare_recovery(self, registry: CollectorRegistry) -> None:
        self.recovery_records = Counter(
            "ckm_recovery_records",
            "Changelog records read to rebuild the tables of assigned partitions.",
            registry=registry,
        )
        self.recovery_remaining = Gauge(
            "ckm_recovery_remaining_records",
            "Changelog records still to be read before this process is ready.",
            registry=registry,
        )
        self.recovery_duration = Histogram(
            "ckm_recovery_duration_seconds",
            "Time taken to rebuild the tables after an assignment.",
            buckets=_RECOVERY_BUCKETS,
            registry=registry,
        )


class WrittenBatch(Protocol):
    """What the snapshot writer has committed, as far as it is counted."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Records of each kind: profiles, scores, items and employees."""


class SnapshotMetrics(ConsumerMetrics):
    """Metrics of a snapshot worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.db_transaction_duration = Histogram(
            "ckm_db_transaction_duration_seconds",
            "Duration of a transaction in the store.",
            ("operation",),
            buckets=_PROCESSING_BUCKETS,
            registry=registry,
        )
        self.snapshot_rows = Counter(
            "ckm_snapshot_rows",
            "Rows handed to a table of the store and committed.",
            ("table",),
            registry=registry,
        )
        self.snapshot_timestamp = Gauge(
            "ckm_snapshot_timestamp_seconds",
            "Unix time of the last snapshot that was committed.",
            registry=registry,
        )

    def observe(self, batch: WrittenBatch, *, seconds: float) -> None:
        """Count one committed batch that took *seconds* in the store."""
        self.db_transaction_duration.labels("snapshot").observe(seconds)
        for table, count in batch.counts.items():
            self.snapshot_rows.labels(table).inc(count)
        self.snapshot_timestamp.set_to_current_time()


class ReadTexts(Protocol):
    """What the metrics need of texts that were read and whose findings are durable."""

    @property
    def texts(self) -> int:
        """Items with words of the customer's."""

    @property
    def records(self) -> Sized:
        """What was sent: of those that say something."""


class TextMetrics(ConsumerMetrics):
    """Metrics of a text worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.texts_read = Counter(
            "ckm_texts_read", "Texts of customers that were read.", registry=registry
        )
        self.texts_sent = Counter(
            "ckm_texts_sent",
            "Texts that had a sentiment or a topic, sent to the profile workers.",
            registry=registry,
        )
        self.items_rejected = Counter(
            "ckm_items_rejected",
            "Records of the knowledge items' topic that are none, left where they are.",
            ("reason",),
            registry=registry,
        )
        self.text_reading_seconds = Counter(
            "ckm_text_reading_seconds",
            "Seconds spent on decoding items, reading their texts and encoding what they say.",
            registry=registry,
        )

    def observe(self, found: ReadTexts, *, seconds: float) -> None:
        """Count one slice that took *seconds* to read."""
        self.texts_read.inc(found.texts)
        self.texts_sent.inc(len(found.records))
        self.text_reading_seconds.inc(seconds)


class GatewayMetrics(ProgramMetrics):
    """Metrics of a gateway; ``route`` is a pattern, never a path, which may name a customer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.http_requests = Counter(
            "ckm_http_requests",
            "Requests answered.",
            ("route", "method", "status"),
            registry=registry,
        )
        self.http_request_duration = Histogram(
            "ckm_http_request_duration_seconds",
            "Time from a request's headers to the end of its answer; streams are left out.",
            ("route", "method"),
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self.http_requests_in_progress = Gauge(
            "ckm_http_requests_in_progress",
            "Requests that are being answered, streams included.",
            registry=registry,
        )
        self.http_events = Counter(
            "ckm_http_events",
            "Events sent for publishing, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self.http_rate_limited = Counter(
            "ckm_http_rate_limited",
            "Requests refused because their token makes too many.",
            registry=registry,
        )
        self.http_streams = Gauge(
            "ckm_http_streams", "Streams of score updates that are open.", registry=registry
        )
        self.customers = Gauge(
            "ckm_customers",
            "Customers with a score in the store, by class; the same at every gateway.",
            ("source_class",),
            registry=registry,
        )
        for outcome in ("accepted", "refused", "unacknowledged"):
            self.http_events.labels(outcome)


def new_registry() -> CollectorRegistry:
    """Return a registry that exports this process's CPU, memory and files, and nothing else yet."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry
