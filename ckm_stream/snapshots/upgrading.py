"""
Alembic over a connection of ours: which revisions a store lacks, and how they are applied.

On PostgreSQL each revision is a transaction of its own that waits for a lock at most 1 s and has
2 s for each statement, so that the snapshot workers, which go on writing, are never held up for
long (promise P15); what blocks nobody runs outside of transactions, for as long as it takes. A
revision that does not get its locks is tried again. On SQLite all is one transaction.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.snapshots.errors import cause_of, connection_errors, database_name
from ckm_stream.snapshots.migrations.bounds import BOUNDS
from ckm_stream.snapshots.store import maintenance, revision_of
from ckm_stream.snapshots.tables import REVISIONS

BASE: Final = "base"  # Alembic's word for a database without tables

_MIGRATION_LOCK: Final = 0x636B6D  # "ckm": two migrations at once would create each table twice
_PATIENCE_S: Final = 120.0
_PAUSE_S: Final = 0.5
# 55P03: a lock did not come in time; 57014: a statement took too long; 40P01: a deadlock.
_IN_THE_WAY: Final = frozenset({"55P03", "57014", "40P01"})


@dataclass(frozen=True, slots=True)
class Step:
    """A revision to apply, or to take back, and the first line of what it says of itself."""

    revision: str
    summary: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The way of a store from one revision to another; ``None`` is a store without tables."""

    current: str | None
    target: str | None
    steps: tuple[Step, ...]

    @property
    def is_downgrade(self) -> bool:
        """Whether the steps take revisions back."""
        return _place(self.current) > _place(self.target)


def plan_for(engine: Engine, target: str) -> Plan:
    """
    Return the steps from where the database is to *target*, a revision or ``base``, in order.

    Raises:
        ConfigurationError: If the database cannot be used, or this release does not know its
            revision or the target.
    """
    if target not in (*REVISIONS, BASE):
        raise ConfigurationError(
            f"there is no revision {target}; known are {', '.join(REVISIONS)} and {BASE}"
        )
    current = revision_of(engine)
    if current is not None and current not in REVISIONS:
        raise ConfigurationError(
            f"database {database_name(engine.url)} is at revision {current}, which this version "
            "does not know; use the version of ckm-stream that migrated it, or a newer one"
        )
    wanted = None if target == BASE else target
    start, end = _place(current), _place(wanted)
    passed = REVISIONS[start:end] if start <= end else REVISIONS[end:start][::-1]
    scripts = ScriptDirectory.from_config(migrations())
    steps = tuple(Step(each, _summary(scripts.get_revision(each).doc)) for each in passed)
    return Plan(current, wanted, steps)


def sql_of(plan: Plan) -> str:
    """Return the statements of *plan* for PostgreSQL, to be read or run by hand."""
    written = StringIO()
    config = migrations(written=written)
    ends = f"{plan.current or BASE}:{plan.target or BASE}"
    if plan.is_downgrade:
        command.downgrade(config, ends, sql=True)
    elif plan.steps:
        command.upgrade(config, ends, sql=True)
    return "".join(f"{bound};\n" for bound in BOUNDS) + "\n" + written.getvalue()


def upgrade_tables(engine: Engine, target: str) -> None:
    """
    Apply the revisions that the database lacks, up to *target*.

    Raises:
        ConfigurationError: If the database cannot be used, or is beyond *target*.
        TransientError: If somebody held a table for two minutes; running it again goes on.
    """
    plan = plan_for(engine, target)
    if plan.is_downgrade:
        raise ConfigurationError(
            f"database {database_name(engine.url)} is at revision {plan.current}, {target} is "
            "before it; stop the programs that write, then run `ckm migrate --down --to` it"
        )
    _run(engine, lambda connection: command.upgrade(migrations(connection), target))


def downgrade_tables(engine: Engine, target: str) -> None:
    """
    Take the revisions after *target* back; the programs that write must have been stopped.

    Raises:
        ConfigurationError: If the database cannot be used, or is not beyond *target*.
        TransientError: If somebody held a table for two minutes; running it again goes on.
    """
    plan = plan_for(engine, target)
    if not plan.is_downgrade:
        raise ConfigurationError(
            f"database {database_name(engine.url)} is at revision {plan.current or BASE}, which "
            f"is not beyond {target}; leave out --down"
        )
    _run(engine, lambda connection: command.downgrade(migrations(connection), target))


def migrations(connection: Connection | None = None, *, written: StringIO | None = None) -> Config:
    """Return Alembic's configuration for our migrations, over *connection* or as SQL."""
    config = Config(output_buffer=written) if written is not None else Config()
    config.set_main_option("script_location", "ckm_stream.snapshots:migrations")
    config.attributes["connection"] = connection
    return config


def _summary(doc: str) -> str:
    return doc.strip().splitlines()[0]


def _place(revision: str | None) -> int:
    return 0 if revision is None else REVISIONS.index(revision) + 1


def _run(engine: Engine, work: Callable[[Connection], None]) -> None:
    if engine.dialect.name == "sqlite":
        with maintenance(engine) as connection:
            work(connection)
        return
    with connection_errors(engine.url), engine.connect() as connection:
        try:
            _persist(connection, work)
        finally:
            connection.invalidate()  # what is set and locked in this session ends with it


def _persist(connection: Connection, work: Callable[[Connection], None]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    _lock_out_others(connection, deadline)
    while True:
        try:
            _work_within_bounds(connection, work)
        except OperationalError as error:
            connection.rollback()
            if getattr(error.orig, "sqlstate", None) not in _IN_THE_WAY:
                raise
            _wait(connection, deadline, f"a table was held for too long ({cause_of(error)})")
        else:
            return


def _work_within_bounds(connection: Connection, work: Callable[[Connection], None]) -> None:
    for bound in BOUNDS:
        connection.execute(text(bound))
    connection.commit()  # Alembic begins a transaction for each revision
    work(connection)
    connection.commit()


def _lock_out_others(connection: Connection, deadline: float) -> None:
    # Asked again and again, not waited for: CREATE INDEX CONCURRENTLY waits for every statement
    # that is under way, also for one that waits for this lock.
    ask = text(f"SELECT pg_try_advisory_lock({_MIGRATION_LOCK})")
    while not connection.scalar(ask):
        connection.rollback()
        _wait(connection, deadline, "another `ckm migrate` has been at work for all that time")
    connection.commit()


def _wait(connection: Connection, deadline: float, reason: str) -> None:
    if time.monotonic() > deadline:
        raise TransientError(
            f"database {database_name(connection.engine.url)} could not be migrated within "
            f"{_PATIENCE_S:.0f} s: {reason}; see who holds it, then run `ckm migrate` again"
        )
    time.sleep(_PAUSE_S)
