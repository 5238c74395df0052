"""
How long after an event is published its score update arrives, at a steady rate, from the peers.

    python -m bench.peer_latency [--programs streams,quix] [--rate 5000] [--seconds 15]

The same publisher and the same consumer as ``bench.latency`` has for this worker, with its way of
counting; the programs are those of ``bench.comparison``. One that does not keep up with the rate
has no latency to report, only the share of the events that it had processed when the last one was
due. Writes ``bench/results/peer_latency.json``.
"""

import argparse
import gc
import json
import os
import struct
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bench.cluster import Backlog, Cluster, encoded_backlog
from bench.contestants import EOS, PROGRAMS, Done, Place, Program, Running
from bench.kafka import broker
from bench.openloop import Arrivals, Published, Schedule, publishing
from bench.processes import cpu_seconds
from bench.programs import Record, report
from bench.rates import percentiles, rate_arguments
from ckm_stream.operations.children import stop_child

_PATIENCE_S: Final = 60.0
_QUIET_S: Final = 6.0
_POLL_S: Final = 0.1
_PROBE: Final = 200

_DEFAULT: Final = "streams,streams-eos,quix,quix-eos"
#: Kafka Streams' updates: score (double), count (int32), then the event's id.
_UPDATE_HEAD: Final = struct.calcsize(">di")


def main() -> None:
    """Measure each program once, print the figures, and write them to ``bench/results``."""
    arguments = _arguments()
    events = _PROBE + int(arguments.rate * (arguments.warm_up + arguments.seconds))
    backlog = encoded_backlog(events, arguments.customers)
    chosen = [each for each in PROGRAMS if each.name in arguments.programs.split(",")]
    rounds = {}
    with broker() as bootstrap, Cluster(bootstrap, arguments.partitions) as cluster:
        for program in chosen:
            rounds[program.name] = _round(cluster, program, backlog, arguments)
            print(f"{program.name:<20} {rounds[program.name]}", flush=True)
    report(
        "peer_latency",
        {"rate_hz": arguments.rate, "seconds": arguments.seconds, "rounds": rounds},
    )


def _arguments() -> argparse.Namespace:
    parser = rate_arguments(__doc__, seconds=15.0, warm_up=10.0, partitions=1)
    parser.add_argument("--programs", default=_DEFAULT, help="names in bench/contestants.py")
    return parser.parse_args()


def _round(
    cluster: Cluster, program: Program, backlog: Backlog, arguments: argparse.Namespace
) -> dict[str, Any]:
    application = f"{program.name}-latency-{os.getpid()}"
    records: list[Record] = [(f"{application}.{r[0]}", *r[1:]) for r in backlog.records]
    # What is there at its start tells when a program is ready; the others are published.
    cluster.provide(f"{application}.", backlog.records[:_PROBE])
    schedule = Schedule(records[_PROBE:], arguments.rate)
    with (
        tempfile.TemporaryDirectory(prefix="ckm-bench-") as folder,
        publishing(cluster.bootstrap, schedule) as publisher,
    ):
        place = Place(
            cluster.bootstrap, f"{application}.", cluster.partitions, application, Path(folder)
        )
        cluster.create(place.output)
        running = program.start(place)
        arrivals = Arrivals(
            cluster.bootstrap,
            place.output,
            cluster.partitions,
            isolation="read_committed" if program.guarantee is EOS else "read_uncommitted",
        )
        try:
            _wait_for(running, _PROBE)
            cpu_s = cpu_seconds(running.process.pid)
            publisher.send("go")
            processed = Done(0, 0)
            while not publisher.poll():
                arrivals.note(for_s=_POLL_S)
                processed = running.done() or processed
            published: Published = publisher.recv()
            cpu_s = cpu_seconds(running.process.pid) - cpu_s
            while arrivals.note(for_s=_QUIET_S):
                pass
        finally:
            arrivals.close()
            stop_child(running.process, grace_s=20.0)
    cluster.remove(cluster.topics(application))
    kept_up = (processed.touchpoints - _PROBE) / len(schedule.records)
    return {
        "processed_in_time": round(kept_up, 3),
        "publisher_late_ms": round(published.latest_s * 1000, 1),
        "cpu_us_per_event": round(cpu_s / len(schedule.records) / kept_up * 1e6, 1),
        **_figures(backlog, arrivals, published, arguments),
    }


def _wait_for(running: Running, touchpoints: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while (running.done() or Done(0, 0)).touchpoints < touchpoints:
        if running.process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the peer is not ready: {running.said()}")
        time.sleep(_POLL_S)


def _figures(
    backlog: Backlog, arrivals: Arrivals, published: Published, arguments: argparse.Namespace
) -> dict[str, Any]:
    places = {event_id: place for place, event_id in enumerate(backlog.event_ids[_PROBE:])}
    first = int(arguments.rate * arguments.warm_up)
    late_ms = (
        (arrived_ns - published.start_ns) / 1e6 - place / arguments.rate * 1e3
        for value, arrived_ns in zip(arrivals.values, arrivals.instants_ns, strict=True)
        if (place := places.get(event_id_of(value), -1)) >= first
    )
    return percentiles("update", late_ms)


def event_id_of(update: bytes) -> str:
    """Return the id of the event that a peer's update names: JSON, or Kafka Streams' own form."""
    if update.startswith(b"{"):
        return str(json.loads(update)["event_id"])
    return update[_UPDATE_HEAD:].decode()


if __name__ == "__main__":
    gc.disable()  # a pause of this process would count as the peer's
    main()
