"""
What a customer costs in memory, and an event in CPU time, as the population grows.

    python -m bench.growth [--customers 10000,100000,1000000] [--events 200000] [--workers 1,2]

For each population: one worker (a child process, with the settings of production) reads the states
of so many customers back, then takes a backlog of touchpoints drawn from all of them, each customer
as likely as the next, so that in a large population hardly any state has been touched lately. Then
backlogs of as many customers as the smallest population has, spread over the larger ones: what the
size alone costs. Then the smallest again with two workers. Memory is the whole process's,
everything included; CPU time is user and system. The broker is real Apache Kafka (Java 17, Maven)
and shares the machine; with CKM__KAFKA__BOOTSTRAP_SERVERS set it is that cluster. Everything talks
to the loopback address and stops by itself. Writes ``bench/results/growth.json``.
"""

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any, Final

from bench.kafka import broker
from bench.population import changelog, states, touchpoint_records, touchpoints
from bench.programs import provisioned, report, scrape, write_backlog
from ckm_stream.domain.forwarding import forward
from ckm_stream.operations.children import last_line, start_child, stop_child
from ckm_stream.operations.embedded import free_port
from ckm_stream.settings import Settings, load_settings

_PATIENCE_S: Final = 300.0
_POLL_S: Final = 0.25
_LEAST_SAMPLES: Final = 4
_KIB: Final = 1024
_WORK: Final = "ckm_events_applied_total"


def main() -> None:
    """Measure each population, print the figures, and write them to ``bench/results``."""
    arguments = _arguments()
    populations = [int(each) for each in arguments.customers.split(",")]
    workers = [int(each) for each in arguments.workers.split(",")]
    os.environ.setdefault("CKM__KAFKA__GUARANTEE", "at_least_once")
    distinct = states(load_settings(), arguments.events_per_customer)
    plan = [(each, each, workers[0]) for each in populations]
    plan += [(each, populations[0], workers[0]) for each in populations[1:]]
    plan += [(populations[0], populations[0], count) for count in workers[1:]]
    with broker():
        rounds = [
            _round(arguments, distinct, customers, active, count)
            for _ in range(arguments.rounds)
            for customers, active, count in plan
        ]
    report(
        "growth",
        {
            "guarantee": os.environ["CKM__KAFKA__GUARANTEE"],
            "events": arguments.events,
            "events_per_customer": arguments.events_per_customer,
            "bytes_per_state": round(sum(map(len, distinct)) / len(distinct)),
            "rounds": rounds,
        },
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--customers", default="10000,100000,1000000", help="populations")
    parser.add_argument("--events", type=int, default=200_000, help="touchpoints in the backlog")
    parser.add_argument(
        "--events-per-customer", type=float, default=20.0, help="simulated, in each state"
    )
    parser.add_argument("--partitions", type=int, default=4, help="partitions of each topic")
    parser.add_argument("--workers", default="1,2", help="numbers of workers")
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_args()


@dataclass(frozen=True)
class Worker:
    """A worker at work, and where it serves its metrics."""

    process: Popen[bytes]
    settings: Settings
    log_path: Path

    def sample(self) -> dict[str, float]:
        """Return the worker's metrics and its memory; nothing while it is not up."""
        if self.process.poll() is not None:
            raise SystemExit(f"a worker ended: {last_line(self.log_path)}")
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        found = scrape(self.settings)
        if found:
            for name in ("VmRSS", "VmHWM"):
                found[name] = int(fields[name].split()[0]) * _KIB
        return found


def _round(
    arguments: argparse.Namespace, distinct: list[bytes], customers: int, active: int, count: int
) -> dict[str, Any]:
    with ExitStack() as stack:
        settings = stack.enter_context(provisioned(arguments.partitions))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ckm-bench-")))
        asyncio.run(write_backlog(settings, changelog(settings, distinct, customers)))
        events = touchpoints(arguments.events, customers, active)
        total = sum(1 + len(forward(event, policy=settings.scoring)) for event in events)
        records = list(touchpoint_records(settings, events))
        del events
        gc.collect()
        started = time.monotonic()
        workers = [_start(stack, settings, folder / f"worker-{each}.log") for each in range(count)]
        recovered = _wait(workers, lambda: _recovered(workers, customers, arguments.partitions))
        recovered_s = time.monotonic() - started
        asyncio.run(write_backlog(settings, records))
        samples = _watch(workers, total)
    first, last = samples[0], samples[-1]
    applied = last[_WORK] - first[_WORK]
    cpu_s = last["process_cpu_seconds_total"] - first["process_cpu_seconds_total"]
    return {
        "customers": customers,
        "active_customers": active,
        "workers": count,
        "start_to_work_s": round(recovered_s, 2),
        "events_per_s": round(applied / (last["at"] - first["at"])),
        "cpu_us_per_event": round(cpu_s / applied * 1e6, 2),
        "updates_per_event": round(
            (last["ckm_score_updates_total"] - first["ckm_score_updates_total"]) / applied, 3
        ),
        "resident_mib": {
            "recovered": round(recovered["VmRSS"] / _KIB**2, 1),
            "working": round(max(each["VmRSS"] for each in samples) / _KIB**2, 1),
            "at most": round(last["VmHWM"] / _KIB**2, 1),
        },
        "resident_bytes_per_customer": {
            "recovered": round(recovered["VmRSS"] / customers),
            "working": round(max(each["VmRSS"] for each in samples) / customers),
            "at most": round(last["VmHWM"] / customers),
        },
    }


def _start(stack: ExitStack, settings: Settings, log_path: Path) -> Worker:
    port = free_port()
    environment = os.environ | {"CKM__METRICS__PROFILE_PORT": str(port)}
    process = start_child(
        [sys.executable, "-m", "ckm_stream", "worker"], log_path=log_path, env=environment
    )
    stack.callback(stop_child, process)
    metrics = settings.metrics.model_copy(update={"profile_port": port})
    return Worker(process, settings.model_copy(update={"metrics": metrics}), log_path)


def _wait(workers: list[Worker], look: Callable[[], dict[str, float] | None]) -> dict[str, float]:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(_POLL_S)
    raise SystemExit(f"not done after {_PATIENCE_S:g} s: {last_line(workers[0].log_path)}")


def _recovered(workers: list[Worker], customers: int, partitions: int) -> dict[str, float] | None:
    """Return the workers' sample once each has its share of the partitions and all states."""
    each = [worker.sample() for worker in workers]
    shares = [sample.get("ckm_assigned_partitions", 0) for sample in each]
    is_shared = sum(shares) == partitions and min(shares) > 0
    states_held = sum(sample.get("ckm_table_customers", 0) for sample in each)
    return _added(each) if is_shared and states_held >= customers else None


def _added(each: list[dict[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for sample in each:
        for name, value in sample.items():
            sums[name] = sums.get(name, 0.0) + value
    return sums | {"at": each[-1]["at"]}


def _watch(workers: list[Worker], total: int) -> list[dict[str, float]]:
    """Sample until *total* events are applied; return the samples of the work."""
    samples: list[dict[str, float]] = []

    def look() -> dict[str, float] | None:
        sample = _added([worker.sample() for worker in workers])
        applied = sample[_WORK]
        if applied >= total:
            return sample
        if applied:
            samples.append(sample)
        return None

    _wait(workers, look)
    if len(samples) < _LEAST_SAMPLES:
        raise SystemExit(f"{total} events are too few to measure; take more (--events)")
    return samples


if __name__ == "__main__":
    main()
