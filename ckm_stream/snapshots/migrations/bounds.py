"""How long a migration may hold up others, and how it does what takes longer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from alembic import op

#: While a migration waits for a table, all who come after it wait too: at most this long.
_LOCK_S: Final = 1
_STATEMENT_S: Final = 2

BOUNDS: Final = (
    f"SET lock_timeout = '{_LOCK_S}s'",
    f"SET statement_timeout = '{_STATEMENT_S}s'",
)


@contextmanager
def without_bounds() -> Iterator[None]:
    """
    Leave the transaction and its bounds, on PostgreSQL, for statements that block nobody.

    What is done here is not undone if something later fails: a revision must bear being begun anew.
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = 0")
        yield
        for bound in BOUNDS:
            op.execute(bound)


def is_postgresql() -> bool:
    """Say whether the store is PostgreSQL; else it is SQLite, with nobody else in it."""
    return op.get_context().dialect.name == "postgresql"
