"""
Every benchmark of the worker beside its peers, one after the other, bounded in time.

    python -m bench.all [--quick]

Runs each as a program of its own, on real Apache Kafka, and then writes the tables and the plot,
``bench/results/comparison.md`` and ``comparison.svg``, from the figures in ``bench/results``.
``--quick`` is this worker beside stock Faust alone, on smaller backlogs, and prints the table.
"""

import argparse
import subprocess
import sys
import time
from typing import Final, NamedTuple

from bench.comparison_page import quick_page, write_page
from bench.kafka import broker


class Step(NamedTuple):
    """A benchmark: its module and arguments, and the seconds that it may take."""

    arguments: tuple[str, ...]
    limit_s: float


QUICK: Final = (
    Step(
        (
            "comparison",
            "--programs=worker,worker-eos,faust",
            "--events=200000",
            "--slow-events=20000",
            "--rounds=1",
            "--name=quick",
        ),
        180,
    ),
)
# Twenty-five minutes at most, in all, on two cores.
FULL: Final = (
    Step(("comparison",), 700),
    Step(("latency", "--warm-up=15", "--seconds=12"), 150),
    Step(("peer_latency", "--warm-up=8", "--seconds=10"), 160),
    Step(("rows", "--seconds=10"), 130),
    Step(("recovery", "--customers=1000000", "--rounds=1"), 50),
    Step(("peer_recovery",), 90),
    Step(("growth", "--events=150000"), 190),
)


def main() -> None:
    """Run the steps; a step that fails or takes too long ends it all, after the page is written."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="this worker and stock Faust alone")
    arguments = parser.parse_args()
    steps = QUICK if arguments.quick else FULL
    started = time.monotonic()
    with broker():
        failed = [step.arguments[0] for step in steps if not _succeeds(step)]
    if arguments.quick:
        print(quick_page())
    else:
        write_page()
    print(f"took {time.monotonic() - started:.0f} s")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _succeeds(step: Step) -> bool:
    module, *options = step.arguments
    print(f"--- {module}", flush=True)
    command = [sys.executable, "-m", f"bench.{module}", *options]
    try:
        result = subprocess.run(command, check=False, timeout=step.limit_s)
    except subprocess.TimeoutExpired:
        print(f"{module} was stopped after {step.limit_s:g} s")
        return False
    return result.returncode == 0


if __name__ == "__main__":
    main()
