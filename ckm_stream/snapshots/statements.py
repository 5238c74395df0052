"""The writer's statements in either dialect, and the guards of its upserts."""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from sqlalchemy import Executable, Table, bindparam, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement
from sqlalchemy.sql.expression import ColumnElement

from ckm_stream.snapshots.tables import SINK_PROGRESS

Proposed = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]
#: A guard over (the proposed row, the row that is there).
Guard = Callable[[Proposed, Table], ColumnElement[bool]]

# The two dialects' insert statements have one interface and no common base for ON CONFLICT.
Insert = postgresql.Insert | sqlite.Insert
NewInsert = Callable[[Table], Insert]
INSERT: Final[dict[str, NewInsert]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}

COMPARE_AND_SET: Final = (
    update(SINK_PROGRESS)
    .where(
        SINK_PROGRESS.c.topic == bindparam("at_topic"),
        SINK_PROGRESS.c.partition == bindparam("at_partition"),
        SINK_PROGRESS.c.next_offset == bindparam("expected"),
    )
    .values(next_offset=bindparam("new"))
)


@cache  # to build one takes 2 ms, more than to write ten rows with it
def upsert_of(insert: NewInsert, table: Table, guard: Guard) -> Executable:
    """Return the statement that inserts a row, or replaces the one that *guard* lets it."""
    return replace_by(insert(table), table, guard)


def replace_by(statement: Insert, table: Table, guard: Guard) -> Insert:
    """Return an insert that replaces a row of *table* with the same key, if *guard* lets it."""
    proposed = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=table.primary_key.columns,
        set_={
            column.name: proposed[column.name] for column in table.columns if not column.primary_key
        },
        where=guard(proposed, table),
    )


def newer_state(proposed: Proposed, there: Table) -> ColumnElement[bool]:
    """Let a state replace those that are before it in the changelog."""
    return proposed.changelog_offset > there.c.changelog_offset


def newer_score(proposed: Proposed, there: Table) -> ColumnElement[bool]:
    """Let a score replace those of an earlier version, time or epoch."""
    return tuple_(proposed.version, proposed.as_of, proposed.epoch_id) > tuple_(
        there.c.version, there.c.as_of, there.c.epoch_id
    )
