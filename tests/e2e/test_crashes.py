"""
kill -9 and zombies: nothing is lost, nothing counts twice (promises P1, P4, P5).

Each test has a control in test_controls.py that goes red with one mechanism off.
"""

import pytest

from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.errors import FencedError
from ckm_stream.settings import Guarantee
from tests.e2e.conftest import TRANSPORTS, Install, Simulated
from tests.support.broker import Broker, BrokerKind
from tests.support.dying import SESSION, die_at, outlive
from tests.support.installation import Installation
from tests.support.load import Load, kill_under_load
from tests.support.services import Service, wait_until

pytestmark = pytest.mark.timeout(280)
_CUSTOMERS = 2_000
_PROGRESS = 200
_PATIENCE_S = 60.0
#: Events, and kills of each worker: all on real Kafka, under each guarantee; on the embedded broker
#: so many that `make test` stays short.
_LOADS = {BrokerKind.KAFKA: (50_000, 5), BrokerKind.EMBEDDED: (6_000, 1)}


@pytest.mark.timeout(600)  # two minutes on an idle machine
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
    service.wait_until_stored(service.expected(events), timeout_s=300)
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
    code = zombie.wait(timeout_s=_PATIENCE_S)
    service.wait_until_quiet()

    assert (code, service.problems()) == (FencedError.exit_code, [])
    assert "FencedError" in zombie.log()


def stop_in_mid_stream(
    zombie: Service, service: Installation, events: list[TouchpointEvent]
) -> None:
    """
    Let a snapshot worker store some of *events* and then stop itself, before others of them.

    What is published after something was stored cannot be in its first write: there is a second.
    """
    third = len(events) // 3
    service.worker.start()
    zombie.start()
    service.publish(events[:third])
    wait_until(
        lambda: zombie.is_stopped or service.stored().profile_events > 0,
        timeout_s=_PATIENCE_S,
        what=lambda: f"a first write; {zombie.log()[-3000:]}",
    )
    service.publish(events[third : 2 * third])
    wait_until(
        lambda: zombie.is_stopped,
        timeout_s=_PATIENCE_S,
        what=lambda: f"the zombie to stop itself; {zombie.log()[-3000:]}",
    )
    service.publish(events[2 * third :])  # what it would write is not all that there is to come


def test_a_zombie_s_snapshot_changes_nothing(install: Install, simulated: Simulated) -> None:
    """A snapshot worker stopped before a write finds its positions moved: exit code 4."""
    events = simulated(200, 3000)
    service = install(extra=SESSION)
    zombie = service.new_faulty("snapshots", "before_write:stops:2")

    stop_in_mid_stream(zombie, service, events)
    service.snapshots.start()
    service.wait_until_stored(service.expected(events))
    zombie.resume()
    code = zombie.wait(timeout_s=_PATIENCE_S)
    service.wait_until_quiet()

    assert (code, service.problems()) == (FencedError.exit_code, [])
    assert "FencedError" in zombie.log()


@pytest.mark.kafka
def test_a_zombie_in_mid_transaction_neither_locks_its_successor_out_nor_changes_anything(
    install: Install, simulated: Simulated
) -> None:
    """PostgreSQL ends the session of the one that stopped, and with it its locks and its rows."""
    events = simulated(200, 4000)
    service = install(store="postgresql", extra=SESSION)
    zombie = service.new_faulty("snapshots", "inside_write:stops:2")

    stop_in_mid_stream(zombie, service, events[:3000])
    service.snapshots.start()
    service.wait_until_stored(service.expected(events[:3000]))
    zombie.resume()
    wait_until(
        lambda: "store.retry" in zombie.log(),
        timeout_s=_PATIENCE_S,
        what=lambda: f"a zombie that has lost its session; {zombie.log()[-3000:]}",
    )
    wait_until(
        lambda: zombie.is_ready or not zombie.is_running,
        timeout_s=_PATIENCE_S,
        what=lambda: f"a member of the group, or an end; {zombie.log()[-3000:]}",
    )
    service.publish(events[3000:])
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    # Most often its group tells it first that it is out: it gives the batch up and joins anew.
    # The store, if it is asked first, fences it.
    assert zombie.stop() in {0, FencedError.exit_code}
    assert service.problems() == []


@pytest.mark.kafka
def test_control_a_zombie_that_no_server_bounds_locks_its_successor_out(
    install: Install, simulated: Simulated
) -> None:
    """Without the 15 s its locks stay as long as it does: the successor waits 20 s in vain."""
    events = simulated(200, 3000)
    service = install(store="postgresql", extra=SESSION)
    zombie = service.new_faulty("snapshots", "inside_unbounded_write:stops:2")

    stop_in_mid_stream(zombie, service, events)
    service.snapshots.start()
    wait_until(
        lambda: "canceling statement due to lock timeout" in service.snapshots.log(),
        timeout_s=_PATIENCE_S,
        what=lambda: f"a successor that waits in vain; {service.logs()}",
    )

    assert service.stored() != service.expected(events)
    zombie.kill()
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()
    assert service.problems() == []
