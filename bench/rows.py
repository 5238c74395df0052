"""
How long after an event is published what it causes is in the database, at a steady rate.

    python -m bench.rows [--guarantee exactly_once] [--rate 5000] [--seconds 20]

Real Kafka, a PostgreSQL of its own that keeps what it commits (fsync), and for each guarantee one
profile worker and one snapshot worker with the settings of production, all child processes; a
publisher in a process of its own at a fixed rate (``bench.openloop``). Every score and every
knowledge item names the event that caused it. Its latency counts from the instant at which that
event was due to be published to the one that PostgreSQL puts on the commit of its row
(``track_commit_timestamp``), just before it makes the commit durable and visible. Figures begin
after a warm-up. How much of a score's latency was over when the profile worker made its update, by
the record's timestamp, is told apart. With CKM__KAFKA__BOOTSTRAP_SERVERS set, that cluster is
used. Writes ``bench/results/rows.json``.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from sqlalchemy import Engine

from bench.kafka import SERVERS, broker
from bench.load import simulated_load
from bench.openloop import Published, Schedule, publishing
from bench.programs import Record, provisioned, scrape
from bench.rates import add_guarantees, percentiles, rate_arguments, report_rounds
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.domain.score import UpdateReason
from ckm_stream.operations.children import last_line, start_child, stop_child
from ckm_stream.operations.embedded import free_port
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.settings import Guarantee, Settings
from ckm_stream.snapshots.store import migrate, open_engine
from tests.support.postgres import PostgresServer

_SERVER: Final = {"shared_buffers": "1GB", "max_wal_size": "4GB", "track_commit_timestamp": "on"}
_PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.2
_QUIET_S: Final = 1.0

_COMMITTED: Final = """
SELECT event_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8
FROM score WHERE reason = 'EVENT'
UNION ALL
SELECT event_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8
FROM knowledge_item
"""


def main() -> None:
    """Measure each guarantee once, print the figures, and write them to ``bench/results``."""
    arguments = _arguments()
    events = simulated_load(
        int(arguments.rate * (arguments.warm_up + arguments.seconds)), arguments.customers
    )
    with broker(), PostgresServer(fsync=True, settings=_SERVER) as server:
        rounds = {
            each.value: _round(arguments, events, each, server) for each in arguments.guarantee
        }
    report_rounds("rows", arguments, rounds)


def _arguments() -> argparse.Namespace:
    parser = rate_arguments(__doc__, seconds=20.0, warm_up=15.0, partitions=4)
    add_guarantees(parser)
    return parser.parse_args()


def _round(
    arguments: argparse.Namespace,
    events: list[TouchpointEvent],
    guarantee: Guarantee,
    server: PostgresServer,
) -> dict[str, Any]:
    with ExitStack() as stack:
        url = stack.enter_context(server.fresh_database())
        port = free_port()
        os.environ |= {
            "CKM__KAFKA__GUARANTEE": guarantee.value,
            "CKM__STORE__URL": url,
            "CKM__METRICS__SNAPSHOT_PORT": str(port),
        }
        settings = stack.enter_context(provisioned(arguments.partitions))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ckm-bench-")))
        go = stack.enter_context(
            publishing(os.environ[SERVERS], Schedule(_records(settings, events), arguments.rate))
        )
        engine = open_engine(url)
        migrate(engine)
        stack.callback(engine.dispose)
        for verb in ("worker", "snapshots"):
            command = [sys.executable, "-m", "ckm_stream", verb]
            log_path = folder / f"{verb}.log"
            stack.callback(
                stop_child, start_child(command, log_path=log_path, env=dict(os.environ))
            )
        _wait_until_ready(settings, port, folder)
        before = [scrape(settings), scrape(port)]
        go.send("go")
        published: Published = go.recv()
        _wait_until_quiet(engine)
        after = [scrape(settings), scrape(port)]
        due_s = _due_s(events, published, arguments)
        return {
            **_figures("row", _committed_s(engine), due_s),
            **_figures("update", _announced_s(settings), due_s),
            "publisher_late_ms": round(published.latest_s * 1000, 1),
            "profile_worker_cpu_s": round(_cpu_s(before[0], after[0]), 2),
            "snapshot_worker_cpu_s": round(_cpu_s(before[1], after[1]), 2),
        }


def _records(settings: Settings, events: Sequence[TouchpointEvent]) -> list[Record]:
    codec = EventCodec(open_schemas(settings), Topics(settings.kafka.topic_prefix))
    return [
        (*codec.address(event), codec.encode(event), event.recorded_at // 1000) for event in events
    ]


def _wait_until_ready(settings: Settings, port: int, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not all(scrape(each).get("ckm_assigned_partitions", 0) for each in (settings, port)):
        if time.monotonic() > deadline:
            logs = "; ".join(last_line(path) for path in folder.glob("*.log"))
            raise SystemExit(f"the workers are not ready: {logs}")
        time.sleep(_POLL_S)


def _wait_until_quiet(engine: Engine) -> None:
    """Wait until no position has moved for a second."""
    deadline, before = time.monotonic() + _PATIENCE_S, None
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            now = connection.exec_driver_sql("SELECT sum(next_offset) FROM sink_progress").scalar()
        if now is not None and now == before:
            return
        before = now
        time.sleep(_QUIET_S)
    raise SystemExit(f"rows still come in after {_PATIENCE_S:g} s")


def _cpu_s(before: dict[str, float], after: dict[str, float]) -> float:
    return after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]


def _due_s(
    events: Sequence[TouchpointEvent], published: Published, arguments: argparse.Namespace
) -> dict[str, float]:
    """Return, by event id, when each event after the warm-up was due, in Unix seconds."""
    # The server's clock is this machine's; the publisher's instants are of the monotonic one.
    ahead_s = (time.time_ns() - time.monotonic_ns()) / 1e9
    start_s = published.start_ns / 1e9 + ahead_s
    first = int(arguments.rate * arguments.warm_up)
    return {
        event.event_id: start_s + place / arguments.rate
        for place, event in enumerate(events)
        if place >= first
    }


def _committed_s(engine: Engine) -> Iterator[tuple[str, float]]:
    """Yield the event that caused each row, and when the row was committed."""
    with engine.connect() as connection:
        yield from map(tuple, connection.exec_driver_sql(_COMMITTED))


def _announced_s(settings: Settings) -> Iterator[tuple[str, float]]:
    """Yield the event that caused each score update, and when the worker made its record."""
    codec = OutputCodec(open_schemas(settings))
    topic = Topics(settings.kafka.topic_prefix).score_updated
    servers = settings.kafka.bootstrap_servers
    reader = Consumer({"bootstrap.servers": servers, "group.id": "bench"})
    partitions = range(settings.kafka.partitions)
    reader.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in partitions])
    while messages := reader.consume(num_messages=10_000, timeout=2 * _QUIET_S):
        for message in messages:
            update = codec.decode_score_update(message.value())
            if update.reason is UpdateReason.EVENT:
                yield update.event_id, message.timestamp()[1] / 1000
    reader.close()


def _figures(
    what: str, instants_s: Iterator[tuple[str, float]], due_s: dict[str, float]
) -> dict[str, Any]:
    """Return percentiles of the time from when the causes were due; rows are the main figure."""
    late_ms = (
        (instant_s - due_s[event_id]) * 1000
        for event_id, instant_s in instants_s
        if event_id in due_s
    )
    return percentiles(what, late_ms, prefix="" if what == "row" else f"{what}_")


if __name__ == "__main__":
    gc.disable()  # a pause of this process would delay the publisher's start alone, but it is free
    main()
