"""
What CPU a worker takes at steady rates, and which part of it is per event, per slice, or always.

    python -m bench.steady [--rates 0,500,1000,2500,5000,15000] [--seconds 5]

One worker (a child process, with the settings of production) is fed at one rate after the other;
its metrics tell what it applied, in how many slices, and with what CPU time. A slice is what one
fetch brings of a topic's partition: at a low rate every event is one, and committing it costs more
than the event. The line through all rates is fitted, and each rate is also foretold from the
others, which shows how far the model is to be trusted. The broker shares the machine. With
CKM__KAFKA__BOOTSTRAP_SERVERS set, that cluster is used instead of the embedded one.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from confluent_kafka import Producer
from scipy.optimize import nnls

from bench.load import simulated_load
from bench.programs import Record, provisioned, report, scrape
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.operations.children import last_line, start_child, stop_child
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.settings import Settings

_PATIENCE_S = 60.0
_TICK_S = 0.002
_SETTLE_S = 3.0
_CUSTOMERS = 5_000
_APPLIED = "ckm_events_applied_total"
_SLICES = "ckm_event_processing_duration_seconds_count"
_CPU = "process_cpu_seconds_total"


class Point(NamedTuple):
    """One rate, per second: events applied, slices committed, CPU seconds."""

    events_per_s: float
    slices_per_s: float
    cpu_share: float


class Line(NamedTuple):
    """CPU of a worker: always, and microseconds per event and per slice; none is negative."""

    idle_cpu: float
    cpu_us_per_event: float
    cpu_us_per_slice: float

    def cpu_share(self, point: Point) -> float:
        """Return the CPU seconds per second that a point's events and slices should take."""
        events = point.events_per_s * self.cpu_us_per_event
        return self.idle_cpu + (events + point.slices_per_s * self.cpu_us_per_slice) / 1e6


def fit(points: list[Point]) -> Line:
    """Return the line that is nearest to *points*, by the share of each (relative squares)."""
    sizes = np.array([max(point.cpu_share, 1e-6) for point in points])
    rows = np.array([[1.0, point.events_per_s / 1e6, point.slices_per_s / 1e6] for point in points])
    found, _ = nnls(rows / sizes[:, None], np.ones(len(points)))
    return Line(*map(float, found))


def main() -> None:
    """Measure each rate, fit, and write the figures to ``bench/results/steady.json``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument(
        "--rates",
        type=lambda text: [float(rate) for rate in text.split(",")],
        default=[0.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 15_000.0],
        help="touchpoints published in a second, one after the other",
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="of each rate")
    parser.add_argument("--partitions", type=int, default=4, help="partitions of each topic")
    arguments = parser.parse_args()
    points = _measure(arguments.rates, arguments.seconds, arguments.partitions)
    line = fit(points)
    foretold = [
        fit([other for other in points if other is not point]).cpu_share(point) for point in points
    ]
    # Between two commits of a partition's slices, once every fetch brings some of each.
    most_slices = max(point.slices_per_s for point in points)
    report(
        "steady",
        {
            "partitions": arguments.partitions,
            "idle_cpu": round(line.idle_cpu, 4),
            "cpu_us_per_event": round(line.cpu_us_per_event, 1),
            "cpu_us_per_slice": round(line.cpu_us_per_slice, 1),
            "slice_interval_s": round(arguments.partitions / most_slices, 5),
            "rounds": [
                {
                    "rate": rate,
                    "events_per_s": round(point.events_per_s),
                    "slices_per_s": round(point.slices_per_s),
                    "cpu_share": round(point.cpu_share, 4),
                    "cpu_share_foretold": round(other, 4),
                }
                for rate, point, other in zip(arguments.rates, points, foretold, strict=True)
            ],
        },
    )


def _measure(rates: list[float], seconds: float, partitions: int) -> list[Point]:
    count = int(sum(rates) * (seconds + _SETTLE_S)) + 1
    events = simulated_load(count, _CUSTOMERS)
    with provisioned(partitions) as settings, tempfile.TemporaryDirectory(prefix="ckm-") as folder:
        codec = EventCodec(open_schemas(settings), Topics(settings.kafka.topic_prefix))
        records: list[Record] = [
            (*codec.address(event), codec.encode(event), event.recorded_at // 1000)
            for event in events
        ]
        log_path = Path(folder) / "worker.log"
        worker = start_child(
            [sys.executable, "-m", "ckm_stream", "worker"], log_path=log_path, env=dict(os.environ)
        )
        try:
            _wait_until_ready(settings, log_path)
            publisher = _Publisher(settings.kafka.bootstrap_servers, iter(records))
            # The last rate shows what events cost whose slices are long; it need not be kept up.
            points = [_point(settings, publisher, rate, seconds) for rate in rates]
            publisher.close()
        finally:
            stop_child(worker)
    return points


def _point(settings: Settings, publisher: "_Publisher", rate: float, seconds: float) -> Point:
    publisher.publish(rate, _SETTLE_S)
    before = scrape(settings)
    publisher.publish(rate, seconds)
    after = scrape(settings)
    elapsed_s = after["at"] - before["at"]
    applied, slices, cpu = (
        (after.get(name, 0.0) - before.get(name, 0.0)) / elapsed_s
        for name in (_APPLIED, _SLICES, _CPU)
    )
    point = Point(applied, slices, cpu)
    print(f"{rate:>8g}/s  {point}", flush=True)
    return point


class _Publisher:
    """Publishes the next records at a rate, whatever comes back."""

    def __init__(self, servers: str, records: Iterator[Record]) -> None:
        self._records = records
        self._producer = Producer(
            {"bootstrap.servers": servers, "partitioner": "murmur2_random", "linger.ms": 5}
        )

    def publish(self, rate: float, seconds: float) -> None:
        """Publish for so many seconds, as many as are due."""
        begin_s = time.monotonic()
        done = 0
        while (elapsed_s := time.monotonic() - begin_s) < seconds:
            due = int(elapsed_s * rate)
            for topic, key, value, millis in islice(self._records, due - done):
                self._producer.produce(topic, value, key, timestamp=millis)
            done = due
            self._producer.poll(_TICK_S)

    def close(self) -> None:
        """Wait until everything published has arrived."""
        self._producer.flush(_PATIENCE_S)


def _wait_until_ready(settings: Settings, log_path: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while scrape(settings).get("ckm_assigned_partitions", 0) < settings.kafka.partitions:
        if time.monotonic() > deadline:
            raise SystemExit(f"the worker is not ready: {last_line(log_path)}")
        time.sleep(_SETTLE_S / 10)


if __name__ == "__main__":
    main()
