"""
How long after an event is published its score update arrives, at a steady rate.

    python -m bench.latency [--guarantee exactly_once] [--rate 5000] [--seconds 30]

Real Kafka and, for each guarantee, one worker with the settings of production, all child processes;
a publisher in a process of its own at a fixed rate, and here a consumer of the score updates, which
reads committed records if the worker writes transactions. An update names the event that caused
it; its latency counts from the instant at which that event was due to be published, so waiting
that a stall causes is not left out. Figures begin after a warm-up: for half a minute of work a new
broker spends half of its time compiling itself. Then, with no worker, how long the touchpoints of
one topic take to that same consumer: what publisher, broker and consumer need of it all for one of
the two ways that an update takes. Everything shares the machine, talks to the
loopback address and stops by itself. With CKM__KAFKA__BOOTSTRAP_SERVERS set, that cluster is used.
Writes ``bench/results/latency.json``.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.kafka import SERVERS, broker
from bench.load import simulated_load
from bench.openloop import Arrivals, Published, Schedule, publishing
from bench.programs import Record, provisioned, scrape
from bench.rates import add_guarantees, percentiles, rate_arguments, report_rounds
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.domain.score import UpdateReason
from ckm_stream.operations.children import last_line, start_child, stop_child
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.settings import Guarantee, Settings

_PATIENCE_S: Final = 60.0
_QUIET_S: Final = 1.0
_POLL_S: Final = 0.1


def main() -> None:
    """Measure each guarantee once, then no worker; print the figures and write them down."""
    arguments = _arguments()
    events = simulated_load(
        int(arguments.rate * (arguments.warm_up + arguments.seconds)), arguments.customers
    )
    with broker():
        rounds = {each.value: _round(arguments, events, each) for each in arguments.guarantee}
        rounds["direct"] = _direct(arguments, events)
    report_rounds("latency", arguments, rounds)


def _arguments() -> argparse.Namespace:
    parser = rate_arguments(__doc__, seconds=30.0, warm_up=30.0, partitions=1)
    add_guarantees(parser)
    return parser.parse_args()


def _round(
    arguments: argparse.Namespace, events: list[TouchpointEvent], guarantee: Guarantee
) -> dict[str, Any]:
    os.environ["CKM__KAFKA__GUARANTEE"] = guarantee.value
    with (
        provisioned(arguments.partitions) as settings,
        tempfile.TemporaryDirectory(prefix="ckm-bench-") as folder,
        publishing(os.environ[SERVERS], Schedule(_records(settings, events), arguments.rate)) as go,
    ):
        log_path = Path(folder) / "worker.log"
        worker = start_child(
            [sys.executable, "-m", "ckm_stream", "worker"], log_path=log_path, env=dict(os.environ)
        )
        arrivals = _arrivals(settings)
        try:
            _wait_until_ready(settings, log_path)
            before = scrape(settings)
            go.send("go")
            while not go.poll():
                arrivals.note(for_s=_POLL_S)
            published: Published = go.recv()
            while arrivals.note(for_s=_QUIET_S):
                pass
            after = scrape(settings)
        finally:
            arrivals.close()
            stop_child(worker)
        applied = after["ckm_events_applied_total"] - before["ckm_events_applied_total"]
        cpu_s = after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]
        return {
            **_figures(settings, events, arrivals, published, arguments),
            "publisher_late_ms": round(published.latest_s * 1000, 1),
            "cpu_us_per_event": round(cpu_s / applied * 1e6, 1),
        }


def _direct(arguments: argparse.Namespace, events: list[TouchpointEvent]) -> dict[str, Any]:
    with provisioned(arguments.partitions) as settings:
        records = _records(settings, events)
        topic = Topics(settings.kafka.topic_prefix).call
        with publishing(os.environ[SERVERS], Schedule(records, arguments.rate)) as go:
            arrivals = Arrivals(
                os.environ[SERVERS], topic, settings.kafka.partitions, isolation="read_uncommitted"
            )
            try:
                go.send("go")
                while not go.poll():
                    arrivals.note(for_s=_POLL_S)
                published: Published = go.recv()
                while arrivals.note(for_s=_QUIET_S):
                    pass
            finally:
                arrivals.close()
    place_of = {record[2]: place for place, record in enumerate(records) if record[0] == topic}
    latencies_ms = {}
    for value, arrived_ns in zip(arrivals.values, arrivals.instants_ns, strict=True):
        due_ns = published.start_ns + place_of[value] / arguments.rate * 1e9
        latencies_ms[place_of[value]] = (arrived_ns - due_ns) / 1e6
    return _percentiles(latencies_ms, arguments)


def _records(settings: Settings, events: Sequence[TouchpointEvent]) -> list[Record]:
    codec = EventCodec(open_schemas(settings), Topics(settings.kafka.topic_prefix))
    return [
        (*codec.address(event), codec.encode(event), event.recorded_at // 1000) for event in events
    ]


def _arrivals(settings: Settings) -> Arrivals:
    is_committed = settings.kafka.guarantee is Guarantee.EXACTLY_ONCE
    return Arrivals(
        settings.kafka.bootstrap_servers,
        Topics(settings.kafka.topic_prefix).score_updated,
        settings.kafka.partitions,
        isolation="read_committed" if is_committed else "read_uncommitted",
    )


def _wait_until_ready(settings: Settings, log_path: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while scrape(settings).get("ckm_assigned_partitions", 0) < settings.kafka.partitions:
        if time.monotonic() > deadline:
            raise SystemExit(f"the worker is not ready: {last_line(log_path)}")
        time.sleep(_POLL_S)


def _figures(
    settings: Settings,
    events: Sequence[TouchpointEvent],
    arrivals: Arrivals,
    published: Published,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Match each update with the event it names; the first one of an event counts."""
    codec = OutputCodec(open_schemas(settings))
    place_of = {event.event_id: place for place, event in enumerate(events)}
    latencies_ms: dict[int, float] = {}
    for value, arrived_ns in zip(arrivals.values, arrivals.instants_ns, strict=True):
        update = codec.decode_score_update(value)
        place = place_of.get(update.event_id)
        if update.reason is UpdateReason.EVENT and place is not None:
            due_ns = published.start_ns + place / arguments.rate * 1e9
            latencies_ms.setdefault(place, (arrived_ns - due_ns) / 1e6)
    return _percentiles(latencies_ms, arguments)


def _percentiles(latencies_ms: dict[int, float], arguments: argparse.Namespace) -> dict[str, Any]:
    first = int(arguments.rate * arguments.warm_up)
    return percentiles("update", (ms for place, ms in latencies_ms.items() if place >= first))


if __name__ == "__main__":
    gc.disable()  # a pause of this process would count as the worker's
    main()
