"""Outages are told from defects by what the driver says of them."""

import sqlite3

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.snapshots.errors import (
    cause_of,
    connection_errors,
    database_name,
    is_transient,
    store_errors,
)

URL = make_url("postgresql+psycopg://ckm:s3cret@db.example:5433/ckm?sslmode=require")


def wrapped(error: Exception, driver: type[Exception]) -> SQLAlchemyError:
    """Wrap a driver's error as SQLAlchemy does."""
    made = DBAPIError.instance("SELECT 1", {}, error, driver)
    assert isinstance(made, SQLAlchemyError)
    return made


def sqlite_error(
    code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError
) -> SQLAlchemyError:
    """Make an error of SQLite with an extended error code."""
    error = kind("said by SQLite")
    error.sqlite_errorcode = code
    return wrapped(error, sqlite3.Error)


TRANSIENT = [
    errors.AdminShutdown("the server is shut down"),
    errors.CannotConnectNow("the server is starting up"),
    errors.ConnectionFailure("the connection broke"),
    errors.DeadlockDetected("deadlock"),
    errors.DiskFull("no space left"),
    errors.IdleInTransactionSessionTimeout("stopped in the middle"),
    errors.LockNotAvailable("lock timeout"),
    errors.QueryCanceled("statement timeout"),
    errors.ReadOnlySqlTransaction("a standby"),
    errors.SerializationFailure("could not serialize"),
    errors.TooManyConnections("too many clients"),
    psycopg.OperationalError("connection refused"),
]
LASTING = [
    errors.InsufficientPrivilege("permission denied"),
    errors.NotNullViolation("null value"),
    errors.NumericValueOutOfRange("out of range"),
    errors.UndefinedTable("no such table"),
    errors.UniqueViolation("duplicate key"),
]


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
def test_server_trouble_is_transient(error: psycopg.Error) -> None:
    """Connections, deadlocks, timeouts, shutdowns and full resources pass by themselves."""
    assert is_transient(wrapped(error, psycopg.Error))


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
def test_defects_of_ours_are_not_transient(error: psycopg.Error) -> None:
    """Waiting mends neither a wrong statement nor a wrong row."""
    assert not is_transient(wrapped(error, psycopg.Error))


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_BUSY_SNAPSHOT,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
    ],
)
def test_busy_or_full_sqlite_is_transient(code: int) -> None:
    """A locked file and a full disk pass by themselves, extended codes included."""
    assert is_transient(sqlite_error(code))


def test_other_sqlite_errors_are_not_transient() -> None:
    """A damaged file, a missing table or an unknown code do not mend themselves."""
    assert not is_transient(sqlite_error(sqlite3.SQLITE_ERROR))
    assert not is_transient(sqlite_error(sqlite3.SQLITE_CORRUPT, sqlite3.DatabaseError))
    assert not is_transient(wrapped(sqlite3.OperationalError("no code"), sqlite3.Error))


def test_exhausted_pool_is_transient() -> None:
    """No free connection now may be one later."""
    assert is_transient(PoolTimeoutError("30 s"))
    assert not is_transient(ArgumentError("ours"))


def test_transient_message_names_the_database_without_secrets() -> None:
    """The worker's log line says which database and why, and nothing that is secret."""
    with pytest.raises(TransientError) as caught, store_errors(URL):
        raise wrapped(errors.DeadlockDetected("deadlock\nDETAIL: row of Ms X"), psycopg.Error)

    assert str(caught.value) == (
        "database postgresql://db.example:5433/ckm is unavailable for now: deadlock"
    )


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (errors.InsufficientPrivilege("permission denied"), "grant the worker's user its rights"),
        (errors.InvalidPassword("password authentication failed"), "grant the worker's user"),
        (errors.UndefinedTable("relation does not exist"), "run `ckm migrate`"),
        (errors.UndefinedColumn("column does not exist"), "run `ckm migrate`"),
        (errors.InvalidCatalogName("database does not exist"), "create the database"),
        (sqlite3.OperationalError("no such table: profile"), "run `ckm migrate`"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_what_was_changed_under_a_worker_is_named_with_its_remedy(
    error: Exception, remedy: str
) -> None:
    """Rights that were revoked, tables that are gone: no outage, and no defect of ours."""
    driver = sqlite3.Error if isinstance(error, sqlite3.Error) else psycopg.Error
    with pytest.raises(ConfigurationError, match=remedy), store_errors(URL):
        raise wrapped(error, driver)


def test_lasting_error_passes_through() -> None:
    """What is no outage reaches the outermost frame as it is."""
    error = wrapped(errors.UniqueViolation("Key (customer_id)=(c-1)"), psycopg.Error)

    for translate in (store_errors, connection_errors):
        with pytest.raises(DBAPIError) as caught, translate(URL):
            raise error
        assert caught.value is error


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("connection refused", TransientError),
        ("FATAL:  the database system is starting up", TransientError),
        ("FATAL:  sorry, too many clients already", TransientError),
        ('FATAL:  password authentication failed for user "ckm"', ConfigurationError),
        ('FATAL:  database "ckm" does not exist', ConfigurationError),
    ],
)
def test_start_up_error_tells_a_server_that_is_away_from_one_that_refuses(
    said: str, kind: type[Exception]
) -> None:
    """The first is waited for, the second is a setting to mend; both name the remedy."""
    with (
        pytest.raises(kind, match=r"start it, or point CKM__STORE") as caught,
        connection_errors(URL),
    ):
        raise wrapped(psycopg.OperationalError(said), psycopg.Error)

    assert said in str(caught.value)


def test_cause_never_quotes_a_row() -> None:
    """An error that may hold a customer's values is only named."""
    error = wrapped(errors.UniqueViolation("Key (customer_id)=(c-1)"), psycopg.Error)

    assert cause_of(error) == "IntegrityError"
    assert cause_of(wrapped(psycopg.OperationalError(""), psycopg.Error)) == "OperationalError"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///var/ckm.db", "sqlite:///var/ckm.db"),
        ("sqlite:////srv/ckm.db", "sqlite:////srv/ckm.db"),
        ("postgresql://u:p@h/ckm", "postgresql://h/ckm"),
        ("postgresql://u:p@/ckm?host=/run/pg&password=x", "postgresql:///run/pg/ckm"),
    ],
)
def test_database_name_is_what_a_person_needs(url: str, name: str) -> None:
    """Host, port and database; no user, no password, no options."""
    assert database_name(make_url(url)) == name
