"""
How fast a worker reads its table back, which is most of what a restart takes.

    python -m bench.recovery [--customers 200000] [--partitions 4] [--core python]

Writes the states of so many customers to the changelog, starts one worker (a child process, with
the settings of production), and reads from its metrics how long the recovery took. The states are
those of 2,000 simulated customers, under many keys. The broker shares the machine. With
CKM__KAFKA__BOOTSTRAP_SERVERS set, that cluster is used instead of the embedded one. Everything
talks to the loopback address and stops by itself.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from bench.programs import Record, provisioned, report, scrape, write_backlog
from ckm_stream.codec.state import encode_state
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.operations.children import last_line, start_child, stop_child
from ckm_stream.settings import CoreKind, Settings, load_settings
from ckm_stream.simulation.customers import SimulationPlan, simulate

_PATIENCE_S = 120.0
_CUSTOMERS = 200_000
_DISTINCT = 2_000
_POLL_S = 0.2


def main() -> None:
    """Run the rounds, print the figures, and write them to ``bench/results``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--customers", type=int, default=_CUSTOMERS, help="states in the changelog")
    parser.add_argument("--partitions", type=int, default=4, help="partitions of each topic")
    parser.add_argument("--rounds", type=int, default=3, help="the median is reported")
    parser.add_argument("--core", choices=list(CoreKind), default="compiled", help="which core")
    arguments = parser.parse_args()
    os.environ["CKM__CORE"] = arguments.core
    states = _states()
    rounds = [
        _round(states, arguments.customers, arguments.partitions) for _ in range(arguments.rounds)
    ]
    report(
        "recovery" if arguments.customers == _CUSTOMERS else f"recovery-{arguments.customers}",
        {
            "core": arguments.core,
            "customers": arguments.customers,
            "partitions": arguments.partitions,
            "bytes_per_state": round(sum(map(len, states)) / len(states)),
            "records_per_s": round(median(each["records_per_s"] for each in rounds)),
            "cpu_us_per_record": round(median(each["cpu_us_per_record"] for each in rounds), 2),
            "recovery_s": round(median(each["recovery_s"] for each in rounds), 2),
            "start_to_work_s": round(median(each["start_to_work_s"] for each in rounds), 2),
            "resident_mib": round(max(each["resident_mib"] for each in rounds)),
            "rounds": rounds,
        },
    )


def _states() -> list[bytes]:
    policy = load_settings().scoring
    plan = SimulationPlan(customers=_DISTINCT, seed=1, events_per_customer=20.0)
    states = []
    for customer in simulate(plan):
        state = ProfileState.empty(0)
        for event in customer.events:
            apply_event(state, event, policy)
        states.append(encode_state(state, policy))
    return states


def _round(states: list[bytes], customers: int, partitions: int) -> dict[str, Any]:
    with provisioned(partitions) as settings, tempfile.TemporaryDirectory(prefix="ckm-") as folder:
        asyncio.run(write_backlog(settings, islice(_changelog(settings, states), customers)))
        log_path = Path(folder) / "worker.log"
        started = time.monotonic()
        worker = start_child(
            [sys.executable, "-m", "ckm_stream", "worker"], log_path=log_path, env=dict(os.environ)
        )
        try:
            found = _wait_for_recovery(settings, customers, log_path)
        finally:
            stop_child(worker)
    seconds = found["ckm_recovery_duration_seconds_sum"]
    return {
        "records_per_s": round(found["ckm_recovery_records_total"] / seconds),
        # All of the program's start included, some 2 s of imports.
        "cpu_us_per_record": round(found["process_cpu_seconds_total"] / customers * 1e6, 2),
        "recovery_s": round(seconds, 3),
        "start_to_work_s": round(found["at"] - started, 2),
        "resident_mib": round(found["process_resident_memory_bytes"] / (1 << 20)),
    }


def _changelog(settings: Settings, states: list[bytes]) -> Iterator[Record]:
    topic = Topics(settings.kafka.topic_prefix).profile_changelog
    number = 0
    while True:
        for state in states:
            number += 1
            yield topic, f"c-{number:08}".encode(), state, number


def _wait_for_recovery(settings: Settings, customers: int, log_path: Path) -> dict[str, float]:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = scrape(settings)
        if found.get("ckm_recovery_records_total", 0) >= customers:
            return found
        time.sleep(_POLL_S)
    raise SystemExit(f"not recovered after {_PATIENCE_S:g} s: {last_line(log_path)}")


if __name__ == "__main__":
    main()
