"""
Health tells the truth: each state of docs/operations.md, in running programs (promises P2, P18).

The answers are asked for from outside, as a probe asks. A worker that is stuck ends by itself; its
controls run the same worker without the watchdog, or deaf to silence.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from subprocess import TimeoutExpired
from typing import Any, Final

import pytest

from ckm_stream.errors import StuckError
from tests.e2e.conftest import Install, Simulated
from tests.support.broker import Broker, BrokerKind
from tests.support.dying import SESSION
from tests.support.installation import Installation
from tests.support.postgres import PostgresServer
from tests.support.services import Service, wait_until

pytestmark = pytest.mark.timeout(180)
_SILENCE_S: Final = 2.0
#: For half of it a program that is stuck says so, then it ends.
_TIMEOUT_S: Final = 10.0
_SILENCE: Final = {**SESSION, "CKM__HEALTH__SILENCE_S": f"{_SILENCE_S:g}"}
#: What bounds each check; a test lowers one alone, for a loop that is blocked also commits nothing.
_LIMITS: Final = {
    "main_loop": "CKM__HEALTH__LOOP_TIMEOUT_S",
    "consumer_loop": "CKM__HEALTH__LOOP_TIMEOUT_S",
    "commits": "CKM__HEALTH__COMMIT_TIMEOUT_S",
}
#: Of the promises: a broker that is gone shows within 15 s, a blocked loop within 30 s, and a
#: worker stops within 10 s.
_BROKER_S: Final = 15.0
_BLOCKED_S: Final = 30.0
_STOP_S: Final = 10.0
_PATIENCE_S: Final = 60.0

_WITHOUT_PARTITIONS: Final = {
    "the worker has not joined its group yet",
    "the group is sharing out its partitions",
}
_RECOVERING: Final = {"the tables of the assigned partitions are being read"}
_AT_WORK: Final = "work waits, and lane"

State = tuple[int, int, tuple[str, ...]]
ALIVE_AND_READY: Final[State] = (200, 200, ())


def state_of(program: Service) -> State:
    """Return what /livez and /readyz say, and the names of the checks that fail."""
    live, _ = program.probe("/livez")
    ready, answer = program.probe("/readyz")
    checks = answer.get("checks", {})
    return live, ready, tuple(name for name in checks if checks[name]["status"] != "ok")


def becomes(program: Service, wanted: Callable[[State], bool], *, within_s: float) -> None:
    """Wait until a program's answers are as *wanted*, while it runs."""

    def is_so() -> bool:
        assert program.is_running, f"{program.verb} ended: {program.log()[-3000:]}"
        return wanted(state_of(program))

    wait_until(
        is_so,
        timeout_s=within_s,
        what=lambda: f"{program.verb} says {state_of(program)}; {program.log()[-3000:]}",
    )


def is_well(state: State) -> bool:
    """Tell a program that is alive and ready."""
    return state == ALIVE_AND_READY


def is_away(name: str) -> Callable[[State], bool]:
    """Tell a program that is alive, and not ready because of the check of that name alone."""
    return lambda state: state == (200, 503, (name,))


def sentences(answer: dict[str, Any]) -> set[str]:
    """Return the sentences of all checks in an answer."""
    return {check["detail"] for check in answer.get("checks", {}).values()}


def says_one_of(program: Service, phases: set[str]) -> None:
    """Wait until a program is alive, and says in one answer that it is not ready and why."""

    def is_so() -> bool:
        ready, answer = program.probe("/readyz")
        is_there = ready == HTTPStatus.SERVICE_UNAVAILABLE and bool(phases & sentences(answer))
        return is_there and program.is_live

    wait_until(
        is_so,
        timeout_s=_PATIENCE_S,
        what=lambda: f"one of {phases}, not {program.probe('/readyz')}; {program.log()[-2000:]}",
    )


def is_at_work(worker: Service) -> bool:
    """Tell a worker that is well, with a unit that is not committed yet."""
    said = sentences(worker.probe("/readyz")[1])
    return is_well(state_of(worker)) and any(each.startswith(_AT_WORK) for each in said)


@pytest.fixture
def broker_pid(broker: Broker, request: pytest.FixtureRequest) -> int:
    """Give the process of the session's broker."""
    name = "kafka_server" if broker.kind is BrokerKind.KAFKA else "embedded_broker"
    pid: int = request.getfixturevalue(name).pid
    return pid


