"""
Open the store, bring its tables up to date, and refuse to work with any others.

SQLite is for one machine and the demo, PostgreSQL for everything else; both take the same
statements. A worker's transaction never hangs for ever: PostgreSQL ends one whose owner is
stopped in its middle, so that a successor is not locked out (promises P4, P11, P15).
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ckm_stream.errors import ConfigurationError
from ckm_stream.snapshots.columns import encode_document
from ckm_stream.snapshots.errors import connection_errors, database_name
from ckm_stream.snapshots.tables import REVISIONS

if TYPE_CHECKING:
    import psycopg

_DRIVERS: Final = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}

# A SQLite writer waits this long for another one; a batch of 5,000 rows takes about 0.3 s.
_BUSY_TIMEOUT_MS: Final = 10_000
_WAL_POLL_S: Final = 0.01
_CONNECT_TIMEOUT_S: Final = 5
_CONNECTIONS: Final = 5
#: Nothing is begun, so nothing has to be rolled back when a connection is given back.
_ONLY_READS: Final[dict[str, Any]] = {
    "isolation_level": "AUTOCOMMIT",
    "pool_reset_on_return": None,
}

# Per session. Bounds for one statement, for waiting on another owner's lock, and for a
# transaction whose owner does nothing (a process that is stopped keeps its locks until then).
_POSTGRESQL_SESSION: Final = (
    "SET TIME ZONE 'UTC'",
    "SET statement_timeout = '60s'",
    "SET lock_timeout = '20s'",
    "SET idle_in_transaction_session_timeout = '15s'",
)
# TCP notices a peer that vanished within about 25 s instead of two hours.
_POSTGRESQL_KEEPALIVE: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}

_WRITES: Final = "ckm_writes"


def open_engine(url: str, *, connections: int = _CONNECTIONS, only_reads: bool = False) -> Engine:
    """
    Make the engine for *url*; nothing is connected or created yet.

    Args:
        url: ``sqlite:///path`` or ``postgresql://user:password@host:port/database``.
        connections: How many are kept open; as many again are opened if need be.
        only_reads: Each statement is a transaction of its own, and a connection is not tried before
            it is used: three ways to the server less for each read. Who reads tries again.

    Raises:
        ConfigurationError: If the URL is not one of these; the message does not repeat it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "CKM__STORE__URL is not a database URL; give sqlite:///path "
            "or postgresql://user:password@host:port/database"
        ) from None
    driver = _DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise ConfigurationError(
            f"CKM__STORE__URL names {parsed.get_backend_name()!r}, which is not supported; "
            "use sqlite or postgresql"
        )
    engine = create_engine(
        parsed.set(drivername=driver),
        connect_args=_connect_args(driver),
        hide_parameters=True,  # an error's text must not quote a customer's row
        json_serializer=encode_document,
        json_deserializer=msgspec.json.decode,
        pool_size=connections,
        max_overflow=connections,
        pool_pre_ping=not only_reads,
        **(_ONLY_READS if only_reads else {}),
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _configure_postgresql)
        event.listen(engine, "after_cursor_execute", _stay_bounded, named=True)
    return engine


def for_writing(engine: Engine) -> Engine:
    """
    Return *engine* with transactions that may write from their first statement on.

    SQLite upgrades a reading transaction only if nobody has written since; one that takes the
    write lock at its start waits its turn instead.
    """
    return engine.execution_options(**{_WRITES: True})


@contextmanager
def maintenance(engine: Engine) -> Iterator[Connection]:
    """
    Give a transaction for work on whole tables, which may take longer than a worker's statement.

    Raises:
        ConfigurationError: If the database cannot be used.
    """
    with connection_errors(engine.url), for_writing(engine).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        yield connection


