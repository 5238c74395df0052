"""Backpressure is bounded (promise P12): a slow broker or store costs time, and nothing else."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.error import URLError

import psutil
import pytest

from ckm_stream.domain.events import TouchpointEvent
from tests.e2e.conftest import Install
from tests.support.installation import Installation, scrape
from tests.support.services import Service, wait_until
from tests.support.touchpoints import T0_S, call

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]  # `make test` has to stay short
_BURST = 50_000
_PARTITIONS = 4
#: Records of one fetch, which is one slice, and slices that may wait in a partition's lane.
_SLICE, _DEPTH = 20, 8
_MOST_BUFFERED = _PARTITIONS * _DEPTH * _SLICE
_MB = 1 << 20
#: Kafka's ``max.poll.interval.ms`` as it comes, the longest that a rebalance may wait for anybody.
_MAX_POLL_INTERVAL_S = 300.0
#: Three sessions, as they come: who stops its heartbeats is missed within one.
_WATCHED_S = 18.0


@dataclass
class Burst:
    """What was seen of a worker while its broker was slow and 50,000 events came at once."""

    buffered: float
    grown_mb: float
    rebalances: float


def events() -> Iterator[TouchpointEvent]:
    """Make the burst: calls of a thousand customers."""
    for number in range(_BURST):
        yield call(f"call-{number}", T0_S + number, customer_id=f"c-{number % 1000}")


def under_a_burst(
    install: Install, *faults: str, watched_s: float = _WATCHED_S, enough: float = float("inf")
) -> tuple[Installation, Burst]:
    """
    Start a worker whose commits take two seconds, let the burst come, and look at it.

    For *watched_s* seconds, or until more than *enough* events are buffered.
    """
    service = install(extra={"CKM__KAFKA__MAX_POLL_RECORDS": str(_SLICE)})
    service.worker = service.new_faulty("worker", "slow_commits", "frequent_reports", *faults)
    port = service.worker.env["CKM__METRICS__PROFILE_PORT"]
    service.worker.start()
    service.worker.wait_until_ready()
    service.publish([call("first")])
    wait_until(
        lambda: scrape(port).get("ckm_events_applied_total") == 1,
        timeout_s=60,
        what=lambda: f"the first event; {service.logs()}",
    )
    assert service.worker.process is not None
    process = psutil.Process(service.worker.process.pid)
    size, rebalances = process.memory_info().rss, scrape(port)["ckm_rebalances_total"]
    service.publish(events())
    seen = Burst(0.0, 0.0, 0.0)
    deadline = time.monotonic() + watched_s
    while time.monotonic() < deadline and seen.buffered <= enough:
        found = scrape(port)
        seen.buffered = max(seen.buffered, found["ckm_buffered_events"])
        seen.grown_mb = max(seen.grown_mb, (process.memory_info().rss - size) / _MB)
        seen.rebalances = found["ckm_rebalances_total"] - rebalances
        time.sleep(0.1)
    print(seen)
    return service, seen


def partitions_of(snapshots: Service) -> float:
    """Return how many partitions a snapshot worker holds; none while it starts."""
    try:
        metrics = scrape(snapshots.env["CKM__METRICS__SNAPSHOT_PORT"])
    except URLError:
        return 0
    return metrics.get("ckm_assigned_partitions", 0)


def test_a_burst_into_a_slow_sink_waits_in_the_broker(install: Install) -> None:
    """
    No more is buffered than the settings allow, no memory goes, nobody leaves the group.

    And a store that takes eight seconds for a transaction does not keep the partitions from a
    worker that comes: they are let go well within the poll interval. In the end, all of the burst
    is applied once.
    """
    service, seen = under_a_burst(install)

    assert 0 < seen.buffered <= _MOST_BUFFERED
    assert seen.grown_mb <= 100
    assert seen.rebalances == 0

    service.snapshots = service.new_faulty("snapshots", "slow_writes")
    service.snapshots.start()
    wait_until(lambda: partitions_of(service.snapshots) > 0, timeout_s=60, what=service.logs)
    other = service.new_faulty("snapshots", "slow_writes")
    started = time.monotonic()
    other.start()
    limit_s = 0.2 * _MAX_POLL_INTERVAL_S
    wait_until(lambda: partitions_of(other) > 0, timeout_s=limit_s, what=service.logs)
    print(f"the partitions were shared {time.monotonic() - started:.1f} s after the other's start")
    service.assert_running()
    assert other.is_running

    for slow in (service.worker, service.snapshots, other):
        slow.kill()
    service.worker, service.snapshots = map(service.new_service, ("worker", "snapshots"))
    del service.worker.env["CKM__KAFKA__MAX_POLL_RECORDS"]
    service.start()
    service.wait_until_consumed()
    service.wait_until_quiet()
    assert service.problems() == []


def test_control_without_depth_the_burst_waits_in_the_worker(install: Install) -> None:
    """A lane without a limit takes in whatever the broker has."""
    far_more = 2 * _MOST_BUFFERED

    _, seen = under_a_burst(install, "without_depth", watched_s=60.0, enough=far_more)

    assert seen.buffered > far_more
