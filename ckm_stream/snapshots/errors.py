"""
Which database errors pass by themselves, decided in this one place (promise P11).

A transient error is retried in place by the worker: lag grows, nothing is skipped. Anything else
is a defect, or was changed by somebody, and is not disguised as an outage.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ckm_stream.errors import ConfigurationError, TransientError

# Classes of SQLSTATE (PostgreSQL, appendix A): 08 connection, 40 rollback by deadlock or
# serialization, 53 out of disk, memory or connections, 57 cancelled or shut down, 58 system error.
_TRANSIENT_CLASSES: Final = frozenset({"08", "40", "53", "57", "58"})
# 25006: a standby after a failover; 25P03 and 25P04: a transaction that idled or took too long;
# 55P03: lock not available.
_TRANSIENT_STATES: Final = frozenset({"25006", "25P03", "25P04", "55P03"})

_TRANSIENT_SQLITE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_PRIMARY_CODE: Final = 0xFF  # extended SQLite codes keep the primary one in the low byte

# The base class itself, and no other subclass, is what SQLite raises for a file that is none of
# its own or is damaged.
_SERVER_ERRORS: Final = frozenset({OperationalError, DatabaseError})

_RIGHTS: Final = "grant the worker's user its rights on the tables, and start again"
_TABLES: Final = "run `ckm migrate`, and start again"
# What somebody has changed under a running worker, by SQLSTATE: 28 invalid authorization, 3D000 no
# such database, 42501 insufficient privilege, 42P01 and 42703 no such table or column.
_REMEDIES: Final = {
    "28000": _RIGHTS,
    "28P01": _RIGHTS,
    "3D000": "create the database, run `ckm migrate`, and start again",
    "42501": _RIGHTS,
    "42703": _TABLES,
    "42P01": _TABLES,
}

_MAX_CAUSE_LENGTH: Final = 200

# What a PostgreSQL server that was reached says when it will be there soon.
_PASSING: Final = (
    "the database system is ",  # starting up, shutting down, in recovery mode
    "too many clients",
    "remaining connection slots",
)


def is_transient(error: SQLAlchemyError) -> bool:
    """Tell whether *error* passes by itself, so that the same work may succeed later."""
    match error:
        case PoolTimeoutError():
            return True
        case DBAPIError(orig=sqlite3.Error() as cause):
            code = getattr(cause, "sqlite_errorcode", 0)
            return code & _PRIMARY_CODE in _TRANSIENT_SQLITE
        case DBAPIError(connection_invalidated=True):
            return True
        case DBAPIError(orig=cause) if (state := getattr(cause, "sqlstate", None)) is not None:
            return state in _TRANSIENT_STATES or state[:2] in _TRANSIENT_CLASSES
        case _:
            # libpq gives no state when it cannot connect or the connection breaks.
            return isinstance(error, OperationalError | InterfaceError)


def cause_of(error: SQLAlchemyError) -> str:
    """
    Return the first line of what the driver said, or only the error's name if it may hold data.

    Errors of the server or the file speak of hosts, paths and locks; others may quote a row.
    """
    if isinstance(error, DBAPIError) and type(error) in _SERVER_ERRORS:
        lines = str(error.orig).splitlines()
        if lines:
            return lines[0][:_MAX_CAUSE_LENGTH]
    return type(error).__name__


def database_name(url: URL) -> str:
    """Name the database of *url* without its user, password and options."""
    host = url.host or url.query.get("host", "")
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{host}{port}/{url.database or ''}"


@contextmanager
def store_errors(url: URL) -> Iterator[None]:
    """
    Turn the errors of a database at work into ours; let through what is a defect.

    Raises:
        TransientError: If the database is unavailable for now; the message names it.
        ConfigurationError: If it was changed under us, such as a right that was revoked.
    """
    try:
        yield
    except SQLAlchemyError as error:
        if is_transient(error):
            raise TransientError(
                f"database {database_name(url)} is unavailable for now: {cause_of(error)}"
            ) from error
        if (remedy := _remedy(error)) is not None:
            raise ConfigurationError(
                f"database {database_name(url)} cannot be used any more ({cause_of(error)}); "
                f"{remedy}: nothing was written"
            ) from error
        raise


def _remedy(error: SQLAlchemyError) -> str | None:
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):  # it has one code for all of these
        said = str(error.orig)
        return _TABLES if said.startswith(("no such table", "no such column")) else None
    return _REMEDIES.get(getattr(error.orig, "sqlstate", None) or "")


@contextmanager
def connection_errors(url: URL) -> Iterator[None]:
    """
    Turn any failure to work with the database into one sentence, for a program's start.

    Raises:
        ConfigurationError: The database refuses us; the sentence has the cause and the remedy.
        TransientError: The database is away, starting or full; likewise.
    """
    try:
        yield
    except DatabaseError as error:
        if type(error) not in _SERVER_ERRORS:
            raise
        kind = TransientError if _is_away(error) else ConfigurationError
        raise kind(
            f"database {database_name(url)} cannot be used ({cause_of(error)}); "
            "start it, or point CKM__STORE__URL elsewhere"
        ) from None


def _is_away(error: DatabaseError) -> bool:
    """Tell a server that is not there, or not yet, from one that refuses us."""
    if isinstance(error.orig, sqlite3.Error) or not is_transient(error):
        return False
    # libpq gives no state for a connection that fails; a server that was reached says FATAL.
    said = str(error.orig)
    return "FATAL" not in said or any(passing in said for passing in _PASSING)
