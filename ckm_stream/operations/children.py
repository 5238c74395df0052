"""
Child processes that never outlive their parent.

The kernel kills a child when the thread that started it ends (Linux: PR_SET_PDEATHSIG), so even a
parent killed with SIGKILL leaves nothing behind. Each child leads a process group of its own:
Ctrl-C on the terminal reaches the parent alone, which then stops its children in order.
Only processes started here are ever signalled, by the handle that started them.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def start_child(
    command: Sequence[str], *, log_path: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """
    Start *command* without a standard input; both its outputs are appended to *log_path*.

    Call it from a thread that lives as long as the child shall, best the main one.

    Args:
        command: Program and arguments; no shell is involved.
        log_path: File for standard output and error; its folder is created.
        env: The whole environment of the child; this process's own if not given.

    Raises:
        OSError: If the program cannot be executed.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        return subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 -- one system call, prepared before the fork
        )


def stop_child(process: subprocess.Popen[bytes], *, grace_s: float = 5.0) -> int:
    """
    Ask *process* to end, insist after *grace_s* seconds, and reap it; harmless when it has ended.

    Returns:
        Its exit code; negative for the signal that ended it.
    """
    if process.poll() is None:
        process.terminate()
        try:
            return process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def last_line(log_path: Path) -> str:
    """Return the last non-empty line that a child has logged, or an empty string."""
    lines = log_path.read_text(errors="replace").split("\n") if log_path.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    # Looked up before the fork: between fork and exec only system calls are safe.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def bind_to_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before the line above took effect.
        if os.getppid() != parent:
            os._exit(1)

    return bind_to_parent
