"""Whether the store is there and migrated, and its clock like ours: a part of `ckm check`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine, text

from ckm_stream.operations.findings import Finding, ok, warning
from ckm_stream.snapshots.errors import connection_errors, database_name
from ckm_stream.snapshots.store import check_migrated, open_engine, revision_of

STORE: Final = "store"
CLOCK: Final = "clock"

# Far above what NTP leaves, and far below the time for which an event may be ahead of us.
_SKEW_S: Final = 2.0


def check_store(url: str) -> Iterator[Finding]:
    """
    Look at the store of *url*.

    Raises:
        ConfigurationError: If it refuses us, does not exist, or is not migrated.
        TransientError: If it is away.
    """
    engine = open_engine(url)
    try:
        check_migrated(engine)
        name = database_name(engine.url)
        yield ok(STORE, f"{name} answers, and its tables are at revision {revision_of(engine)}")
        if engine.dialect.name == "postgresql":  # the others have no clock of their own
            yield _clock_finding(_skew_s(engine))
    finally:
        engine.dispose()


def _skew_s(engine: Engine) -> float:
    """Return by how many seconds the database's clock is ahead of ours."""
    with connection_errors(engine.url), engine.connect() as connection:
        before = datetime.now(UTC)
        theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        after = datetime.now(UTC)
    return (theirs - (before + (after - before) / 2)).total_seconds()


def _clock_finding(skew_s: float) -> Finding:
    if abs(skew_s) <= _SKEW_S:
        return ok(CLOCK, f"the database's and ours differ by {abs(skew_s):.1f} s")
    direction = "ahead of" if skew_s > 0 else "behind"
    return warning(
        CLOCK,
        f"the database's is {abs(skew_s):.1f} s {direction} ours, so that lags and ages are wrong "
        "by as much; let both follow NTP",
    )
