"""
How many rows a second go into PostgreSQL: bare, by the writer, and by the whole snapshot worker.

    python -m bench.snapshots [--rows 500000] [--customers 5000] [--batch 20000]

The rows are what simulated events leave (``bench.announced``), the server is a PostgreSQL of its
own that keeps what it commits (fsync). A row is an inserted or replaced one of any table; of a
customer's states in one transaction only the newest is written, so that a record of a topic makes
less than one row or, if it is a score update, two to three.

1. Bare: packed batches as COPY into temporary tables and one statement for each table, by the
   driver alone, without positions, guards and decoding. What no writer of these rows can beat.
2. The writer: records in memory, decoded by compiled code and written as a worker does.
3. The worker: a child process with the settings of production, from a backlog in real Kafka. With
   CKM__KAFKA__BOOTSTRAP_SERVERS set, that cluster is used.

CPU is that of the client process and of PostgreSQL's session. Writes
``bench/results/snapshots.json``.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from bench.announced import Written, announced
from bench.kafka import broker
from bench.programs import provisioned, report, scrape, write_placed
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.native.choices import Choices
from ckm_stream.operations.children import last_line, start_child, stop_child
from ckm_stream.operations.embedded import free_port
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.settings import KafkaSettings, Settings
from ckm_stream.snapshots.batch import PackedBatch
from ckm_stream.snapshots.compiled import CompiledCollector
from ckm_stream.snapshots.packing import END, HEAD
from ckm_stream.snapshots.staging import STAGED_SCORE, make_staged
from ckm_stream.snapshots.store import migrate, open_engine
from ckm_stream.snapshots.tables import (
    CLASS_HISTORY,
    CURRENT_SCORE,
    EMPLOYEE,
    KNOWLEDGE_ITEM,
    PROFILE,
    SCORE,
)
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.postgres import PostgresServer

_TABLES: Final = (PROFILE, EMPLOYEE, CURRENT_SCORE, SCORE, CLASS_HISTORY, KNOWLEDGE_ITEM)
_PARTITIONS: Final = 4
_UNIT: Final = 250
# Rows that an event leaves, found with 5,000 customers; what --rows asks for is met within a tenth.
_ROWS_PER_EVENT: Final = 1.75
_PATIENCE_S: Final = 120.0
_SCRAPE_S: Final = 0.25
_SERVER: Final = {"shared_buffers": "1GB", "max_wal_size": "4GB"}


class Stored(NamedTuple):
    """A record as a Kafka client hands it over, as far as a collector looks at it."""

    offset: int
    key: bytes
    value: bytes
    timestamp: int


class Cost(NamedTuple):
    """What so many rows of so many records took."""

    rows: int
    records: int
    seconds: float
    client_s: float
    server_s: float

    def figures(self) -> dict[str, float]:
        """Return rates, and microseconds of CPU a row."""
        return {
            "rows": self.rows,
            "records": self.records,
            "rows_per_s": round(self.rows / self.seconds),
            "records_per_s": round(self.records / self.seconds),
            "client_us_per_row": round(self.client_s / self.rows * 1e6, 2),
            "server_us_per_row": round(self.server_s / self.rows * 1e6, 2),
        }


def main() -> None:
    """Measure the three, print the figures, and write them to ``bench/results``."""
    arguments = _arguments()
    settings = Settings(kafka=KafkaSettings(partitions=_PARTITIONS))
    events = int(arguments.rows / _ROWS_PER_EVENT)
    records = list(announced(events, arguments.customers, settings=settings, unit=_UNIT))
    with PostgresServer(fsync=True, settings=_SERVER) as server:
        with server.fresh_database() as url:
            bare, tables = _bare(url, settings, records, arguments.batch)
        with server.fresh_database() as url:
            writer = _writer(url, settings, records, arguments.batch)
        with server.fresh_database() as url, broker():
            worker = _worker(url, records)
    costs = {"bare": bare, "writer": writer, "worker": worker}
    report(
        "snapshots",
        {
            "events": events,
            "customers": arguments.customers,
            "records_in_transaction": arguments.batch,
            **{f"{name}_rows_per_s": each.figures()["rows_per_s"] for name, each in costs.items()},
            "bare_rows_per_s_by_table": tables,
            "rounds": {name: each.figures() for name, each in costs.items()},
        },
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--rows", type=int, default=500_000, help="rows to be written, about")
    parser.add_argument("--customers", type=int, default=5_000, help="customers they are about")
    parser.add_argument("--batch", type=int, default=20_000, help="records in a transaction")
    return parser.parse_args()


def _cpu_s(pid: int) -> float:
    """Return the CPU time that a process of one thread has had."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def batches_of(records: list[Written], size: int) -> Iterator[dict[tuple[str, int], list[Stored]]]:
    """Yield the records of one transaction after the other, by topic and partition."""
    ends: defaultdict[tuple[str, int], int] = defaultdict(int)
    for start in range(0, len(records), size):
        slices: defaultdict[tuple[str, int], list[Stored]] = defaultdict(list)
        for each in records[start : start + size]:
            tp = each.topic, each.partition
            slices[tp].append(Stored(ends[tp], each.key, each.value, each.timestamp))
            ends[tp] += 1
        yield slices


