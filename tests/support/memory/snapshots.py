"""A snapshot worker in memory: the product's application, collector and writer over SQLite."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from faust.types import TP
from faust.types.tuples import ConsumerMessage
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from ckm_stream.domain.score import ScoreUpdate
from ckm_stream.operations.metrics import SnapshotMetrics
from ckm_stream.settings import Settings
from ckm_stream.snapshots import store
from ckm_stream.snapshots.batch import Batch, Progress
from ckm_stream.snapshots.collect import Collector
from ckm_stream.snapshots.columns import encode_document
from ckm_stream.snapshots.errors import store_errors
from ckm_stream.snapshots.tables import KNOWLEDGE_ITEM, METADATA
from ckm_stream.snapshots.writer import SnapshotWriter
from ckm_stream.streaming.snapshots import SnapshotApp
from tests.support.memory.log import Cluster, Tp
from tests.support.memory.points import Point, Process, Traps
from tests.support.memory.profiles import PARTITIONS, WORLD_POLICY
from tests.support.units import OUTPUTS, TOPICS

_SETTINGS: Final = Settings(data_dir=Path("nowhere"))
_METRICS: Final = SnapshotMetrics(CollectorRegistry())
_TPS: Final = tuple(product(Collector.topics(TOPICS), range(PARTITIONS)))
_GENERATION: Final = 1


@cache
def memory_store() -> Engine:
    """Return the store in this process's memory, the same for every thread and test."""
    engine = create_engine(
        "sqlite+pysqlite://",
        poolclass=StaticPool,
        connect_args=store._connect_args("sqlite+pysqlite"),
        json_serializer=encode_document,
    )
    event.listen(engine, "connect", store._configure_sqlite)
    event.listen(engine, "begin", store._begin_sqlite)
    METADATA.create_all(engine)
    return engine


def empty(engine: Engine) -> None:
    """Delete all rows of all tables."""
    with store.for_writing(engine).begin() as connection:
        for table in METADATA.tables.values():
            connection.execute(table.delete())


class _ServerError(Exception):
    """What psycopg raises, as far as SQLAlchemy's errors show it."""

    sqlstate = "40001"


def locked() -> Exception:
    """Return what SQLite says if another connection writes for too long."""
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return OperationalError("a statement", None, cause)


def not_serialisable() -> Exception:
    """Return what PostgreSQL says if two transactions cannot be put in an order."""
    return DBAPIError("a statement", None, _ServerError())


class MemoryWriter(SnapshotWriter):
    """The product's writer, with a point after each step of its transaction."""

    def __init__(self, engine: Engine, process: Process) -> None:
        super().__init__(engine)
        self._process = process

    def _positions(
        self, connection: Connection, partitions: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], int]:
        positions = super()._positions(connection, partitions)
        self._process.reach(Point.IN_POSITIONS)
        return positions

    def _transact(self, batch: Batch) -> None:
        with store_errors(self._engine.url):
            self._process.reach(Point.BEFORE_BEGIN)
            super()._transact(batch)
            self._process.reach(Point.AFTER_DB_COMMIT)

    def _advance(self, connection: Connection, progress: Iterable[Progress]) -> None:
        super()._advance(connection, progress)
        self._process.reach(Point.AFTER_PROGRESS)

    def _write_states(self, *args: Any) -> None:
        super()._write_states(*args)
        self._process.reach(Point.AFTER_PROFILES)

    def _write_scores(self, connection: Connection, updates: Sequence[ScoreUpdate]) -> None:
        super()._write_scores(connection, updates)
        self._process.reach(Point.AFTER_SCORES)

    def _add(self, connection: Connection, table: Any, rows: Any) -> None:
        super()._add(connection, table, rows)
        if table is KNOWLEDGE_ITEM:
            self._process.reach(Point.BEFORE_DB_COMMIT)


class SnapshotWorker:
    """One life of a snapshot worker."""

    def __init__(
        self,
        cluster: Cluster,
        engine: Engine,
        traps: Traps,
        *,
        writer: Callable[[Engine, Process], SnapshotWriter] = MemoryWriter,
    ) -> None:
        self.process = Process(traps)
        self._cluster = cluster
        self._positions: dict[Tp, int] = {}
        self._app = SnapshotApp(
            _SETTINGS,
            writer=writer(engine, self.process),
            collector=lambda: Collector(topics=TOPICS, outputs=OUTPUTS, policy=WORLD_POLICY),
            metrics=_METRICS,
        )
        self._app.consumer_generation_id = _GENERATION

    async def open(self) -> None:
        """Begin an assignment where the store says."""
        starts = await self._app.start_positions({TP(*tp) for tp in _TPS})
        self._positions = {(tp.topic, tp.partition): offset for tp, offset in starts.items()}

    def unread(self) -> list[Tp]:
        """Return the partitions that have records to be read."""
        return [
            tp
            for tp, position in self._positions.items()
            if self._cluster.fetch(tp, position, 1).records
        ]

    async def deliver(self, tp: Tp, count: int) -> None:
        """Fetch a slice of up to *count* records and queue it."""
        records, self._positions[tp], _ = self._cluster.fetch(tp, self._positions[tp], count)
        last, value = records[-1], cast(bytes, records)  # as the slice transport has it
        message = ConsumerMessage(
            *tp, last.offset, last.timestamp / 1000, 0, None, None, value, None, 0, 0, TP(*tp)
        )
        message.generation_id = _GENERATION
        slice_event: Any = SimpleNamespace(message=message)
        await self._app.deliver(slice_event)
        self.process.reach(Point.AFTER_QUEUE)

    async def write(self) -> None:
        """Write what is queued, if anything is."""
        draft = self._app._draft
        if not self._app._queue.empty() or (draft is not None and draft.records):
            await self._app.write_queued()

    async def release(self) -> None:
        """Give the partitions up."""
        await self._app.release()
        self.process.reach(Point.IN_RELEASE)
