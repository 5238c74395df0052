"""P2, P3: workers that come and go in order are not noticed by anybody."""

from functools import partial

import pytest

from ckm_stream.settings import Guarantee
from tests.chaos.conftest import Run, judged
from tests.chaos.world import Plan, World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

_SESSION_S = 6.0
_DRAIN_S = 10.0


def scale(world: World, *, rounds: int) -> None:
    """Go from 1 to 2 to 3 to 2 to 1 workers, *rounds* times; those that leave get SIGTERM."""
    for _ in range(rounds):
        for what, target in (
            ("join", "worker-2"),
            ("join", "worker-3"),
            ("leave", "worker-3"),
            ("leave", "worker-2"),
        ):
            world.schedule.add(what, target, events=(300, 1500))
    drains: list[float] = []
    world.watch.restart_stalls()
    for fault in world.schedule.faults:
        if fault.what == "leave":
            world.strike(fault, partial(leave, world, fault.target, drains))
        else:
            world.strike(fault, partial(join, world, fault.target))
    measure = world.history.measure
    measure("longest drain", max(drains), unit="s", at_most=_DRAIN_S)
    measure(
        "longest stall of a partition",
        world.watch.longest_stall_s,
        unit="s",
        at_most=_SESSION_S + 10,
    )
    world.finish()


def join(world: World, name: str) -> None:
    """Start one more worker, and wait until it takes part."""
    if name in world.fleet.members:
        world.fleet.start(name)
    else:
        world.fleet.add(name)
    world.wait(lambda: world.fleet[name].is_ready, f"{name} to be ready")


def leave(world: World, name: str, drains: list[float]) -> None:
    """End a worker in order, and note the seconds that it takes."""
    drains.append(world.fleet.terminate(name))


def test_workers_that_join_and_leave_are_not_noticed(run: Run, *, is_full: bool) -> None:
    """1 to 2 to 3 to 2 to 1 workers under load, twice: exact, and no partition waits long."""
    rounds = 2 if is_full else 1
    plan = Plan(scenario="scaling", events=40_000 * rounds, workers=1, rate_per_s=400)

    with run(plan) as world:
        scale(world, rounds=rounds)

    assert judged(plan)["findings"] == []


@pytest.mark.only_full
def test_control_workers_that_commit_first_lose_what_they_had_when_they_leave(run: Run) -> None:
    """Offsets committed before the effects: what a leaving worker drops is nowhere."""
    plan = Plan(
        scenario="control_scaling",
        events=40_000,
        rate_per_s=400,
        workers=1,
        guarantee=Guarantee.AT_LEAST_ONCE,
        faults=("stretched", "without_order"),
    )

    with run(plan) as world:
        scale(world, rounds=1)

    assert judged(plan)["lost"]
