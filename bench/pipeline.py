"""
How many events one profile worker takes, and what CPU time an event costs.

    python -m bench.pipeline [--events 200000] [--customers 5000] [--partitions 4] [--core python]

Publishes a backlog of simulated events, then starts one worker (a child process, with the settings
of production) and scrapes its metrics until the backlog is folded. Rates are taken between the
first scrape that saw a committed unit and the last one before the end; CPU is the worker's own
user and system time over the same interval, so it holds on a busy machine too. The broker, in
memory, shares the machine. With CKM__KAFKA__BOOTSTRAP_SERVERS set, that cluster is used instead of
the embedded one. Everything talks to the loopback address and stops by itself.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from bench.load import simulated_load
from bench.programs import Record, provisioned, report, scrape, write_backlog
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.domain.forwarding import forward
from ckm_stream.operations.children import last_line, start_child, stop_child
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.settings import CoreKind, Settings

_PATIENCE_S = 300.0
_LEAST_SAMPLES = 4
# A scrape costs the worker 11 ms: at two a second, 2 % of it.
_SCRAPE_S = 0.5


def main() -> None:
    """Run the rounds, print the figures, and write them to ``bench/results``."""
    arguments = _arguments()
    os.environ["CKM__CORE"] = arguments.core
    events = simulated_load(arguments.events, arguments.customers)
    rounds = [_round(arguments, events) for _ in range(arguments.rounds)]
    report(
        "pipeline",
        {
            "core": arguments.core,
            "guarantee": rounds[0]["guarantee"],
            "events": rounds[0]["events"],
            "customers": arguments.customers,
            "partitions": arguments.partitions,
            "events_per_s": round(median(each["events_per_s"] for each in rounds)),
            "cpu_us_per_event": round(median(each["cpu_us_per_event"] for each in rounds), 2),
            "updates_per_event": round(median(each["updates_per_event"] for each in rounds), 3),
            "resident_mib": round(max(each["resident_mib"] for each in rounds)),
            "rounds": rounds,
        },
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--events", type=int, default=500_000, help="events in the backlog")
    parser.add_argument("--customers", type=int, default=5_000, help="customers they are from")
    parser.add_argument("--partitions", type=int, default=4, help="partitions of each topic")
    parser.add_argument("--rounds", type=int, default=3, help="the median is reported")
    parser.add_argument("--core", choices=list(CoreKind), default="compiled", help="which core")
    return parser.parse_args()


def _round(arguments: argparse.Namespace, events: list[TouchpointEvent]) -> dict[str, Any]:
    with (
        provisioned(arguments.partitions) as settings,
        tempfile.TemporaryDirectory(prefix="ckm-bench-") as folder,
    ):
        asyncio.run(write_backlog(settings, _records(settings, events)))
        total = sum(1 + len(forward(event, policy=settings.scoring)) for event in events)
        log_path = Path(folder) / "worker.log"
        worker = start_child(
            [sys.executable, "-m", "ckm_stream", "worker"], log_path=log_path, env=dict(os.environ)
        )
        try:
            first, last = _watch(worker, settings, total, log_path)
        finally:
            stop_child(worker)
    applied = last["ckm_events_applied_total"] - first["ckm_events_applied_total"]
    updates = last["ckm_score_updates_total"] - first["ckm_score_updates_total"]
    cpu_s = last["process_cpu_seconds_total"] - first["process_cpu_seconds_total"]
    return {
        "guarantee": settings.kafka.guarantee.value,
        "events": total,
        "seconds": round(last["at"] - first["at"], 3),
        "events_per_s": applied / (last["at"] - first["at"]),
        "cpu_us_per_event": cpu_s / applied * 1e6,
        "updates_per_event": updates / applied,
        "resident_mib": last["process_resident_memory_bytes"] / (1 << 20),
    }


def _records(settings: Settings, events: list[TouchpointEvent]) -> Iterator[Record]:
    codec = EventCodec(open_schemas(settings), Topics(settings.kafka.topic_prefix))
    for event in events:
        topic, key = codec.address(event)
        yield topic, key, codec.encode(event), event.recorded_at // 1000


def _watch(
    worker: subprocess.Popen[bytes], settings: Settings, total: int, log_path: Path
) -> tuple[dict[str, float], dict[str, float]]:
    """Scrape until *total* events are applied; return the first and the last sample of the work."""
    samples: list[dict[str, float]] = []
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if worker.poll() is not None:
            raise SystemExit(f"the worker ended: {last_line(log_path)}")
        sample = scrape(settings)
        applied = sample.get("ckm_events_applied_total", 0)
        if applied >= total:
            if len(samples) < _LEAST_SAMPLES:
                raise SystemExit(f"{total} events are too few to measure; take more (--events)")
            return samples[0], samples[-1]
        if applied:
            samples.append(sample)
        time.sleep(_SCRAPE_S)
    raise SystemExit(f"not done after {_PATIENCE_S:g} s: {last_line(log_path)}")


if __name__ == "__main__":
    main()
