"""What a process has taken, from Linux's ``/proc``: CPU time of all its threads, and its memory."""

import os
import subprocess
import time
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# After the name in parentheses, which may hold anything: state is field 3, utime 14, stime 15.
_STATE, _UTIME, _STIME = 0, 11, 12
_POLL_S = 0.01


def parse_stat(text: str) -> tuple[str, int]:
    """
    Return the state of a process and its CPU time in clock ticks, from ``/proc/PID/stat``.

    A zombie (state Z) still shows all that it took (proc_pid_stat(5)).
    """
    fields = text[text.rindex(")") + 1 :].split()
    return fields[_STATE], int(fields[_UTIME]) + int(fields[_STIME])


def parse_peak(text: str) -> int:
    """Return the peak resident set in bytes, from ``/proc/PID/status``; 0 of a zombie."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) << 10
    return 0


def cpu_seconds(pid: int) -> float:
    """Return the user and system seconds that a process, ended but not reaped maybe, has taken."""
    return parse_stat(Path(f"/proc/{pid}/stat").read_text())[1] / _TICKS_PER_S


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process had resident; 0 once it has ended."""
    return parse_peak(Path(f"/proc/{pid}/status").read_text())


def cpu_until_end(process: subprocess.Popen[bytes], *, patience_s: float) -> float:
    """
    Ask *process* to end; return all the CPU seconds that it had taken then, and reap it.

    Raises:
        TimeoutError: If it does not end in time; it is killed.
    """
    process.terminate()
    stat = Path(f"/proc/{process.pid}/stat")
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        state, ticks = parse_stat(stat.read_text())
        if state == "Z":
            process.wait()
            return ticks / _TICKS_PER_S
        time.sleep(_POLL_S)
    process.kill()
    process.wait()
    raise TimeoutError(f"process {process.pid} has not ended {patience_s:g} s after SIGTERM")
