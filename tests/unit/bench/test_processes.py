"""What a process has taken is read from Linux's /proc as it is documented."""

import subprocess
import sys

import pytest

from bench.processes import cpu_until_end, parse_peak, parse_stat, peak_bytes

_STAT = (
    "17 (a (b) c) S 1 17 17 0 -1 4194560 100 200 0 0 "
    "123 45 6 7 20 0 3 0 555 1000000 250 18446744073709551615"
)


def test_cpu_time_is_user_and_system_of_the_process_alone() -> None:
    """Fields 14 and 15; those of children, 16 and 17, are somebody else's."""
    assert parse_stat(_STAT) == ("S", 123 + 45)


def test_a_name_with_parentheses_and_spaces_moves_no_field() -> None:
    """The name ends with the last parenthesis."""
    state, _ = parse_stat(_STAT.replace("a (b) c", "x) R 9 9 9"))

    assert state == "S"


def test_the_peak_is_in_bytes() -> None:
    """The kernel says kB and means KiB."""
    assert parse_peak("Name:\tx\nVmPeak:\t  900 kB\nVmHWM:\t  500 kB\nVmRSS:\t 4 kB\n") == 512_000


def test_a_zombie_has_no_peak() -> None:
    """Its memory is gone, and with it the line."""
    assert parse_peak("Name:\tx\nState:\tZ (zombie)\n") == 0


def test_what_a_process_takes_after_the_signal_is_counted_too() -> None:
    """A last flush is work; the kernel keeps the account until the process is reaped."""
    work_at_end = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    while time.process_time() < 0.4: pass\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('up', flush=True)\n"
        "signal.pause()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", work_at_end], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        assert peak_bytes(process.pid) > 1 << 20

        assert cpu_until_end(process, patience_s=60.0) >= 0.35

    assert process.returncode == 0


def test_a_process_that_does_not_end_is_killed_and_said() -> None:
    """A peer that hangs at its end fails the benchmark instead of stopping it."""
    deaf = (
        "import signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True)\n"
        "while True: signal.pause()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()

        with pytest.raises(TimeoutError, match="has not ended"):
            cpu_until_end(process, patience_s=0.1)

    assert process.returncode < 0
