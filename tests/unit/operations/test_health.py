"""Health: the states of docs/operations.md, each with what /livez and /readyz say (promise P18)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ckm_stream.errors import StuckError
from ckm_stream.operations.health import Health, Phase
from ckm_stream.operations.vitals import TICK_S, AwakeClock
from ckm_stream.settings import HealthSettings

LIMITS = HealthSettings(silence_s=10, loop_timeout_s=30, commit_timeout_s=120)


@dataclass
class Worker:
    """A worker's health under a clock of the test's own."""

    now: float = 1000.0
    health: Health = field(init=False)

    def __post_init__(self) -> None:
        self.health = Health(LIMITS, monotonic=lambda: self.now)
        self.store = self.health.add_contact("store")

    def running(self, loop: asyncio.AbstractEventLoop) -> None:
        """Bring it to where it does its work."""
        self.health.feel("main_loop", loop)
        self.health.enter(Phase.RUNNING)

    def answered(self) -> None:
        """Let everything outside answer."""
        self.health.broker.answered()
        self.store.answered()

    def wait(self, seconds: float, *happening: Callable[[], None]) -> None:
        """Let time pass, with the watchdog's ticks, and *happening* at each of them."""
        for _ in range(round(seconds / TICK_S)):
            self.now += TICK_S
            for happens in happening:
                happens()
            self.health.tick()

    def beat(self) -> None:
        """Let the main loop run, as its timer does."""
        for pulse in self.health._pulses.values():
            pulse.beaten_at = self.health.clock.now

    @property
    def says(self) -> tuple[bool, bool]:
        """What /livez and /readyz say."""
        return self.health.live().ok, self.health.ready().ok

    @property
    def failing(self) -> list[str]:
        """The names of the checks that /readyz finds failing."""
        return [check.name for check in self.health.ready().checks if not check.ok]


@pytest.fixture
async def worker() -> Worker:
    """Give a worker that has started its loop and has heard from outside."""
    made = Worker()
    made.health.feel("main_loop", asyncio.get_running_loop())
    made.answered()
    return made


@pytest.fixture
async def running(worker: Worker) -> Worker:
    """Give a worker that does its work."""
    worker.health.enter(Phase.RUNNING)
    return worker


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.REBALANCING, Phase.RECOVERING])
async def test_before_it_works_a_worker_is_alive_and_not_ready(
    worker: Worker, phase: Phase
) -> None:
    """Starting, rebalancing and recovering, for as long as it takes: nothing is stuck."""
    worker.health.enter(phase)

    worker.wait(3600, worker.beat, worker.answered)

    assert worker.says == (True, False)
    assert worker.failing == ["partitions"]
    assert worker.health.stuck() is None


async def test_a_running_worker_is_alive_and_ready(running: Worker) -> None:
    """It has work under way, and gets on with it."""
    with running.health.work.under_way("lane 3"):
        running.wait(50, running.beat, running.answered)

        assert running.says == (True, True)


async def test_an_idle_worker_stays_ready(running: Worker) -> None:
    """No traffic at all, or a standby without partitions: nothing waits, so nothing is wrong."""
    running.wait(7200, running.beat, running.answered)

    assert running.says == (True, True)
    assert running.health.stuck() is None


async def test_a_running_worker_whose_lanes_are_closed_is_not_ready(running: Worker) -> None:
    """The group has settled, but nothing would take a record."""
    running.health.hindrance = lambda: "the lanes are not open"

    assert running.says == (True, False)
    assert running.failing == ["partitions"]


async def test_a_silent_broker_makes_a_worker_not_ready(running: Worker) -> None:
    """Also an idle one; it stays alive, and is ready again with the first answer."""
    running.wait(10, running.beat)
    before = running.says
    running.wait(1, running.beat, running.store.answered)
    away, failing = running.says, running.failing
    running.wait(3600, running.beat, running.store.answered)
    running.answered()

    assert (before, away, running.says) == ((True, True), (True, False), (True, True))
    assert failing == ["broker"]


async def test_work_is_excused_while_the_broker_is_away(running: Worker) -> None:
    """Nothing can be committed, and a successor could not either: it is not stuck."""
    with running.health.work.under_way("lane 3"):
        running.wait(3600, running.beat, running.store.answered)
        away, stuck = running.says, running.health.stuck()
        running.wait(100, running.beat, running.answered)

        assert (away, stuck) == ((True, False), None)
        assert running.health.stuck() is None


async def test_a_silent_store_makes_a_worker_not_ready(running: Worker) -> None:
    """The sentence says what the store said last; one refusal alone changes nothing."""
    running.store.refused("database ckm is unavailable for now: gone")
    at_once = running.says
    running.wait(11, running.beat, running.health.broker.answered)

    (store,) = [check for check in running.health.ready().checks if not check.ok]
    assert (at_once, running.says) == ((True, True), (True, False))
    assert store.name == "store"
    assert store.detail == "no answer for 11 s: database ckm is unavailable for now: gone"


async def test_nobody_has_answered_yet() -> None:
    """What was never there is as bad as what went away."""
    health = Health(LIMITS)

    assert {check.name: check.detail for check in health.ready().checks}[
        "broker"
    ] == "no answer yet"