def open_migrated(url: str, *, connections: int = _CONNECTIONS, only_reads: bool = False) -> Engine:
    """
    Make the engine for *url*, and check that its store is ready.

    Args:
        url: As for ``open_engine``.
        connections: Likewise.
        only_reads: Likewise.

    Raises:
        ConfigurationError: If the store cannot be used or is not migrated.
    """
    engine = open_engine(url, connections=connections, only_reads=only_reads)
    try:
        check_migrated(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def migrate(engine: Engine, target: str = REVISIONS[-1]) -> None:
    """
    Create the tables or bring them up to date, up to *target*; harmless when they are.

    A SQLite file is created with its folder.

    Raises:
        ConfigurationError: If the database cannot be used, or is beyond *target*.
        TransientError: If others held its tables for too long.
    """
    from ckm_stream.snapshots.upgrading import upgrade_tables  # noqa: PLC0415 -- Alembic takes 0.3 s

    path = _sqlite_path(engine.url)
    if path is not None:
        _make_folder(path.parent)
    upgrade_tables(engine, target)


def check_migrated(engine: Engine) -> None:
    """
    Refuse a database whose tables do not suit this version.

    Newer tables do if they say so: they are migrated first, and the programs follow one by one.

    Raises:
        ConfigurationError: If it cannot be reached, does not exist, or is not migrated.
    """
    name = database_name(engine.url)
    path = _sqlite_path(engine.url)
    if path is not None and not path.exists():
        raise ConfigurationError(f"database {name} does not exist; run `ckm migrate`")
    current = revision_of(engine)
    if current == REVISIONS[-1]:
        return
    if current not in (None, *REVISIONS) and _oldest_revision(engine) in REVISIONS:
        return
    if current is not None and current not in REVISIONS:
        raise ConfigurationError(
            f"database {name} is at revision {current}, which this version does not know; "
            "install the version of ckm-stream that migrated it, or a newer one"
        )
    raise ConfigurationError(
        f"database {name} is at revision {current or 'none'}, this version needs {REVISIONS[-1]}; "
        "run `ckm migrate`"
    )


def revision_of(engine: Engine) -> str | None:
    """
    Return the revision of the store's tables; None if there are none.

    It is what Alembic noted, read without Alembic, whose import would delay each command's start.

    Raises:
        ConfigurationError: If the database cannot be used.
    """
    path = _sqlite_path(engine.url)
    if path is not None and not path.exists():
        return None
    with connection_errors(engine.url), engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def _oldest_revision(engine: Engine) -> str | None:
    """Read which is the oldest revision whose programs may work with the store's tables."""
    with connection_errors(engine.url), engine.connect() as connection:
        if "compatibility" not in inspect(connection).get_view_names():
            return None
        oldest: str | None = connection.scalar(text("SELECT oldest_revision FROM compatibility"))
        return oldest


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"folder {folder} for the database cannot be made ({error.strerror}); "
            "point CKM__STORE__URL elsewhere"
        ) from None


def _connect_args(driver: str) -> dict[str, Any]:
    if driver == _DRIVERS["sqlite"]:
        # The worker writes from threads, one at a time. Transactions are begun by _begin_sqlite.
        return {"check_same_thread": False, "isolation_level": None}
    return {"connect_timeout": _CONNECT_TIMEOUT_S, **_POSTGRESQL_KEEPALIVE}


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    # Readers do not wait for the writer. With WAL, NORMAL may lose the last transactions when
    # the machine loses power, never their atomicity: rows and positions go together.
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = NORMAL")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # Of several programs that open a new database at once one switches it, and SQLite tells the
    # others that it is locked without waiting for the busy timeout.
    deadline = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_WAL_POLL_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")


def _configure_postgresql(connection: "psycopg.Connection", _record: object) -> None:
    for statement in _POSTGRESQL_SESSION:
        connection.execute(statement)
    connection.commit()


def _stay_bounded(*, cursor: "psycopg.Cursor", executemany: bool, **_: object) -> None:
    """
    Start the server's clock for a transaction whose owner does nothing.

    psycopg ends what it sends for many rows at once with a request to flush, behind the one to
    synchronise. PostgreSQL starts that clock when it is ready for a command and stops it at the
    next message, whatever it is: 12 of 12 stopped sessions kept their locks for good (psycopg
    3.3.9). An empty command makes it ready again.
    """
    if executemany:
        cursor.connection.execute("")


def _sqlite_path(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))
