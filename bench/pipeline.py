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
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from bench.load import simulated_load
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.domain.forwarding import forward
from ckm_stream.operations.children import last_line, start_child, stop_child
from ckm_stream.operations.embedded import EmbeddedBroker, free_port
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.operations.topics import apply_topics
from ckm_stream.settings import CoreKind, Settings, load_settings
from ckm_stream.streaming.clients import producer_factory
from ckm_stream.streaming.core import partitioner

_RESULTS = Path(__file__).parent / "results"
_PATIENCE_S = 300.0
_LEAST_SAMPLES = 4
_EMBEDDED = (
    "CKM__KAFKA__BOOTSTRAP_SERVERS",
    "CKM__KAFKA__GUARANTEE",
    "CKM__KAFKA__IDEMPOTENCE",
)
# A scrape costs the worker 11 ms: at two a second, 2 % of it.
_SCRAPE_S = 0.5


def main() -> None:
    """Run the rounds, print the figures, and write them to ``bench/results``."""
    arguments = _arguments()
    os.environ["CKM__CORE"] = arguments.core
    events = simulated_load(arguments.events, arguments.customers)
    rounds = [_round(arguments, events) for _ in range(arguments.rounds)]
    figures = {
        "benchmark": "pipeline",
        "revision": _revision(),
        "at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
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
    }
    for name, value in figures.items():
        if name != "rounds":
            print(f"{name:<18} {value}")
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / "pipeline.json").write_text(json.dumps(figures, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--events", type=int, default=200_000, help="events in the backlog")
    parser.add_argument("--customers", type=int, default=5_000, help="customers they are from")
    parser.add_argument("--partitions", type=int, default=4, help="partitions of each topic")
    parser.add_argument("--rounds", type=int, default=3, help="the median is reported")
    parser.add_argument("--core", choices=list(CoreKind), default="compiled", help="which core")
    return parser.parse_args()


def _round(arguments: argparse.Namespace, events: list[TouchpointEvent]) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ckm-bench-")))
        environment = {
            "CKM__KAFKA__TOPIC_PREFIX": f"bench-{os.getpid()}-{time.monotonic_ns()}.",
            "CKM__KAFKA__PARTITIONS": str(arguments.partitions),
            "CKM__METRICS__PROFILE_PORT": str(free_port()),
        }
        if "CKM__KAFKA__BOOTSTRAP_SERVERS" not in os.environ:
            broker = stack.enter_context(EmbeddedBroker())
            environment["CKM__KAFKA__BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
            environment["CKM__KAFKA__GUARANTEE"] = "at_least_once"
            environment["CKM__KAFKA__IDEMPOTENCE"] = "false"
        os.environ.update(environment)
        settings = load_settings()
        apply_topics(settings)
        total = asyncio.run(_publish_backlog(settings, events))
        if environment.get("CKM__KAFKA__GUARANTEE"):
            for name in _EMBEDDED:
                stack.callback(os.environ.pop, name)
        worker = start_child(
            [sys.executable, "-m", "ckm_stream", "worker"],
            log_path=folder / "worker.log",
            env=dict(os.environ),
        )
        stack.callback(stop_child, worker)
        first, last = _watch(worker, settings, total, folder / "worker.log")
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


async def _publish_backlog(settings: Settings, events: list[TouchpointEvent]) -> int:
    """Publish the events; return how many the worker must apply, forwarded ones included."""
    topics = Topics(settings.kafka.topic_prefix)
    codec = EventCodec(open_schemas(settings), topics)
    partition_of = partitioner(settings.kafka.partitions)
    producer = producer_factory(settings.kafka, client_id="bench")(None)
    batches: dict[tuple[str, int], Any] = {}
    total = 0
    await producer.start()

    async def send(tp: tuple[str, int]) -> None:
        batch = batches.pop(tp)
        batch.close()
        await (await producer.send_batch(batch, tp[0], partition=tp[1]))

    for event in events:
        topic, key = codec.address(event)
        value, millis = codec.encode(event), event.recorded_at // 1000
        tp = topic, partition_of(key)
        batch = batches.setdefault(tp, producer.create_batch())
        if batch.append(key=key, value=value, timestamp=millis) is None:
            await send(tp)
            batches[tp] = producer.create_batch()
            batches[tp].append(key=key, value=value, timestamp=millis)
        total += 1 + len(forward(event, policy=settings.scoring))
    for tp in list(batches):
        await send(tp)
    await producer.stop()
    return total


def _watch(
    worker: subprocess.Popen[bytes], settings: Settings, total: int, log_path: Path
) -> tuple[dict[str, float], dict[str, float]]:
    """Scrape until *total* events are applied; return the first and the last sample of the work."""
    url = f"http://127.0.0.1:{settings.metrics.profile_port}/metrics"
    samples: list[dict[str, float]] = []
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if worker.poll() is not None:
            raise SystemExit(f"the worker ended: {last_line(log_path)}")
        sample = _scrape(url)
        applied = sample.get("ckm_events_applied_total", 0)
        if applied >= total:
            if len(samples) < _LEAST_SAMPLES:
                raise SystemExit(f"{total} events are too few to measure; take more (--events)")
            return samples[0], samples[-1]
        if applied:
            samples.append(sample)
        time.sleep(_SCRAPE_S)
    raise SystemExit(f"not done after {_PATIENCE_S:g} s: {last_line(log_path)}")


def _scrape(url: str) -> dict[str, float]:
    try:
        with urlopen(url, timeout=5) as response:  # noqa: S310 -- our own child's port
            text = response.read().decode()
    except (URLError, ConnectionError):
        return {}
    sums: dict[str, float] = {"at": time.monotonic()}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def _revision() -> str:
    command = ["git", "describe", "--always", "--tags", "--dirty"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    return result.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
