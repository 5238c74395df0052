"""
Write batches into the store, each exactly once, in one transaction with the positions it moves.

The positions move first, by compare-and-set: 0 rows changed means that another worker owns the
partition, and nothing of the batch is written (promises P1, P4). Rows carry guards of their own,
so that an older state can never replace a newer one, whatever the topics' order to one another.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection, Engine, Executable, Table, bindparam, delete, select, tuple_
from sqlalchemy.exc import IntegrityError

from ckm_stream.domain.score import ScoreUpdate
from ckm_stream.errors import FencedError, TransientError
from ckm_stream.snapshots.batch import (
    Batch,
    EmployeeRow,
    PackedBatch,
    ProfileRow,
    Progress,
    SnapshotBatch,
    Tombstone,
    newest_of,
)
from ckm_stream.snapshots.copying import completion_of, insertion_of, merge_of, stage
from ckm_stream.snapshots.errors import database_name, store_errors
from ckm_stream.snapshots.packing import packed
from ckm_stream.snapshots.staging import (
    STAGED_EMPLOYEE,
    STAGED_ITEM,
    STAGED_PROFILE,
    STAGED_SCORE,
    make_staged,
)
from ckm_stream.snapshots.statements import (
    COMPARE_AND_SET,
    INSERT,
    Guard,
    newer_score,
    newer_state,
    upsert_of,
)
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
from ckm_stream.snapshots.values import (
    Values,
    class_values,
    current_values,
    employee_values,
    item_values,
    profile_values,
    score_values,
)

Row = TypeVar("Row", ProfileRow, EmployeeRow)

#: On PostgreSQL: what is replaced, and what is only added to, each from what it is staged in.
_MERGED: Final = (
    (PROFILE, STAGED_PROFILE, newer_state),
    (EMPLOYEE, STAGED_EMPLOYEE, newer_state),
    (CURRENT_SCORE, STAGED_SCORE, newer_score),
)
_INSERTED: Final = (
    (SCORE, STAGED_SCORE),
    (CLASS_HISTORY, STAGED_SCORE),
    (KNOWLEDGE_ITEM, STAGED_ITEM),
)

# What is new is inserted as it is: to ask for each row whether it is there costs PostgreSQL a sixth
# more. A batch that repeats something is done again with that question, and so are those after it:
# a profile worker that takes over repeats its last unit, one of a new application id all of them.
_UNIQUE_VIOLATION: Final = "23505"
_REPEATING_BATCHES: Final = 20


class SnapshotWriter:
    """The one way into the store; one per worker, used from one thread at a time but to cancel."""

    def __init__(self, engine: Engine) -> None:
        self._engine = for_writing(engine)
        self._insert = INSERT[engine.dialect.name]
        self._copies = engine.dialect.name == "postgresql"
        self._repeating = 0  # batches that may hold what is there
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

    def write(self, batch: Batch) -> None:
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

    def _transact(self, batch: Batch) -> None:
        with store_errors(self._engine.url), self._engine.connect() as connection:
            self._running = connection.connection.driver_connection
            try:
                if self._copies:
                    self._copy(connection, batch)
                else:
                    self._write_rows(connection, cast(SnapshotBatch, batch))
            finally:
                self._running = None

    def _copy(self, connection: Connection, batch: Batch) -> None:
        rows = batch if isinstance(batch, PackedBatch) else packed(batch)
        make_staged(connection)
        if not self._repeating:
            try:
                self._copy_rows(connection, rows, insertion_of)
            except IntegrityError as error:
                if getattr(error.orig, "sqlstate", None) != _UNIQUE_VIOLATION:
                    raise
                self._repeating = _REPEATING_BATCHES
            else:
                return
        self._repeating -= 1
        self._copy_rows(connection, rows, completion_of)

    def _copy_rows(
        self, connection: Connection, rows: PackedBatch, insertion: Callable[..., Executable]
    ) -> None:
        with connection.begin():
            stage(connection, rows)
            self._advance(connection, rows.progress)
            for table, staged, guard in _MERGED:
                if rows.rows[staged.name]:
                    self._merge(connection, table, staged, guard)
            for table, staged in _INSERTED:
                if rows.rows[staged.name]:
                    connection.execute(insertion(table, staged))
            self._delete(connection, PROFILE, rows.gone_profiles)
            self._delete(connection, EMPLOYEE, rows.gone_employees)

    def _merge(self, connection: Connection, table: Table, staged: Table, guard: Guard) -> None:
        """Insert what is staged, or replace those rows that *guard* lets it."""
        connection.execute(merge_of(table, staged, guard))

    def _write_rows(self, connection: Connection, batch: SnapshotBatch) -> None:
        with connection.begin():
            self._advance(connection, batch.progress)
            self._write_states(connection, PROFILE, batch.profiles, profile_values)
            self._write_states(connection, EMPLOYEE, batch.employees, employee_values)
            self._write_scores(connection, batch.scores)
            self._add(connection, KNOWLEDGE_ITEM, map(item_values, batch.items))

    def _is_written(self, batch: Batch) -> bool:
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
            COMPARE_AND_SET,
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
        newest, gone = newest_of(rows)
        self._upsert(connection, table, list(map(values_of, newest)), newer_state)
        self._delete(connection, table, gone)

    def _delete(self, connection: Connection, table: Table, gone: Iterable[Tombstone]) -> None:
        """Take rows away that are older than what says that they are gone."""
        keys = [{"key": each.key, "offset": each.changelog_offset} for each in gone]
        if keys:
            (key,) = table.primary_key.columns
            older = table.c.changelog_offset < bindparam("offset")
            connection.execute(delete(table).where(key == bindparam("key"), older), keys)

    def _write_scores(self, connection: Connection, updates: Sequence[ScoreUpdate]) -> None:
        rows = {
            (each.customer_id, each.version, each.as_of, each.score.epoch_id): each
            for each in reversed(updates)
        }
        scores = [score_values(rows[key]) for key in sorted(rows)]
        self._add(connection, SCORE, scores)
        self._add(
            connection,
            CLASS_HISTORY,
            (
                class_values(values)
                for values in scores
                if values["previous_class"] != values["source_class"]
            ),
        )
        # Sorted above: the last of each customer is the greatest (version, as_of, epoch_id).
        newest = {values["customer_id"]: values for values in scores}
        self._upsert(
            connection,
            CURRENT_SCORE,
            list(map(current_values, newest.values())),
            newer_score,
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
        # One row a statement: SQLite steps through a prepared one, and does not limit the batch.
        if rows:
            connection.execute(upsert_of(self._insert, table, guard), rows)
