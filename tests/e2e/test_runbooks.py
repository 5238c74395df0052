"""
Every runbook, followed: the fault is made, the alert fires, what it says is done, the alert ends.

A real Prometheus scrapes the programs and evaluates the rules of deploy/prometheus, made fast. The
runbooks (docs/runbooks) have the figures that were seen here.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Final

import pytest

from ckm_stream.errors import FencedError, TransientError
from ckm_stream.snapshots.store import for_writing
from tests.e2e.conftest import Install, Simulated
from tests.e2e.test_health import black_hole, broker_pid, is_at_work  # noqa: F401 -- a fixture
from tests.support.commands import run_command
from tests.support.installation import Installation
from tests.support.producing import RawRecord, produce_raw
from tests.support.prometheus import Prometheus
from tests.support.services import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]  # `make test` has to stay short
_SILENCE: Final = {"CKM__HEALTH__SILENCE_S": "2"}
#: A transaction that is open when the broker falls silent lasts until the alerts have been seen.
_LASTING: Final = {"CKM__KAFKA__TRANSACTION_TIMEOUT_S": "240"}
_PATIENCE_S: Final = 90.0
_WORKER, _SNAPSHOTS = "ckm-worker", "ckm-snapshots"
_BAD: Final = 20
_RUNBOOKS: Final = Path(__file__).parents[2] / "docs" / "runbooks"
#: What runs on, and is running already.
_PROGRAMS: Final = {"ckm worker", "ckm snapshots"}
#: A dead letter's place on the pages.
_EXAMPLE: Final = "3:17"


@contextmanager
def locked(service: Installation) -> Iterator[None]:
    """Hold the store's lock for writing, as a forgotten transaction does."""
    with for_writing(service.engine).connect() as connection, connection.begin():
        connection.exec_driver_sql("SELECT 1")
        yield


def test_a_broker_that_is_away_stalls_and_the_worker_goes_on_by_itself(
    install: Install,
    simulated: Simulated,
    broker_pid: int,  # noqa: F811 -- the fixture
    tmp_path: Path,
) -> None:
    """CkmStreamStalled, CkmStreamLagGrowing, CkmStreamNotReady: bring the broker back."""
    events = simulated(300, 4000)
    service = install(extra={**_SILENCE, **_LASTING})
    service.worker = service.new_service(
        "worker", entry=[sys.executable, "-m", "tests.support.faulty", "worker", "held_commits"]
    )
    commits = service.folder / "held_commits"
    total = sum(astuple(service.expected(events)))

    with Prometheus(tmp_path, {_WORKER: [service.worker]}) as prometheus:
        service.worker.start()
        service.worker.wait_until_ready(timeout_s=_PATIENCE_S)
        service.publish(events[:2000])
        service.wait_until_consumed()
        commits.touch()
        service.publish(events[2000:])
        wait_until(
            lambda: is_at_work(service.worker),
            timeout_s=_PATIENCE_S,
            what=lambda: f"work under way; {service.logs()}",
        )
        with black_hole(broker_pid):
            commits.unlink()
            prometheus.wait_until_fires(
                ("CkmStreamStalled", _WORKER),
                ("CkmStreamNotReady", "broker"),
                ("CkmStreamLagGrowing", service.topics.call),
            )
            assert 0 < service.metrics()["ckm_events_consumed_total"] < total
            health = service.run("health")
            check = service.run("check", "--as", "worker")
        prometheus.wait_until_silent("CkmStreamStalled", "CkmStreamNotReady", "CkmStreamLagGrowing")
        service.wait_until_consumed()

    print(health.stderr, check.stdout)
    assert (health.returncode, check.returncode) == (1, TransientError.exit_code)
    assert "broker: failing, no answer for" in health.stderr
    assert "unreachable  broker: " in check.stdout
    assert service.metrics()["ckm_events_unaccounted"] == 0


