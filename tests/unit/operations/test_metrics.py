"""Metrics: names that Prometheus accepts, the conservation law, and a port of their own."""

import os
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from ckm_stream.errors import ConfigurationError, Reason
from ckm_stream.operations.embedded import is_port_free
from ckm_stream.operations.metrics import SnapshotMetrics, WorkerMetrics, new_registry

TOPIC = "ckm.touchpoint.call.v1"


@dataclass
class Batch:
    """A written batch of the given sizes."""

    profiles: list[int] = field(default_factory=list)
    scores: list[int] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    employees: list[int] = field(default_factory=list)


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
    metrics.observe(Batch(profiles=[1, 2], scores=[1]), seconds=0.02)
    return metrics


def check_by_promtool(exposition: bytes) -> str:
    """Return what ``promtool check metrics`` has to say; nothing is good."""
    promtool = shutil.which("promtool")
    if promtool is None:
        if os.environ.get("CI"):
            pytest.fail("promtool is missing in CI: `apt-get install prometheus`")
        pytest.skip("promtool is not installed")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=exposition, capture_output=True, check=False
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


def test_metrics_are_served_on_a_port_of_their_own() -> None:
    """A scrape gets the worker's metrics and the process's resources, and close frees the port."""
    registry = new_registry()
    server = busy_worker(registry).serve("127.0.0.1", 0)

    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as response:
        text = response.read().decode()
    server.close()

    assert 'ckm_events_consumed_total{topic="ckm.touchpoint.call.v1"} 10.0' in text
    assert "process_resident_memory_bytes" in text
    assert "_created" not in text
    assert is_port_free(server.port)


def test_taken_port_is_refused_in_one_sentence() -> None:
    """A second worker on the same port learns which port it is and what to set."""
    first = WorkerMetrics(CollectorRegistry()).serve("127.0.0.1", 0)

    with pytest.raises(ConfigurationError) as caught:
        WorkerMetrics(CollectorRegistry()).serve("127.0.0.1", first.port)
    first.close()

    assert str(first.port) in str(caught.value)
    assert "CKM__METRICS__PROFILE_PORT" in str(caught.value)
    assert "\n" not in str(caught.value)