def collectors(settings: Settings) -> Callable[[], CompiledCollector]:
    """Return what makes a collector for the next transaction."""
    topics = Topics(settings.kafka.topic_prefix)
    outputs, policy = OutputCodec(open_schemas(settings)), settings.scoring
    choices = Choices(policy)
    return lambda: CompiledCollector(topics=topics, outputs=outputs, policy=policy, choices=choices)


def collected(
    collector: CompiledCollector, slices: Mapping[tuple[str, int], list[Stored]]
) -> PackedBatch:
    """Return what one transaction writes."""
    for (topic, partition), part in slices.items():
        collector.add(topic, partition, part, expected=part[0].offset)
    return collector.batch()


def _bare_statement(table: Any) -> bytes:  # noqa: ANN401 -- a table of SQLAlchemy's
    """Return a plain insert of what is staged, or an upsert where rows are replaced."""
    staged = STAGED_SCORE.name if "score" in table.name or table is CLASS_HISTORY else ""
    names = [column.name for column in table.columns]
    which = {
        CURRENT_SCORE: "WHERE is_newest",
        CLASS_HISTORY: "WHERE previous_class IS DISTINCT FROM source_class",
    }.get(table, "")
    text = f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(names)} "
    text += f"FROM {staged or 'staged_' + table.name} {which}"
    if table in {PROFILE, EMPLOYEE, CURRENT_SCORE}:
        replaced = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        text += f" ON CONFLICT ({names[0]}) DO UPDATE SET {replaced}"
    return text.encode()


def _bare(
    url: str, settings: Settings, records: list[Written], size: int
) -> tuple[Cost, dict[str, int]]:
    engine = open_engine(url)
    migrate(engine)
    new = collectors(settings)
    packed = [collected(new(), slices) for slices in batches_of(records, size)]
    statements = {table.name: _bare_statement(table) for table in _TABLES}
    spent: defaultdict[str, float] = defaultdict(float)
    written: defaultdict[str, int] = defaultdict(int)
    with engine.connect() as connection:
        make_staged(connection)
        driver: Any = connection.connection.driver_connection
        pid = driver.info.backend_pid
        started, client_s, server_s = time.monotonic(), time.process_time(), _cpu_s(pid)
        for batch in packed:
            for name, rows in batch.rows.items():
                at = time.monotonic()
                _copy(driver, name, rows)
                spent[name] += time.monotonic() - at
            for name, statement in statements.items():
                at = time.monotonic()
                written[name] += driver.execute(statement).rowcount
                spent[name] += time.monotonic() - at
            driver.commit()
        seconds = time.monotonic() - started
        client_s, server_s = time.process_time() - client_s, _cpu_s(pid) - server_s
    engine.dispose()
    rates = {
        name: round(written[name] / (spent[name] + spent.get(f"staged_{name}", 0.0)))
        for name in statements
    }
    return Cost(sum(written.values()), len(records), seconds, client_s, server_s), rates


