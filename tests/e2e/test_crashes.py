"""
kill -9 and zombies: nothing is lost, nothing counts twice (promises P1, P4, P5).

Each test has a control in test_controls.py that goes red with one mechanism off.
"""

import pytest

from ckm_stream.errors import FencedError
from ckm_stream.settings import Guarantee
from tests.e2e.conftest import TRANSPORTS, Install, Simulated
from tests.support.broker import Broker, BrokerKind
from tests.support.dying import SESSION, die_at, outlive
from tests.support.load import Load, kill_under_load

pytestmark = pytest.mark.timeout(280)
_CUSTOMERS = 2_000
_PROGRESS = 200
#: Events, and kills of each worker: all on real Kafka, under each guarantee; on the embedded broker
#: so many that `make test` stays short.
_LOADS = {BrokerKind.KAFKA: (50_000, 5), BrokerKind.EMBEDDED: (6_000, 1)}


def test_killing_both_workers_again_and_again_loses_and_doubles_nothing(
    broker: Broker, install: Install, simulated: Simulated, guarantee: Guarantee
) -> None:
    """SIGKILL under load: state, updates and store equal the oracle's."""
    count, kills = _LOADS[broker.kind]
    events = simulated(_CUSTOMERS, count)
    service = install(guarantee, extra=SESSION)

    service.start()
    with Load(service, events) as load:
        kill_under_load(load, [service.worker, service.snapshots], kills=kills, progress=_PROGRESS)
        load.publish(load.left)
    service.wait_until_stored(service.expected(events), timeout_s=120)
    service.wait_until_quiet()

    assert service.problems() == []
    assert (service.worker.kills, service.snapshots.kills) == (kills, kills)


#: Where a worker dies: each guarantee writes in its own order, and commits last.
_POINTS = {
    Guarantee.AT_LEAST_ONCE: ["before_changelog", "after_changelog", "after_commit"],
    Guarantee.EXACTLY_ONCE: ["after_outputs", "after_changelog", "after_commit"],
}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_worker_may_die_between_any_two_steps(
    install: Install, simulated: Simulated, guarantee: Guarantee, transport: str
) -> None:
    """What was written before the step is durable, what comes after it is not there."""
    events = simulated(200, 4000)
    service = install(guarantee, transport=transport, extra=SESSION)

    die_at(_POINTS[guarantee], service, events)
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert service.problems() == []


@pytest.mark.kafka
def test_a_zombie_s_writes_change_nothing(install: Install, simulated: Simulated) -> None:
    """A worker stopped in mid-unit, replaced and continued is fenced: exit code 4, no effect."""
    events = simulated(200, 3000)
    service = install(Guarantee.EXACTLY_ONCE, extra=SESSION)
    zombie = service.new_faulty("worker", "before_changelog:stops:2")

    outlive(zombie, service.worker, service, events)
    code = zombie.wait(timeout_s=60)
    service.wait_until_quiet()

    assert (code, service.problems()) == (FencedError.exit_code, [])
    assert "FencedError" in zombie.log()


def test_a_zombie_s_snapshot_changes_nothing(install: Install, simulated: Simulated) -> None:
    """A snapshot worker stopped before a write finds its positions moved: exit code 4."""
    events = simulated(200, 3000)
    service = install(extra=SESSION)
    zombie = service.new_faulty("snapshots", "before_write:stops:2")

    outlive(zombie, service.snapshots, service, events)
    code = zombie.wait(timeout_s=60)
    service.wait_until_quiet()

    assert (code, service.problems()) == (FencedError.exit_code, [])
    assert "FencedError" in zombie.log()