async def test_a_blocked_event_loop_is_not_alive_and_then_stuck(running: Worker) -> None:
    """Not alive after half of the time, ended after all of it, with the loop's stack."""
    running.wait(14.5, running.answered)
    before = running.says
    running.wait(0.5, running.answered)
    blocked, stuck = running.says, running.health.stuck()
    running.wait(15, running.answered)

    error = running.health.stuck()
    assert (before, blocked, stuck) == ((True, True), (False, False), None)
    assert isinstance(error, StuckError)
    assert "the main_loop has not run for 30 s" in str(error)
    assert "test_a_blocked_event_loop" in error.where


async def test_each_loop_is_watched_by_itself(running: Worker) -> None:
    """The consumer's thread has a loop of its own; one that has ended is none."""
    running.health.feel("consumer_loop", asyncio.get_running_loop())
    running.wait(29.5, running.answered)
    running.health._pulses["main_loop"].beaten_at = running.health.clock.now
    running.wait(1, running.answered)
    error = running.health.stuck()
    running.health.leave("consumer_loop")
    running.health.leave("consumer_loop")

    assert "consumer_loop" in str(error)
    assert running.health.stuck() is None


async def test_work_that_is_never_committed_is_not_alive_and_then_stuck(running: Worker) -> None:
    """Wedged but polling: the loops run, the broker answers, one lane of two gets nowhere."""
    running.health.work.where = lambda part: f"the stack of {part}"
    with running.health.work.under_way("lane 3"):
        for _ in range(119):
            with running.health.work.under_way("lane 4"):
                running.wait(1, running.beat, running.answered)
        before, stuck = running.says, running.health.stuck()
        running.wait(1, running.beat, running.answered)

        error = running.health.stuck()
        assert (before, stuck) == ((False, False), None)
        assert isinstance(error, StuckError)
        assert "work waits and lane 3 has committed nothing for 120 s" in str(error)
        assert error.where == "the stack of lane 3"
    assert running.health.stuck() is None


async def test_work_that_is_refused_and_tried_again_is_not_stuck(running: Worker) -> None:
    """A registry, or a store, that is away for long is waited for."""
    with running.health.work.under_way("lane 3"):
        for _ in range(300):
            running.wait(1, running.beat, running.answered)
            running.health.work.moved("lane 3")

        assert running.health.stuck() is None


async def test_a_worker_that_was_told_to_stop_is_alive_and_not_ready(running: Worker) -> None:
    """The last rebalance's end does not make it ready again."""
    running.health.enter(Phase.STOPPING)
    running.health.enter(Phase.RUNNING)

    assert running.says == (True, False)
    assert running.health.phase is Phase.STOPPING


async def test_a_paused_process_is_not_stuck(running: Worker) -> None:
    """SIGSTOP for an hour: it is for the fence to end it (promise P4), not for the watchdog."""
    with running.health.work.under_way("lane 3"):
        for _ in range(3):
            running.now += 3600.0
            running.health.tick()

        assert running.health.stuck() is None
        assert running.says == (True, False)  # nobody outside has been heard since


async def test_control_on_a_plain_clock_a_paused_process_looks_stuck(
    running: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock counts the pause: the watchdog would end what the fence should."""
    monkeypatch.setattr("ckm_stream.operations.vitals._LONGEST_TICK_S", float("inf"))
    running.now += 3600.0
    running.health.tick()

    assert isinstance(running.health.stuck(), StuckError)


def test_the_clock_counts_what_passes_between_two_ticks() -> None:
    """A slow tick counts whole, one that took far too long counts as a pause."""
    times = iter([10.0, 10.5, 11.3, 5000.0])
    clock = AwakeClock(lambda: next(times))

    for _ in range(3):
        clock.tick()

    assert clock.now == pytest.approx(0.5 + 0.8 + 1.0)


async def test_a_loop_beats_for_as_long_as_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself, on its own timer; and no more when it is left."""
    monkeypatch.setattr("ckm_stream.operations.vitals.TICK_S", 0.001)
    worker = Worker()
    worker.health.feel("main_loop", asyncio.get_running_loop())
    pulse = worker.health._pulses["main_loop"]
    worker.wait(5)

    async with asyncio.timeout(10):
        while pulse.beaten_at < worker.health.clock.now:  # noqa: ASYNC110 -- nothing tells of a beat
            await asyncio.sleep(0.001)
    worker.health.leave("main_loop")
    worker.wait(5)
    await asyncio.sleep(0.01)

    assert pulse.beaten_at < worker.health.clock.now


async def test_an_answer_is_a_small_document(running: Worker) -> None:
    """The overall status, and each check by its name with a sentence."""
    document = running.health.ready().document()

    assert document == {
        "status": "ok",
        "checks": {
            "partitions": {
                "status": "ok",
                "detail": "the worker has joined its group and takes what is assigned to it",
            },
            "broker": {"status": "ok", "detail": "answered 0.0 s ago"},
            "store": {"status": "ok", "detail": "answered 0.0 s ago"},
            "main_loop": {"status": "ok", "detail": "ran 0.0 s ago"},
            "commits": {"status": "ok", "detail": "no work waits"},
        },
    }