def _copy(driver: psycopg.Connection, name: str, rows: bytes) -> None:
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(sql.Identifier(name))
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(HEAD)
        copy.write(rows)
        copy.write(END)


def _writer(url: str, settings: Settings, records: list[Written], size: int) -> Cost:
    engine = open_engine(url)
    migrate(engine)
    writer = SnapshotWriter(engine)
    new = collectors(settings)
    batches = list(batches_of(records, size))
    writer.positions(sorted({tp for slices in batches for tp in slices}))
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        pid = driver.info.backend_pid
    started, client_s, server_s = time.monotonic(), time.process_time(), _cpu_s(pid)
    for slices in batches:
        writer.write(collected(new(), slices))
    seconds = time.monotonic() - started
    client_s, server_s = time.process_time() - client_s, _cpu_s(pid) - server_s
    rows = _rows(engine)
    engine.dispose()
    return Cost(rows, len(records), seconds, client_s, server_s)


def _rows(engine: Engine) -> int:
    """Return how many rows were inserted or replaced in the store's tables."""
    names = ", ".join(f"'{table.name}'" for table in _TABLES)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        rows = connection.exec_driver_sql(
            f"SELECT sum(n_tup_ins + n_tup_upd) FROM pg_stat_user_tables WHERE relname IN ({names})"  # noqa: S608 -- names of ours
        ).scalar_one()
    return int(rows)


def _worker(url: str, records: list[Written]) -> Cost:
    port = free_port()
    os.environ |= {
        "CKM__STORE__URL": url,
        "CKM__CORE": "compiled",
        "CKM__METRICS__SNAPSHOT_PORT": str(port),
    }
    engine = open_engine(url)
    migrate(engine)
    with (
        provisioned(_PARTITIONS) as settings,
        tempfile.TemporaryDirectory(prefix="ckm-bench-") as folder,
    ):
        prefix = settings.kafka.topic_prefix
        # As if written now: by their own times, months of them, segments would be rolled and
        # compacted while they are read.
        now_ms = time.time_ns() // 1_000_000
        backlog = ((prefix + r.topic, r.partition, r.key, r.value, now_ms) for r in records)
        asyncio.run(write_placed(settings, backlog))
        log_path = Path(folder) / "snapshots.log"
        worker = start_child(
            [sys.executable, "-m", "ckm_stream", "snapshots"],
            log_path=log_path,
            env=dict(os.environ),
        )
        try:
            first, last = _watch(port, len(records), log_path)
            server_s = sum(_cpu_s(pid) for pid in _sessions(engine))
        finally:
            stop_child(worker)
    total = _rows(engine)
    engine.dispose()
    done = last["ckm_snapshot_rows_total"] - first["ckm_snapshot_rows_total"]
    return Cost(
        rows=round(total * done / len(records)),
        records=int(done),
        seconds=last["at"] - first["at"],
        client_s=last["process_cpu_seconds_total"] - first["process_cpu_seconds_total"],
        server_s=server_s * done / len(records),
    )


def _sessions(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(
            connection.exec_driver_sql(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
                "AND datname = current_database() AND pid <> pg_backend_pid()"
            ).scalars()
        )


def _watch(port: int, total: int, log_path: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Scrape until *total* records are in; return the first and the last sample with some."""
    samples: list[dict[str, float]] = []
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        sample = scrape(port)
        done = sample.get("ckm_snapshot_rows_total", 0)
        if done and (not samples or done > samples[-1]["ckm_snapshot_rows_total"]):
            samples.append(sample)
        if done >= total:
            return samples[0], samples[-1]
        time.sleep(_SCRAPE_S)
    raise SystemExit(f"not done after {_PATIENCE_S:g} s: {last_line(log_path)}")


if __name__ == "__main__":
    main()
