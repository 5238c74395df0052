"""
What the HTTP gateway takes: reads of profiles at a million customers, and events in batches.

    python -m bench.gateway [--customers 1000000] [--rate 1000] [--seconds 15]

Real Kafka, a PostgreSQL of its own, and one gateway as a child process with the settings of
production but for its rate limit. The store is filled with the rows of 2,000 simulated customers,
as a snapshot worker writes them, under as many ids as are asked for. Reads are of random customers:
first at a fixed rate (latency from the instant at which each was due), then as fast as 16
connections are answered. Then batches of 500 events over four connections, each answered when the
brokers have all of it. Client, gateway, PostgreSQL and Kafka share the machine. With
CKM__KAFKA__BOOTSTRAP_SERVERS set, that cluster is used. Writes ``bench/results/gateway.json``.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from subprocess import Popen
from typing import Any, Final

import msgspec
from sqlalchemy import Engine, text

from bench.announced import announced
from bench.httpload import Ask, Asked, ask, get, post
from bench.kafka import broker
from bench.load import simulated_load
from bench.programs import provisioned, report
from bench.snapshots import batches_of, collected, collectors
from ckm_stream.operations.children import last_line, start_child, stop_child
from ckm_stream.operations.embedded import free_port, is_port_free
from ckm_stream.publishing.files import to_line
from ckm_stream.settings import KafkaSettings, Settings
from ckm_stream.snapshots.store import migrate, open_engine
from ckm_stream.snapshots.tables import CURRENT_SCORE, KNOWLEDGE_ITEM, PROFILE
from ckm_stream.snapshots.tokens import Scope, TokenStore
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.postgres import PostgresServer

_SERVER: Final = {"shared_buffers": "2GB", "max_wal_size": "8GB"}
_DISTINCT: Final = 2_000
_EVENTS_EACH: Final = 6
_RECORDS: Final = 20_000
_BATCH: Final = 500
_EVENTS: Final = 100_000
_READERS: Final = 16
_PUBLISHERS: Final = 4
_PATIENCE_S: Final = 30.0
_PARTITIONS: Final = 4


def main() -> None:
    """Measure, print the figures, and write them to ``bench/results``."""
    arguments = _arguments()
    with PostgresServer(fsync=True, settings=_SERVER) as server, server.fresh_database() as url:
        engine = open_engine(url)
        filled_s = _fill(engine, arguments.customers)
        token, _ = TokenStore(engine).create(
            "bench", [Scope.READ, Scope.PUBLISH], now_s=time.time(), expires_s=None
        )
        with broker(), provisioned(_PARTITIONS), _gateway(url) as (process, port):
            reads = _reads(engine, arguments.customers, token)
            _ask(process, Ask(port, reads, _READERS, arguments.rate / 2, 5.0))  # warm
            steady, steady_s = _ask(
                process, Ask(port, reads, _READERS, arguments.rate, arguments.seconds)
            )
            full, full_s = _ask(process, Ask(port, reads, _READERS, None, arguments.seconds))
            batches = _batches(token)
            ingest, ingest_s = _ask(
                process, Ask(port, batches, _PUBLISHERS, None, arguments.seconds)
            )
        engine.dispose()
    report(
        "gateway",
        {
            "customers": arguments.customers,
            "filled_s": round(filled_s, 1),
            "read_rate_hz": arguments.rate,
            "read_p50_ms": steady.percentile_ms(0.5),
            "read_p99_ms": steady.percentile_ms(0.99),
            "read_cpu_us": _per(steady_s, len(steady.latencies_s)),
            "reads_per_s": round(len(full.latencies_s) / full.seconds),
            "full_read_p99_ms": full.percentile_ms(0.99),
            "full_read_cpu_us": _per(full_s, len(full.latencies_s)),
            "events_per_request": _BATCH,
            "events_per_s": round(len(ingest.latencies_s) * _BATCH / ingest.seconds),
            "request_p99_ms": ingest.percentile_ms(0.99),
            "event_cpu_us": _per(ingest_s, len(ingest.latencies_s) * _BATCH),
            "statuses": {
                name: each.statuses
                for name, each in (("steady", steady), ("full", full), ("ingest", ingest))
            },
        },
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--customers", type=int, default=1_000_000, help="in the store")
    parser.add_argument("--rate", type=float, default=1_000.0, help="reads due in a second")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement")
    return parser.parse_args()


def _per(seconds: float, count: int) -> float:
    return round(seconds / count * 1e6, 1)


def _fill(engine: Engine, customers: int) -> float:
    """Fill the store; return the seconds that it took."""
    started = time.monotonic()
    migrate(engine)
    settings = Settings(kafka=KafkaSettings(partitions=_PARTITIONS))
    records = list(announced(_DISTINCT * _EVENTS_EACH, _DISTINCT, settings=settings, unit=250))
    writer, new = SnapshotWriter(engine), collectors(settings)
    batches = list(batches_of(records, _RECORDS))
    writer.positions(sorted({tp for slices in batches for tp in slices}))
    for slices in batches:
        writer.write(collected(new(), slices))
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        there = connection.scalar(text("SELECT count(*) FROM profile"))
        copies = -(-customers // (there or 1)) - 1
        for table, key in ((PROFILE, "customer_id"), (CURRENT_SCORE, "customer_id")):
            connection.execute(text(_copies(table, (key,))), {"copies": copies})
        items = _copies(KNOWLEDGE_ITEM, ("item_id", "customer_id"))
        connection.execute(text(items), {"copies": copies})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))  # what was filled in is not written during the reads
    return time.monotonic() - started


def _copies(table: Any, keys: tuple[str, ...]) -> str:  # noqa: ANN401 -- a table of SQLAlchemy's
    names = [column.name for column in table.columns]
    values = (f"{name} || '-' || copy" if name in keys else name for name in names)
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(values)} "  # noqa: S608 -- names of ours
        f"FROM {table.name}, generate_series(1, :copies) AS copy"
    )


@contextmanager
def _gateway(url: str) -> Iterator[tuple[Popen[bytes], int]]:
    port = free_port()
    env = {
        **os.environ,
        "CKM__STORE__URL": url,
        "CKM__GATEWAY__PORT": str(port),
        "CKM__METRICS__GATEWAY_PORT": str(free_port()),
        "CKM__GATEWAY__RATE_PER_S": "1000000",
        "CKM__GATEWAY__RATE_BURST": "1000000",
    }
    with tempfile.TemporaryDirectory(prefix="ckm-") as folder:
        log_path = Path(folder) / "gateway.log"
        command = [sys.executable, "-m", "ckm_stream", "serve"]
        process = start_child(command, log_path=log_path, env=env)
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while is_port_free(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"the gateway is not there: {last_line(log_path)}")
                time.sleep(0.1)
            time.sleep(1.0)
            yield process, port
        finally:
            stop_child(process)


def _reads(engine: Engine, customers: int, token: str) -> list[bytes]:
    with engine.connect() as connection:
        ids = [row[0] for row in connection.execute(text("SELECT customer_id FROM profile"))]
    drawn = Random(1).choices(ids, k=min(20_000, customers))
    return [get(f"/v1/customers/{each}", token) for each in drawn]


def _batches(token: str) -> list[bytes]:
    lines = [to_line(event) for event in simulated_load(_EVENTS, _EVENTS // 20)]
    bodies = (lines[begin : begin + _BATCH] for begin in range(0, len(lines), _BATCH))
    return [post("/v1/events", token, msgspec.json.encode(body)) for body in bodies]


def _ask(process: Popen[bytes], what: Ask) -> tuple[Asked, float]:
    """Return what came of asking, and the CPU seconds that the gateway took."""
    before = _cpu_s(process.pid)
    asked = ask(what)
    return asked, _cpu_s(process.pid) - before


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
