"""
Temporary tables of a session, into which PostgreSQL takes a batch before it takes any lock.

A worker that is stopped (SIGSTOP) in the middle of a COPY would keep its transaction for good: the
server waits for the rest and no timeout ends that wait. So nothing that others need is touched
while rows come in, neither the positions nor the tables (promises P4, P11, P15).
"""

from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, MetaData, Table
from sqlalchemy.schema import CreateTable

from ckm_stream.snapshots.tables import EMPLOYEE, KNOWLEDGE_ITEM, PROFILE, SCORE

#: Marks the newest score of each customer in a batch.
NEWEST: Final = "is_newest"

_STAGED: Final = MetaData()
_MADE: Final = "ckm_staged"


def _staged(table: Table, *more: Column[Any]) -> Table:
    columns = (Column(each.name, each.type, nullable=each.nullable) for each in table.columns)
    return Table(
        f"staged_{table.name}",
        _STAGED,
        *columns,
        *more,
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DELETE ROWS",
    )


STAGED_PROFILE: Final = _staged(PROFILE)
STAGED_EMPLOYEE: Final = _staged(EMPLOYEE)
STAGED_SCORE: Final = _staged(SCORE, Column(NEWEST, Boolean, nullable=False))
STAGED_ITEM: Final = _staged(KNOWLEDGE_ITEM)


def make_staged(connection: Connection) -> None:
    """Make the tables in this session, once, in a transaction of their own."""
    if _MADE not in connection.info:
        with connection.begin():
            for table in _STAGED.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
        connection.info[_MADE] = True
