"""
A crash at any step of either protocol is safe (promise P5).

The programs' own code runs over a cluster and a store in memory (tests/support/memory); in the end
every topic and the store must equal the oracle's replay, under either guarantee.
"""

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from structlog.testing import capture_logs

from ckm_stream.codec.topics import Source
from ckm_stream.settings import Guarantee
from tests.support.memory import missing
from tests.support.memory.events import CUSTOMERS, KINDS, event_of
from tests.support.memory.machine import CrashAnywhere
from tests.support.memory.points import TRANSACTION_POINTS, Action, Point, Trap
from tests.support.memory.profiles import PARTITIONS, Mechanisms
from tests.support.memory.snapshots import SnapshotWorker, memory_store
from tests.support.memory.world import World
from tests.support.touchpoints import POLICY, T0_S, call

EXACTLY_ONCE, AT_LEAST_ONCE = Guarantee.EXACTLY_ONCE, Guarantee.AT_LEAST_ONCE
#: Without the phase that explains: it traces every line of a hundred further runs.
RUNS = settings(
    max_examples=250,
    stateful_step_count=15,
    deadline=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
#: A third of what the runs have on average; fewer would mean that they hardly try anything.
LEAST_DEATHS = 100
CONTROLS = settings(RUNS, database=None, phases=[Phase.generate], report_multiple_bugs=False)
#: Of eight seeds, the one that lets each control find its problem within ten of the 250 runs.
CONTROLS_SEED = 4


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keep the log's lines, a dozen a run, from being formatted: a tenth of the time."""
    with capture_logs():
        yield


class ExactlyOnceMachine(CrashAnywhere):
    """Under transactions."""

    guarantee = EXACTLY_ONCE


class AtLeastOnceMachine(CrashAnywhere):
    """Under awaited acknowledgements."""

    guarantee = AT_LEAST_ONCE


# A time limit that strikes within a run looks like a failing run, which Hypothesis then shrinks.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("machine", [ExactlyOnceMachine, AtLeastOnceMachine])
def test_whatever_dies_stops_or_is_refused_the_end_is_exact(machine: type[CrashAnywhere]) -> None:
    """250 runs of up to 15 steps each, with crashes, zombies, rebalances, and errors in between."""
    run_state_machine_as_test(machine, settings=RUNS)

    print(f"died: {dict(machine.deaths)}")
    assert machine.deaths.total() > LEAST_DEATHS


def points_of(guarantee: Guarantee) -> list[Point]:
    """Return the points that a guarantee's protocol has."""
    return [p for p in Point if guarantee is EXACTLY_ONCE or p not in TRANSACTION_POINTS]


def run_a_day(
    guarantee: Guarantee,
    trap: Trap | None,
    mechanisms: Mechanisms = Mechanisms(),  # noqa: B008 -- it is frozen
) -> tuple[World, list[str]]:
    """Publish and do some of everything, with *trap* in the way; return what is wrong."""
    world = World(guarantee, memory_store(), choose=lambda most: most // 2, mechanisms=mechanisms)
    world.traps.armed = trap
    try:
        for part in range(3):
            for kind in range(KINDS):
                number = part * KINDS + kind
                world.publish(event_of(kind, CUSTOMERS[number % 2], 0, number=number))
            world.publish_bytes(Source.CALL, part % 2, b"c-1", None)
            for partition in range(PARTITIONS):
                world.run_unit(partition, slices=[(0, 8), (1, 8), (2, 8)])
            world.snapshot(slices=[(number, 8) for number in range(6)])
            world.commit_offsets()
            world.rebalance(1 + part % PARTITIONS)
            world.release_snapshots()
        world.catch_up()
        return world, world.problems()
    finally:
        world.close()


@cache
def visits(guarantee: Guarantee) -> dict[Point, int]:
    """Count how often each point is reached in a day without a crash."""
    world, problems = run_a_day(guarantee, None)
    assert problems == []
    return dict(world.traps.visits)


@pytest.mark.parametrize("guarantee", Guarantee)
def test_each_point_is_reached(guarantee: Guarantee) -> None:
    """A point that no code comes by any more would test nothing."""
    assert set(visits(guarantee)) == set(points_of(guarantee))


@pytest.mark.parametrize(
    ("guarantee", "point"), [(g, point) for g in Guarantee for point in points_of(g)]
)
def test_a_crash_at_a_point_is_safe(guarantee: Guarantee, point: Point) -> None:
    """The worker dies there the first time, in the middle and the last time; nothing is lost."""
    times = visits(guarantee)[point]

    for occasion in sorted({0, times // 2, times - 1}):
        world, problems = run_a_day(guarantee, Trap(point, occasion))

        assert world.traps.deaths[point] == 1, occasion
        assert problems == [], occasion


def test_a_duplicate_that_is_delivered_again_counts_once_for_a_busy_employee() -> None:
    """Behind more newer contacts than the employee's list of ids holds; it is not forwarded."""
    world = World(AT_LEAST_ONCE, memory_store())
    others = ["c-3", "c-5"] * (POLICY.seen_capacity // 2 + 1)
    calls = [
        call(f"x{number}", T0_S + number, customer_id=customer, employee_id="e-1")
        for number, customer in enumerate(["c-1", *others])
    ]
    everything = [(0, 200), (1, 200), (2, 200)]

    for event in [*calls, calls[0]]:
        world.publish(event)
    world.run_unit(1, slices=[(0, len(calls))])
    world.commit_offsets()
    world.run_unit(1, slices=everything)
    world.run_unit(1, slices=everything)
    world.kill(1)
    world.catch_up()
    problems = world.problems()
    world.close()

    assert problems == []


@pytest.mark.parametrize(
    ("point", "action"),
    [(Point.BEFORE_OUTPUTS, Action.STALL), (Point.AFTER_OUTPUTS, Action.CRASH)],
)
def test_what_happens_to_a_zombie_that_goes_on_changes_nothing(
    point: Point, action: Action
) -> None:
    """It is stopped once more, or dies and leaves batches behind: the broker refuses them."""
    world = World(EXACTLY_ONCE, memory_store())
    for kind in range(KINDS):
        world.publish(event_of(kind, "c-1", 0, number=kind))

    world.traps.armed = Trap(Point.AFTER_BEGIN, 0, Action.STALL)
    world.run_unit(1, slices=[(0, 8)] * 4)
    world.traps.armed = Trap(point, 0, action)
    world.wake()
    is_zombie = world.has_zombies
    world.catch_up()
    problems = world.problems()
    world.close()

    assert is_zombie is (action is Action.STALL)
    assert world.traps.deaths[point] == (action is Action.CRASH)
    assert problems == []


@pytest.mark.parametrize(
    ("guarantee", "name", "problem"),
    [
        (AT_LEAST_ONCE, "WITHOUT_APPLIED_OFFSETS", "applied to|missing"),
        (AT_LEAST_ONCE, "WITHOUT_ANNOUNCING_AGAIN", "came from|no update|newest update"),
        (AT_LEAST_ONCE, "STATES_FIRST", "missing"),
        (AT_LEAST_ONCE, "FORWARDED_LAST", "forwarded events missing"),
        (AT_LEAST_ONCE, "UPDATES_FIRST", "tells of no state|is not the score"),
        (EXACTLY_ONCE, "WITHOUT_TRANSACTIONS", "too many|repeat|tells of no state|came from"),
        (EXACTLY_ONCE, "WITHOUT_FENCE", "too many|repeat|missing|differ|the end does not come"),
    ],
)
def test_control_without_a_mechanism_a_run_goes_wrong(
    guarantee: Guarantee, name: str, problem: str
) -> None:
    """The same machine finds what the mechanism prevents."""
    without = {"guarantee": guarantee, "mechanisms": getattr(missing, name)}
    machine = type("Control", (CrashAnywhere,), without)

    with pytest.raises(AssertionError, match=problem):
        run_state_machine_as_test(seed(CONTROLS_SEED)(machine), settings=CONTROLS)


def test_control_a_worker_that_recovers_before_it_fences_waits_for_ever() -> None:
    """Its predecessor's transaction is open: the changelog does not end before it does."""
    trap = Trap(Point.BEFORE_COMMIT, 0)

    with pytest.raises(AssertionError, match="the end does not come"):
        run_a_day(EXACTLY_ONCE, trap, mechanisms=missing.RECOVERS_FIRST)


@pytest.mark.parametrize(
    ("new_snapshots", "is_whole"),
    [(SnapshotWorker, True), (missing.without_store_fence, False)],
    ids=["kept", "control"],
)
def test_a_rebuild_under_a_running_worker_leaves_no_gap(
    new_snapshots: Callable[..., SnapshotWorker], is_whole: bool
) -> None:
    """It finds its positions moved and leaves; control: one that does not look goes on."""
    world = World(AT_LEAST_ONCE, memory_store(), new_snapshots=new_snapshots)
    for kind in range(KINDS):
        world.publish(event_of(kind, "c-1", 0, number=kind))
    world.run_unit(1, slices=[(0, 2)])
    world.snapshot(slices=[(0, 8)] * 4)

    world.rebuild()
    world.run_unit(1, slices=[(0, 8)] * 4)
    world.snapshot(slices=[(0, 8)] * 4)
    world.catch_up()
    problems = world.problems()
    world.close()

    assert (problems == []) is is_whole
