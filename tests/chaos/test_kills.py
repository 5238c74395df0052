"""P1: kill -9 of any worker at any time loses nothing and applies nothing twice."""

from functools import partial

import pytest

from ckm_stream.settings import Guarantee
from tests.chaos.conftest import Run, judged
from tests.chaos.world import Plan, World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]


def kill_at_random(world: World, *, kills: int, events: tuple[int, int]) -> None:
    """
    Kill drawn programs of the fleet; each is started again while its successors take over.

    Between two kills, a number of events drawn from the range *events* is committed.
    """
    names = sorted(world.fleet.members)
    # Each program is hit before one of them is hit again.
    rounds = -(-kills // len(names))
    order = [name for _ in range(rounds) for name in world.schedule.shuffled(names)]
    for name in order[:kills]:
        world.schedule.add("kill", name, events=events)
    for fault in world.schedule.faults:
        kill = partial(world.fleet.kill, fault.target)
        world.strike(fault, kill, stored=fault.target.startswith("snapshots"))
    world.finish()


@pytest.mark.parametrize("guarantee", list(Guarantee), ids=str)
def test_kills_at_random_lose_nothing_and_double_nothing(
    run: Run, guarantee: Guarantee, *, is_full: bool
) -> None:
    """Three profile workers and a snapshot worker; under transactions 20 kills, 200,000 events."""
    is_long = is_full and guarantee is Guarantee.EXACTLY_ONCE
    kills, between = (20, (1000, 3000)) if is_long else (3, (200, 1000))
    plan = Plan(
        scenario=f"kills_{guarantee}",
        guarantee=guarantee,
        events=200_000 if is_long else 60_000,
        # A kill takes some 10 s of load and 20 s of recovery: 10 minutes for 20. At this rate the
        # load lasts 16, so a busy machine has room. What is left then goes in large units.
        rate_per_s=200 if is_long else 500,
        backlog=20_000 if is_long else 2000,
        all_events=is_long,
        faults=("stretched",),
    )

    with run(plan) as world:
        kill_at_random(world, kills=kills, events=between)

    assert judged(plan)["findings"] == []


@pytest.mark.only_full
@pytest.mark.parametrize(
    ("guarantee", "fault", "finding"),
    [
        (Guarantee.EXACTLY_ONCE, "without_transactions", "doubled"),
        (Guarantee.AT_LEAST_ONCE, "without_applied_offsets", "doubled"),
        (Guarantee.AT_LEAST_ONCE, "without_order", "lost"),
    ],
)
def test_control_with_a_mechanism_off_the_same_kills_are_found_out(
    run: Run, guarantee: Guarantee, fault: str, finding: str
) -> None:
    """What the promise rests on, taken away from all workers: the checker sees it."""
    plan = Plan(
        scenario=f"control_{fault}",
        guarantee=guarantee,
        events=60_000,
        rate_per_s=300,
        workers=2,
        faults=("stretched", fault),
        settings={"CKM__SCORING__SEEN_CAPACITY": "1"},
    )
    with run(plan) as world:
        kill_at_random(world, kills=3, events=(200, 1000))

    assert judged(plan)[finding]


@pytest.mark.only_full
def test_control_positions_that_move_before_the_rows_lose_what_lies_between(run: Run) -> None:
    """Two transactions where one belongs: what a snapshot worker had read is not in the store."""
    plan = Plan(
        scenario="control_without_one_transaction",
        events=60_000,
        rate_per_s=300,
        workers=1,
        faults=("stretched", "without_one_transaction"),
    )

    with run(plan) as world:
        for _ in range(3):
            world.schedule.add("kill", "snapshots-1", events=(200, 600))
        for fault in world.schedule.faults:
            world.strike(fault, partial(world.fleet.kill, fault.target))
        world.finish()

    verdict = judged(plan)
    assert verdict["lost"] + verdict["stale"]