@contextmanager
def black_hole(pid: int) -> Iterator[None]:
    """Let the broker take connections and answer nothing, as behind a network that is broken."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def both(service: Installation) -> tuple[Service, Service]:
    """Return the two programs."""
    return service.worker, service.snapshots


def test_readiness_follows_a_worker_s_states_while_it_stays_alive(
    install: Install, simulated: Simulated, broker_pid: int, postgres_server: PostgresServer
) -> None:
    """Starting, recovering, idle, database away, broker away, running, stopping: two programs."""
    service = install(store="postgresql", extra=_SILENCE)
    held = [service.folder / step for step in ("held_takeover", "held_recovery", "held_commits")]
    takeover, recovery, commits = held
    service.worker = service.new_faulty("worker", *(gate.name for gate in held))
    worker, snapshots = both(service)

    takeover.touch()
    recovery.touch()
    service.start()
    says_one_of(worker, _WITHOUT_PARTITIONS)
    takeover.unlink()
    says_one_of(worker, _RECOVERING)
    recovery.unlink()
    for program in both(service):
        becomes(program, is_well, within_s=_PATIENCE_S)

    postgres_server.crash()
    try:
        becomes(snapshots, is_away("store"), within_s=_BROKER_S)
        becomes(worker, is_well, within_s=_BROKER_S)
    finally:
        postgres_server.start()
    becomes(snapshots, is_well, within_s=_PATIENCE_S)

    with black_hole(broker_pid):
        for program in both(service):
            becomes(program, is_away("broker"), within_s=_BROKER_S)
    for program in both(service):
        becomes(program, is_well, within_s=_PATIENCE_S)

    commits.touch()
    service.publish(simulated(50, 500))
    wait_until(
        lambda: is_at_work(worker),
        timeout_s=_PATIENCE_S,
        what=lambda: f"work under way; {worker.log()[-2000:]}",
    )
    closings = worker.log().count("lanes.closed")
    assert worker.process is not None
    worker.process.terminate()
    becomes(worker, is_away("partitions"), within_s=_STOP_S)
    assert worker.log().count("lanes.closed") == closings
    commits.unlink()
    assert worker.wait(timeout_s=_STOP_S) == 0


@dataclass(frozen=True)
class Wedge:
    """A fault of a program, the check that it shows in, and a function on the stack it leaves."""

    verb: str
    fault: str
    check: str
    function: str


BLOCKED_LOOP: Final = Wedge("worker", "before_changelog:blocks:1", "main_loop", "act")
POLLING: Final = Wedge("worker", "without_answers", "commits", "silent")
BLOCKED_CONSUMER: Final = Wedge("worker", "before_fetch:blocks:20", "consumer_loop", "act")
HANGING_STORE: Final = Wedge("snapshots", "before_write:blocks:1", "commits", "act")


def get_stuck(install: Install, simulated: Simulated, wedge: Wedge, *without: str) -> Service:
    """Start a program that gets stuck at its first work, and give it work."""
    service = install()
    stuck = service.new_faulty(wedge.verb, wedge.fault, *without)
    stuck.env[_LIMITS[wedge.check]] = f"{_TIMEOUT_S:g}"
    service.publish(simulated(20, 200))
    if wedge.verb == "snapshots":
        service.worker.start()
    stuck.start()
    becomes(stuck, lambda state: state[0] == HTTPStatus.OK, within_s=_PATIENCE_S)
    becomes(
        stuck,
        lambda state: state[:2] == (503, 503) and wedge.check in state[2],
        within_s=_BLOCKED_S,
    )
    return stuck


@pytest.mark.parametrize(
    "wedge",
    [
        pytest.param(BLOCKED_LOOP, id="blocked-loop"),
        pytest.param(POLLING, id="wedged-but-polling"),
        pytest.param(BLOCKED_CONSUMER, id="blocked-consumer", marks=pytest.mark.kafka),
        pytest.param(HANGING_STORE, id="hanging-store", marks=pytest.mark.kafka),
    ],
)
def test_a_stuck_worker_is_not_alive_and_then_ends(
    install: Install, simulated: Simulated, wedge: Wedge
) -> None:
    """First /livez says so, then the process ends: exit code 6, one line, where it stood."""
    stuck = get_stuck(install, simulated, wedge)

    code = stuck.wait(timeout_s=_BLOCKED_S)

    assert code == StuckError.exit_code
    (line,) = [line for line in stuck.log().splitlines() if "worker.ends" in line]
    assert '"error": "StuckError"' in line
    assert f"in {wedge.function}\\n" in line


@pytest.mark.parametrize(
    "wedge",
    [
        pytest.param(BLOCKED_LOOP, id="blocked-loop"),
        pytest.param(POLLING, id="wedged-but-polling", marks=pytest.mark.kafka),
    ],
)
def test_control_without_the_watchdog_a_stuck_worker_stays(
    install: Install, simulated: Simulated, wedge: Wedge
) -> None:
    """/livez tells the truth, nobody acts on it, and the partitions stay with who is stuck."""
    stuck = get_stuck(install, simulated, wedge, "without_watchdog")

    with pytest.raises(TimeoutExpired):
        stuck.wait(timeout_s=_TIMEOUT_S)


@pytest.mark.kafka
def test_control_deaf_to_silence_a_worker_without_a_broker_says_that_it_is_ready(
    install: Install, broker_pid: int
) -> None:
    """The last answer is not looked at: the check of the states above goes red."""
    service = install(extra=_SILENCE)
    deaf = service.new_faulty("worker", "without_silence")
    deaf.start()
    becomes(deaf, is_well, within_s=_PATIENCE_S)

    with black_hole(broker_pid), pytest.raises(AssertionError, match="waited 4 s"):
        becomes(deaf, is_away("broker"), within_s=2 * _SILENCE_S)

    assert deaf.is_running
