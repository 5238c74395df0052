"""P1, P2: a killed worker is replaced in seconds; one told to stop leaves nothing to be redone."""

import pytest

from ckm_stream.settings import Guarantee
from tests.chaos.conftest import Run, judged
from tests.chaos.world import Plan, World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

_MOVE_S = 10.0
_DRAIN_S = 10.0
_REDELIVERED = "ckm_events_deduplicated_total"


def test_a_killed_worker_s_partitions_move_within_seconds(run: Run, *, is_full: bool) -> None:
    """With the settings as they come; the killed worker stays away for its successors' sake."""
    rounds = 2 if is_full else 1
    plan = Plan(
        scenario="moves",
        events=20_000 * rounds,
        workers=2,
        rate_per_s=300,
        settings={"CKM__KAFKA__SESSION_TIMEOUT_S": ""},
    )

    with run(plan) as world:
        for _ in range(rounds):
            world.schedule.add("kill for good", "worker-2", events=(500, 2000))
        stalls = []
        for fault in world.schedule.faults:
            world.strike(fault, lambda: lose(world))
            stalls.append(world.watch.longest_stall_s)
            world.fleet.start("worker-2")
        world.history.measure("longest move", max(stalls), unit="s", at_most=_MOVE_S)
        world.finish()

    assert judged(plan)["findings"] == []


def lose(world: World) -> None:
    """Kill a worker that the supervisor does not start again."""
    world.watch.restart_stalls()
    world.fleet.kill("worker-2", again=False)


def test_a_worker_that_is_told_to_stop_leaves_nothing_to_be_done_again(
    run: Run, *, is_full: bool
) -> None:
    """10 SIGTERMs to each worker under load: exit code 0 in time, and no event delivered again."""
    rounds = 10 if is_full else 1
    plan = Plan(
        scenario="drains",
        guarantee=Guarantee.AT_LEAST_ONCE,  # transactions undo what would be delivered again
        events=20_000 * rounds,
        workers=1,
        rate_per_s=300,
        faults=("stretched",),  # so that units are under way when the worker is told to stop
    )

    with run(plan) as world:
        drains, redelivered = drain(world, rounds=rounds)
        world.history.measure("longest drain", max(drains), unit="s", at_most=_DRAIN_S)
        world.history.measure("events delivered again", redelivered, unit="", at_most=0)
        world.finish()

    assert judged(plan)["findings"] == []


@pytest.mark.only_full
def test_control_a_worker_that_is_killed_leaves_something_to_be_done_again(run: Run) -> None:
    """The same count after SIGKILL is not 0: it would have shown."""
    plan = Plan(
        scenario="control_drains",
        guarantee=Guarantee.AT_LEAST_ONCE,
        events=40_000,
        workers=1,
        rate_per_s=300,
        faults=("stretched",),
    )

    with run(plan) as world:
        for _ in range(2):
            world.schedule.add("kill", "worker-1", events=(500, 2000))
        for fault in world.schedule.faults:
            world.strike(fault, lambda: world.fleet.kill("worker-1"))
        redelivered = world.total(_REDELIVERED)
        world.finish()

    assert redelivered > 0


def drain(world: World, *, rounds: int) -> tuple[list[float], float]:
    """Stop the only workers and start them again; the times they took, and events come again."""
    for _ in range(rounds):
        world.schedule.add("terminate", "workers", events=(300, 1000))
    drains: list[float] = []
    redelivered = 0.0
    for fault in world.schedule.faults:
        redelivered += world.total(_REDELIVERED)
        world.strike(fault, lambda: drains.extend(bounce(world)))
    return drains, redelivered + world.total(_REDELIVERED)


def bounce(world: World) -> list[float]:
    """End both workers in order, and start them again; the seconds that each end took."""
    names = ("worker-1", "snapshots-1")
    seconds = [world.fleet.terminate(name) for name in names]
    for name in names:
        world.fleet.start(name)
    world.wait(world.is_whole, "the workers to be ready")
    return seconds
