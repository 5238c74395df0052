"""Child processes end with their parent, and only when they are asked to."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ckm_stream.operations.children import last_line, start_child, stop_child

SLEEPER = (sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)")
STUBBORN_PROGRAM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
STUBBORN = (sys.executable, "-c", STUBBORN_PROGRAM)
PARENT = """
import sys, time
from pathlib import Path
from ckm_stream.operations.children import start_child
child = start_child([sys.executable, "-c", "import time; time.sleep(600)"], log_path=Path("log"))
print(child.pid, flush=True)
time.sleep(600)
"""
DEADLINE_S = 20.0


def wait_for_line(log: Path) -> str:
    """Return the child's last line as soon as it has written one."""
    deadline = time.monotonic() + DEADLINE_S
    while not (line := last_line(log)):
        assert time.monotonic() < deadline, "the child said nothing"
    return line


def test_child_is_stopped_by_a_request_and_logs_to_its_file(tmp_path: Path) -> None:
    """A stopped child ended by SIGTERM, and what it printed is in a folder made for it."""
    log = tmp_path / "logs" / "child.log"
    child = start_child(SLEEPER, log_path=log)
    said = wait_for_line(log)

    code = stop_child(child)

    assert (said, code) == ("up", -signal.SIGTERM)


def test_child_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    """A child that does not end within the grace period is killed."""
    log = tmp_path / "child.log"
    child = start_child(STUBBORN, log_path=log)
    wait_for_line(log)

    assert stop_child(child, grace_s=0.05) == -signal.SIGKILL


def test_stopping_an_ended_child_tells_its_exit_code(tmp_path: Path) -> None:
    """Stopping twice is harmless."""
    child = start_child((sys.executable, "-c", "raise SystemExit(3)"), log_path=tmp_path / "log")
    child.wait(DEADLINE_S)

    assert [stop_child(child), stop_child(child)] == [3, 3]


def test_child_leads_a_process_group_of_its_own(tmp_path: Path) -> None:
    """Ctrl-C on the terminal does not reach it."""
    child = start_child(SLEEPER, log_path=tmp_path / "log")

    group = os.getpgid(child.pid)
    stop_child(child)

    assert group == child.pid


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels have no PR_SET_PDEATHSIG")
def test_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """SIGKILL of the parent leaves no process behind."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    with parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))

        parent.kill()

        # In a container nobody may reap the orphan: a zombie is dead, too.
        deadline = time.monotonic() + DEADLINE_S
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, "the child outlived its parent"


def test_last_line_of_an_empty_or_missing_log_is_empty(tmp_path: Path) -> None:
    """A child that said nothing has no last line; blank lines do not count."""
    (tmp_path / "blank").write_text("first\n last \n\n")

    assert [last_line(tmp_path / "none"), last_line(tmp_path / "blank")] == ["", "last"]
