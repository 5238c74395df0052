"""
Write batches into the store, each exactly once, in one transaction with the positions it moves.

The positions move first, by compare-and-set: 0 rows changed means that another worker owns the
partition, and nothing of the batch is written (promises P1, P4). Rows carry guards of their own,
so that an older state can never replace a newer one, whatever the topics' order to one another.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    Executable,
    Table,
    bindparam,
    delete,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement
from sqlalchemy.sql.expression import ColumnElement

from ckm_stream.domain.knowledge import KnowledgeItem
from ckm_stream.domain.score import ScoreUpdate
from ckm_stream.errors import FencedError, TransientError
from ckm_stream.snapshots.batch import (
    EmployeeRow,
    ProfileRow,
    Progress,
    SnapshotBatch,
    Tombstone,
)
from ckm_stream.snapshots.errors import database_name, store_errors
from ckm_stream.snapshots.store import for_writing
from ckm_stream.snapshots.tables import (
    CLASS_HISTORY,
    CURRENT_SCORE,
    EMPLOYEE,
    KNOWLEDGE_ITEM,
    PROFILE,
    SCORE,
    SINK_PROGRESS,
)

# The two dialects' insert statements have one interface and no common base for ON CONFLICT.
_NewInsert = Callable[[Table], postgresql.Insert | sqlite.Insert]
_INSERT: Final[dict[str, _NewInsert]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}

_COMPARE_AND_SET: Final = (
    update(SINK_PROGRESS)
    .where(
        SINK_PROGRESS.c.topic == bindparam("at_topic"),
        SINK_PROGRESS.c.partition == bindparam("at_partition"),
        SINK_PROGRESS.c.next_offset == bindparam("expected"),
    )
    .values(next_offset=bindparam("new"))
)

Row = TypeVar("Row")
Values = dict[str, Any]
Proposed = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]
#: A guard over (the proposed row, the row that is there).
Guard = Callable[[Proposed, Table], ColumnElement[bool]]


class SnapshotWriter:
    """The one way into the store; one per worker, used from one thread at a time but to cancel."""

    def __init__(self, engine: Engine) -> None:
        self._engine = for_writing(engine)
        self._insert = _INSERT[engine.dialect.name]
        self._in_doubt: list[Progress] = []
        self._running: Any = None

    def cancel(self) -> None:
        """
        End the statement that another thread is waiting for, whose write then fails.

        Raises:
            TransientError: If the database cannot be told.
        """
        driver = self._running
        if isinstance(driver, sqlite3.Connection):
            driver.interrupt()
        elif driver is not None:
            from psycopg import OperationalError  # noqa: PLC0415 -- not for those who use SQLite

            try:
                driver.cancel()
            except OperationalError as error:
                raise TransientError(
                    f"database {database_name(self._engine.url)} does not take a cancellation"
                ) from error

    def positions(self, partitions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """
        Return the first offset of each (topic, partition) that is not in the store yet.

        Raises:
            TransientError: If the database is unavailable for now.
        """
        if not partitions:
            return {}
        with store_errors(self._engine.url), self._engine.begin() as connection:
            return self._positions(connection, partitions)

    def ping(self) -> None:
        """
        See that the database answers.

        Raises:
            TransientError: If it is unavailable for now.
        """
        with store_errors(self._engine.url), self._engine.connect() as connection:
            connection.execute(select(1))

    def write(self, batch: SnapshotBatch) -> None:
        """
        Write all of *batch* or, on any error, nothing of it.

        After a ``TransientError`` the same batch may be written again: if the connection broke
        while the database was committing, the batch is recognised as written.

        Raises:
            FencedError: If a position is not the expected one: another worker has moved it.
            TransientError: If the database is unavailable for now.
        """
        is_in_doubt = bool(batch.progress) and batch.progress == self._in_doubt
        if not (is_in_doubt and self._is_written(batch)):
            try:
                self._transact(batch)
            except TransientError:
                self._in_doubt = batch.progress
                raise
            except FencedError:
                # The server may have been at our commit yet when we asked for the positions.
                if not (is_in_doubt and self._is_written(batch)):
                    raise
        self._in_doubt = []

    def _transact(self, batch: SnapshotBatch) -> None:
        with store_errors(self._engine.url), self._engine.begin() as connection:
            self._running = connection.connection.driver_connection
            try:
                self._advance(connection, batch.progress)
                self._write_states(connection, PROFILE, batch.profiles, _profile_values)
                self._write_states(connection, EMPLOYEE, batch.employees, _employee_values)
                self._write_scores(connection, batch.scores)
                self._add(connection, KNOWLEDGE_ITEM, map(_item_values, batch.items))
            finally:
                self._running = None

    def _is_written(self, batch: SnapshotBatch) -> bool:
        # What lies between two offsets is the same for every worker, so it does not matter
        # whether it was this one's commit that moved the positions there.
        new = {(step.topic, step.partition): step.new for step in batch.progress}
        return self.positions(list(new)) == new

    def _positions(
        self, connection: Connection, partitions: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], int]:
        self._add(
            connection,
            SINK_PROGRESS,
            (
                {"topic": topic, "partition": partition, "next_offset": 0}
                for topic, partition in sorted(partitions)
            ),
        )
        key = tuple_(SINK_PROGRESS.c.topic, SINK_PROGRESS.c.partition)
        rows = connection.execute(select(SINK_PROGRESS).where(key.in_(partitions)))
        return {(row.topic, row.partition): row.next_offset for row in rows}

    def _advance(self, connection: Connection, progress: Iterable[Progress]) -> None:
        # Sorted, so that two workers take the row locks in the same order and cannot deadlock.
        # One statement for each, in one round trip: each of its own cost half of a small batch.
        steps = sorted(progress, key=lambda each: (each.topic, each.partition))
        if not steps:
            return
        moved = connection.execute(
            _COMPARE_AND_SET,
            [
                {
                    "at_topic": s.topic,
                    "at_partition": s.partition,
                    "expected": s.expected,
                    "new": s.new,
                }
                for s in steps
            ],
        )
        if moved.rowcount != len(steps):
            found = self._positions(connection, [(step.topic, step.partition) for step in steps])
            # The other one may have written the same.
            lost = next((s for s in steps if found[s.topic, s.partition] != s.new), steps[0])
            raise FencedError(
                f"partition {lost.partition} of {lost.topic} is no longer at offset "
                f"{lost.expected} in the store: another worker has moved it; leaving"
            )

    def _write_states(
        self,
        connection: Connection,
        table: Table,
        rows: Iterable[Row | Tombstone],
        values_of: Callable[[Row], Values],
    ) -> None:
        """Write the newest state of each key; a tombstone takes the row away."""
        key_name = table.primary_key.columns[0].name
        newest: dict[str, tuple[int, Values | None]] = {}
        for row in rows:
            if isinstance(row, Tombstone):
                key, offset, values = row.key, row.changelog_offset, None
            else:
                values = values_of(row)
                key, offset = values[key_name], values["changelog_offset"]
            if key not in newest or newest[key][0] < offset:
                newest[key] = (offset, values)
        self._upsert(
            connection,
            table,
            [values for _, values in newest.values() if values is not None],
            _newer_state,
        )
        gone = [
            {"key": key, "offset": offset}
            for key, (offset, values) in newest.items()
            if values is None
        ]
        if gone:
            older = table.c.changelog_offset < bindparam("offset")
            connection.execute(
                delete(table).where(table.c[key_name] == bindparam("key"), older), gone
            )

    def _write_scores(self, connection: Connection, updates: Sequence[ScoreUpdate]) -> None:
        rows = {
            (each.customer_id, each.version, each.as_of, each.score.epoch_id): each
            for each in reversed(updates)
        }
        scores = [_score_values(rows[key]) for key in sorted(rows)]
        self._add(connection, SCORE, scores)
        self._add(
            connection,
            CLASS_HISTORY,
            (
                {name: values[name] for name in CLASS_HISTORY.c.keys()}  # noqa: SIM118 -- columns, not a dict
                for values in scores
                if values["previous_class"] != values["source_class"]
            ),
        )
        # Sorted above: the last of each customer is the greatest (version, as_of, epoch_id).
        newest = {values["customer_id"]: values for values in scores}
        self._upsert(
            connection,
            CURRENT_SCORE,
            list(newest.values()),
            _newer_score,
        )

    def _add(self, connection: Connection, table: Table, rows: Iterable[Values]) -> None:
        """Insert *rows*; one whose key is there already changes nothing."""
        values = list(rows)
        if values:
            connection.execute(self._insert(table).on_conflict_do_nothing(), values)

    def _upsert(
        self, connection: Connection, table: Table, rows: list[Values], guard: Guard
    ) -> None:
        """Insert *rows*, or replace those that *guard* lets them."""
        # One row a statement: SQLite steps through a prepared statement, psycopg pipelines one.
        # Neither limits the batch, and many rows in one VALUES were not faster (measured:
        # 12,000 to 19,000 rows/s either way), though bound by 32,766 and 65,535 parameters.
        if rows:
            connection.execute(_upsert_of(self._insert, table, guard), rows)


@cache  # to build one takes 2 ms, more than to write ten rows with it
def _upsert_of(insert: _NewInsert, table: Table, guard: Guard) -> Executable:
    statement = insert(table)
    proposed = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=table.primary_key.columns,
        set_={
            column.name: proposed[column.name] for column in table.columns if not column.primary_key
        },
        where=guard(proposed, table),
    )


def _newer_state(proposed: Proposed, there: Table) -> ColumnElement[bool]:
    return proposed.changelog_offset > there.c.changelog_offset


def _newer_score(proposed: Proposed, there: Table) -> ColumnElement[bool]:
    return tuple_(proposed.version, proposed.as_of, proposed.epoch_id) > tuple_(
        there.c.version, there.c.as_of, there.c.epoch_id
    )


def _profile_values(row: ProfileRow) -> Values:
    return {
        "customer_id": row.customer_id,
        "partition": row.partition,
        "changelog_offset": row.changelog_offset,
        "version": row.version,
        "as_of": row.as_of,
        "simulated": row.simulated,
        "about_customer": row.about,
        "for_customer": row.for_,
        "from_customer": row.from_,
        "state": row.state,
    }


def _employee_values(row: EmployeeRow) -> Values:
    return {name: getattr(row, name) for name in EmployeeRow.__slots__}


def _score_values(update: ScoreUpdate) -> Values:
    score = update.score
    return {
        "customer_id": update.customer_id,
        "version": update.version,
        "as_of": update.as_of,
        "reason": update.reason,
        "epoch_id": score.epoch_id,
        "total": score.total,
        "value": score.value,
        "willingness": score.willingness,
        "absorption": score.absorption,
        "value_n_eff": score.value_n_eff,
        "willingness_n_eff": score.willingness_n_eff,
        "absorption_n_eff": score.absorption_n_eff,
        "source_class": score.source_class,
        "previous_class": update.previous_class,
        "lead_user": score.lead_user,
        "engagement": score.engagement,
        "engagement_reason": score.engagement_reason,
        "reference_total": update.reference_total,
        "factors": update.factors,
        "event_id": update.event_id,
    }


def _item_values(item: KnowledgeItem) -> Values:
    return {name: getattr(item, name) for name in KnowledgeItem.__struct_fields__}
