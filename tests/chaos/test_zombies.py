"""P4: a worker that was stopped past its session and continues is fenced, and changes nothing."""

import sys
from contextlib import suppress
from functools import partial

import pytest

from ckm_stream.errors import FencedError
from tests.chaos.conftest import Run, judged
from tests.chaos.world import Plan, World
from tests.support.services import Service

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

_SESSION_S = 3.0
_STOPS = ("before_outputs", "before_changelog", "after_changelog")


def haunt(world: World, *, rounds: int) -> int:
    """
    Let workers stop themselves within a unit, be replaced, and continue; count those fenced.

    A zombie is an additional worker: it stops at a drawn step of its protocol, is evicted from the
    group, and is continued when its partitions have moved on.
    """
    for _ in range(rounds):
        world.schedule.add("stop", world.schedule.choose(_STOPS), events=(200, 600))
    fenced = 0
    for fault in world.schedule.faults:
        zombie = world.service.new_faulty("worker", f"{fault.target}:stops:3", *world.plan.faults)
        world.strike(fault, partial(replace, world, zombie))
        zombie.resume()
        with suppress(AssertionError):  # one that nobody fences goes on
            world.wait(partial(has_ended, zombie), "its end", timeout_s=60)
        if zombie.is_running:
            zombie.kill()
        fenced += zombie.wait(timeout_s=1) == FencedError.exit_code
        print(f"chaos: the zombie's last words: {zombie.log()[-400:]}", file=sys.stderr)
    return fenced


def has_ended(zombie: Service) -> bool:
    """Tell whether a zombie's process is gone."""
    return not zombie.is_running


def replace(world: World, zombie: Service) -> None:
    """Start *zombie*, and wait until it has stopped itself."""
    zombie.start()
    world.wait(lambda: zombie.is_stopped, "the zombie to stop itself")


def test_a_zombie_is_fenced_and_changes_nothing(run: Run, *, is_full: bool) -> None:
    """10 workers stopped within a transaction and continued: each ends with exit code 4."""
    rounds = 10 if is_full else 1
    plan = Plan(
        scenario="zombies",
        events=20_000 * rounds,
        rate_per_s=300,
        workers=2,
        settings={"CKM__KAFKA__SESSION_TIMEOUT_S": str(_SESSION_S)},
    )

    with run(plan) as world:
        fenced = haunt(world, rounds=rounds)
        world.history.measure("zombies fenced", fenced, unit="", at_least=rounds)
        world.finish()

    assert judged(plan)["findings"] == []


@pytest.mark.only_full
def test_control_a_zombie_that_nobody_fences_overwrites_its_successor(run: Run) -> None:
    """Without transactions its states, old by now, follow the newer ones in the changelog."""
    plan = Plan(
        scenario="control_zombies",
        events=100_000,
        rate_per_s=300,
        workers=2,
        faults=("without_transactions",),
        settings={"CKM__KAFKA__SESSION_TIMEOUT_S": str(_SESSION_S)},
    )

    with run(plan) as world:
        haunt(world, rounds=2)
        world.finish()

    verdict = judged(plan)
    assert verdict["reordered"]