def test_a_locked_store_bad_records_and_a_rebuild_are_each_told_and_each_ended(
    install: Install, simulated: Simulated, tmp_path: Path
) -> None:
    """CkmStreamSnapshotStale, CkmStreamNotReady, CkmStreamDeadLetterRatio, CkmStreamFenced."""
    events = simulated(100, 900)
    service = install(store="sqlite", extra=_SILENCE)
    snapshots = service.snapshots
    bad = [RawRecord(service.topics.call, b"c-1", b"not framed") for _ in range(_BAD)]
    programs = {_WORKER: [service.worker], _SNAPSHOTS: [snapshots]}

    with Prometheus(tmp_path, programs) as prometheus:
        service.start()
        service.publish(events[:300])
        service.wait_until_stored(service.expected(events[:300]))
        prometheus.wait_until_known("ckm_events_dead_lettered_total")
        with locked(service):
            service.publish(events[300:600])
            produce_raw(service.settings.kafka.bootstrap_servers, bad)
            prometheus.wait_until_fires(("CkmStreamDeadLetterRatio", service.topics.call))
            prometheus.wait_until_fires(
                ("CkmStreamSnapshotStale", _SNAPSHOTS), ("CkmStreamNotReady", "store")
            )
            health = service.run("health", "snapshots")
            summary = service.run("deadletters", "list", "--summary")
            replay = service.run("deadletters", "replay", "--policy", "skip", "--dry-run")
        prometheus.wait_until_silent("CkmStreamSnapshotStale", "CkmStreamNotReady")
        service.wait_until_stored(service.expected(events[:600]))

        rebuilt = service.run("rebuild", "--yes")
        assert rebuilt.returncode == 0, rebuilt.stderr
        service.publish(events[600:])
        wait_until(
            lambda: not snapshots.is_running,
            timeout_s=_PATIENCE_S,
            what=lambda: f"the fence; {snapshots.probe('/readyz')}; {service.logs()}",
        )
        assert snapshots.stop() == FencedError.exit_code, snapshots.log()[-3000:]
        snapshots.start()
        prometheus.wait_until_fires(("CkmStreamFenced", _SNAPSHOTS))
        service.wait_until_stored(service.expected(events))
        prometheus.wait_until_silent("CkmStreamDeadLetterRatio", "CkmStreamFenced")

    print(health.stderr, summary.stdout, replay.stdout, snapshots.log()[-3000:])
    assert health.returncode == 1
    assert "store: failing, no answer for" in health.stderr
    assert f"{_BAD}" in summary.stdout
    assert "not_framed" in summary.stdout
    assert replay.returncode == 0, replay.stderr
    assert service.problems() == []


@pytest.mark.timeout(420)  # it waits for the end of the longest window
def test_a_worker_that_miscounts_and_one_that_dies_again_and_again_are_told(
    install: Install, simulated: Simulated, tmp_path: Path
) -> None:
    """CkmStreamConservationBroken, TargetDown, Restarting, RebalanceStorm: replace it, look why."""
    events = simulated(200, 600)
    service = install()
    wrong = service.new_service(
        "worker", entry=[sys.executable, "-m", "tests.support.faulty", "worker", "without_counts"]
    )
    good, other = service.worker, service.new_service("worker", own_port=True)

    with Prometheus(tmp_path, {_WORKER: [good, other]}) as prometheus:
        wrong.start()
        wrong.wait_until_ready(timeout_s=_PATIENCE_S)
        service.publish(events)
        prometheus.wait_until_fires(("CkmStreamConservationBroken", service.topics.call))
        other.start()
        other.wait_until_ready(timeout_s=_PATIENCE_S)
        wrong.kill()
        prometheus.wait_until_fires(("CkmStreamTargetDown", _WORKER))
        good.start()
        good.wait_until_ready(timeout_s=_PATIENCE_S)
        prometheus.wait_until_silent("CkmStreamTargetDown", "CkmStreamConservationBroken")
        good.kill()
        good.start()
        prometheus.wait_until_fires(("CkmStreamRestarting", _WORKER))
        prometheus.wait_until_fires(("CkmStreamRebalanceStorm", _WORKER))
        good.wait_until_ready(timeout_s=_PATIENCE_S)
        health, check = service.run("health", "--live"), service.run("check", "--as", "worker")
        prometheus.wait_until_silent("CkmStreamRestarting", "CkmStreamRebalanceStorm")

    print(health.stdout, check.stdout)
    assert (health.returncode, check.returncode) == (0, os.EX_OK), check.stdout
    assert "worker's port: a program of ours is running on" in check.stdout


def commands() -> list[str]:
    """Return each command line of the runbooks once; a rebuild at the end."""
    pages = (page.read_text() for page in sorted(_RUNBOOKS.glob("*.md")))
    blocks = (block for page in pages for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    lines = {line.strip() for block in blocks for line in block.splitlines() if line.strip()}
    return sorted(lines - _PROGRAMS, key=lambda line: ("rebuild" in line, line))


def test_whatever_a_runbook_says_to_type_can_be_typed(
    install: Install, simulated: Simulated
) -> None:
    """Each line of each block, in a service that is well but for a few dead letters."""
    events = simulated(20, 200)
    service = install()
    bad = [RawRecord(service.topics.call, b"c-1", b"not framed") for _ in range(_BAD)]
    service.start()
    service.publish(events)
    produce_raw(service.settings.kafka.bootstrap_servers, bad)
    service.wait_until_dead_lettered(_BAD, timeout_s=_PATIENCE_S)
    service.wait_until_stored(service.expected(events))
    (one, *_) = run_command(service, "deadletters", "list", "--json")

    for line in commands():
        program, *arguments = line.split()
        ended = service.run(*(one["place"] if a == _EXAMPLE else a for a in arguments))

        print(f"{line}: {ended.stdout}{ended.stderr}")
        assert (program, ended.returncode) == ("ckm", 0), line
