"""Metrics: names that Prometheus accepts, and the conservation law."""

import subprocess
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest

from ckm_stream.errors import Reason
from ckm_stream.operations.health import Verdict
from ckm_stream.operations.metrics import SnapshotMetrics, WorkerMetrics
from ckm_stream.operations.scraping import Readiness
from ckm_stream.operations.vitals import Check
from tests.support.tools import tool

TOPIC = "ckm.touchpoint.call.v1"


@dataclass(frozen=True)
class Batch:
    """A written batch of the given sizes."""

    counts: dict[str, int]


def busy_worker(registry: CollectorRegistry) -> WorkerMetrics:
    """Return the metrics of a worker that has seen one of everything."""
    metrics = WorkerMetrics(registry)
    metrics.events_consumed.labels(TOPIC).inc(10)
    metrics.events_applied.labels(TOPIC, "call").inc(7)
    metrics.events_deduplicated.labels(TOPIC).inc(2)
    metrics.events_dead_lettered.labels(TOPIC, Reason.NOT_FINITE.value).inc(1)
    metrics.event_processing_duration.labels(TOPIC).observe(0.01)
    metrics.event_end_to_end_latency.labels(TOPIC).observe(0.5)
    for gauge in (metrics.consumer_lag_events, metrics.consumer_lag_seconds):
        gauge.labels("ckm-profiles", TOPIC, "3").set(4)
    return metrics


def busy_snapshots(registry: CollectorRegistry) -> SnapshotMetrics:
    """Return the metrics of a snapshot worker that has written one batch."""
    metrics = SnapshotMetrics(registry)
    metrics.observe(Batch({"profiles": 2, "scores": 1, "items": 0, "employees": 0}), seconds=0.02)
    return metrics


def check_by_promtool(exposition: bytes) -> str:
    """Return what ``promtool check metrics`` has to say; nothing is good."""
    checked = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=exposition, capture_output=True, check=False
    )
    return (checked.stdout + checked.stderr).decode()


def test_promtool_accepts_the_profile_workers_metrics() -> None:
    """No unit, suffix or help text of the profile worker's metrics is against the conventions."""
    registry = CollectorRegistry()
    busy_worker(registry)

    assert check_by_promtool(generate_latest(registry)) == ""


def test_promtool_accepts_the_snapshot_workers_metrics() -> None:
    """No unit, suffix or help text of the snapshot worker's metrics is against the conventions."""
    registry = CollectorRegistry()
    busy_snapshots(registry)

    assert check_by_promtool(generate_latest(registry)) == ""


def test_promtool_would_notice_a_bad_name() -> None:
    """The two tests above can go red: a counter without its suffix is complained about."""
    name = "ckm_wait_milliseconds"
    bad = f"# HELP {name} x\n# TYPE {name} counter\n{name} 1\n".encode()

    assert "milliseconds" in check_by_promtool(bad)


def test_conservation_holds_when_every_record_has_a_verdict() -> None:
    """Applied, deduplicated and dead-lettered records add up to the consumed ones."""
    registry = CollectorRegistry()
    busy_worker(registry)

    assert registry.get_sample_value("ckm_events_unaccounted", {"topic": TOPIC}) == 0


def test_conservation_shows_a_record_without_a_verdict() -> None:
    """A record that was consumed and then forgotten shows per topic."""
    registry = CollectorRegistry()
    metrics = busy_worker(registry)

    metrics.events_consumed.labels(TOPIC).inc()

    assert registry.get_sample_value("ckm_events_unaccounted", {"topic": TOPIC}) == 1


def test_readiness_is_exported_check_by_check() -> None:
    """What /readyz says at the time of the scrape."""
    registry = CollectorRegistry()
    checks = [Check("broker", ok=True, detail=""), Check("store", ok=True, detail="")]
    registry.register(Readiness(lambda: Verdict(tuple(checks))))

    checks[1] = Check("store", ok=False, detail="no answer for 14 s")

    assert registry.get_sample_value("ckm_ready", {"check": "broker"}) == 1
    assert registry.get_sample_value("ckm_ready", {"check": "store"}) == 0
    assert check_by_promtool(generate_latest(registry)) == ""


def test_written_batch_is_counted_by_table() -> None:
    """Rows are counted per table and the batch's duration once."""
    registry = CollectorRegistry()

    busy_snapshots(registry)

    rows = [
        registry.get_sample_value("ckm_snapshot_rows_total", {"table": table})
        for table in ("profiles", "scores", "items", "employees")
    ]
    assert rows == [2, 1, 0, 0]
    count = "ckm_db_transaction_duration_seconds_count"
    assert registry.get_sample_value(count, {"operation": "snapshot"}) == 1
