"""The watchdog: it ends a process that is stuck, whatever the process is stuck in."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from ckm_stream.errors import InvariantError, StuckError
from ckm_stream.operations.health import Health
from ckm_stream.settings import HealthSettings
from ckm_stream.streaming import watchdog

PATIENCE_S = 10.0
LOOP = StuckError("the loop does not run", where="here")


@dataclass
class Process:
    """A process that stands still once it has ended."""

    codes: list[int] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def leave(self, code: int) -> None:
        """End: no thread gets further."""
        self.codes.append(code)
        self.ended.set()
        self.released.wait(PATIENCE_S)


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    """Give what is ended in place of this process."""
    made = Process()
    monkeypatch.setattr("os._exit", made.leave)
    monkeypatch.setattr(watchdog, "TICK_S", 0.001)
    monkeypatch.setattr(watchdog, "_LAST_WORDS_S", 0.05)
    before = set(threading.enumerate())
    with capture_logs():
        yield made
        made.released.set()
        for thread in set(threading.enumerate()) - before:
            thread.join(PATIENCE_S)


def watch(monkeypatch: pytest.MonkeyPatch, stuck: Callable[[], StuckError | None]) -> None:
    """Run a watchdog over a worker that is stuck when *stuck* says so."""
    health = Health(HealthSettings())
    monkeypatch.setattr(health, "stuck", stuck)
    watchdog.start_watchdog(health)


def test_a_stuck_worker_is_ended(monkeypatch: pytest.MonkeyPatch, process: Process) -> None:
    """With the exit code that says so, and not before it is stuck."""
    looks = iter([None, None, LOOP])

    watch(monkeypatch, lambda: next(looks))

    assert process.ended.wait(PATIENCE_S)
    assert process.codes[0] == StuckError.exit_code == 6
    assert next(looks, "all taken") == "all taken"


def test_a_log_that_takes_nothing_keeps_nobody_alive(
    monkeypatch: pytest.MonkeyPatch, process: Process
) -> None:
    """The log's pipe may be what everything is stuck in: the line is waited for in vain."""
    monkeypatch.setattr(watchdog, "end_process", lambda _error: process.released.wait(PATIENCE_S))

    watch(monkeypatch, lambda: LOOP)

    assert process.ended.wait(PATIENCE_S)
    assert process.codes == [StuckError.exit_code]


def test_a_watchdog_that_fails_does_not_fail_in_silence(
    monkeypatch: pytest.MonkeyPatch, process: Process
) -> None:
    """Without it nothing would be watched, and nobody would know."""

    def fail() -> StuckError | None:
        raise InvariantError("cannot be")

    watch(monkeypatch, fail)

    assert process.ended.wait(PATIENCE_S)
    assert process.codes == [InvariantError.exit_code]
