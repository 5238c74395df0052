"""
Controls: with one mechanism off, the same checks go red.

Each takes one mechanism out of a program (tests/support/faulty.py) and lets it die, stop or go on
as a test elsewhere does with the mechanism in place: test_crashes.py and test_rebuild.py.
"""

import pytest

from ckm_stream.settings import Guarantee
from ckm_stream.snapshots.rebuild import rebuild
from tests.e2e.conftest import Install, Simulated
from tests.support.dying import SESSION, die_at, outlive
from tests.support.services import wait_until

pytestmark = pytest.mark.timeout(240)
# One seen id per customer: else the list would drop, most of the time, what step 2 lets through.
_ONE_SEEN_ID = {**SESSION, "CKM__SCORING__SEEN_CAPACITY": "1"}


def test_applied_offsets_alone_make_a_redelivered_event_count_once(
    install: Install, simulated: Simulated
) -> None:
    """The run of the control below, with the mechanism: no event counts twice."""
    events = simulated(100, 1500)
    service = install(Guarantee.AT_LEAST_ONCE, extra=_ONE_SEEN_ID)

    die_at(["after_commit"], service, events)
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert service.problems() == []


def test_control_without_applied_offsets_redelivered_events_count_twice(
    install: Install, simulated: Simulated
) -> None:
    """Step 2 off: what the dead worker had made durable is applied again by its successor."""
    events = simulated(100, 1500)
    service = install(Guarantee.AT_LEAST_ONCE, extra=_ONE_SEEN_ID)
    service.worker = service.new_faulty("worker", "without_applied_offsets")
    once = service.expected(events).profile_events

    die_at(["after_commit"], service, events)
    wait_until(
        lambda: service.stored().profile_events > once,
        timeout_s=60,
        what=lambda: f"events that count twice; {service.logs()}",
    )
    service.wait_until_consumed()
    service.wait_until_quiet()

    assert any("facts or seen ids differ" in problem for problem in service.problems())


def test_control_without_order_the_events_of_a_killed_unit_are_lost(
    install: Install, simulated: Simulated
) -> None:
    """Step 7 first: the offsets are committed, the worker dies, nobody reads the records again."""
    events = simulated(100, 1500)
    service = install(Guarantee.AT_LEAST_ONCE, extra=SESSION)

    die_at(["before_changelog"], service, events, without=["without_order"])
    service.wait_until_consumed()
    service.wait_until_quiet()

    assert service.stored().profile_events < service.expected(events).profile_events
    assert any("events applied" in problem for problem in service.problems())


@pytest.mark.kafka
def test_control_without_transactions_a_killed_unit_s_outputs_appear_twice(
    install: Install, simulated: Simulated
) -> None:
    """Steps 4 to 7 as single writes: what the dead worker had sent stays there, and comes again."""
    events = simulated(100, 1500)
    service = install(Guarantee.EXACTLY_ONCE, extra=SESSION)
    service.worker = service.new_faulty("worker", "without_transactions")

    die_at(["after_updates"], service, events, without=["without_transactions"])
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    # Again as it was, or of another state if its successor's units end elsewhere.
    seen = ("updates repeat", "tells of no state in the changelog")
    assert any(each in problem for problem in service.problems() for each in seen)


@pytest.mark.kafka
def test_control_without_transactions_a_zombie_overwrites_its_successor_s_states(
    install: Install, simulated: Simulated
) -> None:
    """Nobody fences it: the states that it held when it stopped become the newest ones."""
    events = simulated(100, 1500)
    service = install(Guarantee.EXACTLY_ONCE, extra=SESSION)
    zombie = service.new_faulty("worker", "before_changelog:stops:2", "without_transactions")
    service.worker = service.new_faulty("worker", "without_transactions")
    whole = service.expected(events)

    outlive(zombie, service.worker, service, events)
    wait_until(
        lambda: service.stored().profile_events < whole.profile_events,
        timeout_s=60,
        what=lambda: f"states that go back; {zombie.log()[-2000:]} {service.logs()}",
    )

    # Whether it stays so is chance: a commit of its old offsets has the events read once more.
    assert service.problems() != []


def test_control_without_its_fence_a_snapshot_worker_goes_on_after_a_rebuild(
    install: Install, simulated: Simulated
) -> None:
    """Positions set, not compared: what it had written before the rebuild stays missing."""
    events = simulated(100, 1500)
    service = install(extra=SESSION)
    service.snapshots = service.new_faulty("snapshots", "without_fence")

    service.start()
    service.publish(events[:750])
    service.wait_until_stored(service.expected(events[:750]))
    rebuild(service.engine)
    service.publish(events[750:])
    service.wait_until_consumed()
    service.wait_until_quiet()

    assert any("store: profiles differ" in problem for problem in service.problems())
