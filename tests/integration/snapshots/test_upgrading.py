"""
A store goes up and down with its rows while others use it (promise P15).

Revision 0001 is release 0.1's; its writer is today's with that release's tables.
"""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from sqlalchemy import Engine, event, insert, inspect, select, text

from ckm_stream.domain.score import ScoreUpdate, SourceClass
from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.snapshots import queries, upgrading
from ckm_stream.snapshots import store as store_module
from ckm_stream.snapshots.batch import SnapshotBatch
from ckm_stream.snapshots.store import check_migrated, for_writing, migrate, open_engine
from ckm_stream.snapshots.tables import EPOCH, FACTOR_COLUMNS, METADATA, REVISIONS
from ckm_stream.snapshots.upgrading import downgrade_tables, plan_for, sql_of
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.old_store import dump, fill, old_writer
from tests.support.services import wait_until
from tests.support.store_rows import PROFILES, batch_of, epoch_row, rows_of, step, update_of

_ROWS = 10_000
_FIRST = REVISIONS[0]
#: Promised to the snapshot workers, and the time that somebody holds a table for against it.
_LONGEST_WAIT_S = 2
_HELD_S = 3.0
_PATIENCE_S = 30.0


@pytest.fixture
def old_store(store_url: str) -> Iterator[Engine]:
    """Give a store of revision 0001, of each kind in turn."""
    engine = open_engine(store_url)
    migrate(engine, _FIRST)
    yield engine
    engine.dispose()


@pytest.fixture
def old_postgresql(postgres_url: str) -> Iterator[Engine]:
    """Give a store of revision 0001 on PostgreSQL, which others can use meanwhile."""
    engine = open_engine(postgres_url)
    migrate(engine, _FIRST)
    yield engine
    engine.dispose()


def test_ten_thousand_rows_of_each_table_survive_up_and_down(old_store: Engine) -> None:
    """Up, down, up: every value of revision 0001 is what it was; down to nothing, and up again."""
    fill(old_store, _ROWS)
    dumps = [dump(old_store)]

    migrate(old_store)
    dumps.append(dump(old_store))
    downgrade_tables(old_store, _FIRST)
    dumps.append(dump(old_store))
    migrate(old_store)
    dumps.append(dump(old_store))

    assert [len(rows) for rows in dumps[0].values()] == [_ROWS] * 7
    assert dumps[1:] == dumps[:1] * 3
    downgrade_tables(old_store, upgrading.BASE)
    assert inspect(old_store).get_table_names() == ["alembic_version"]
    assert inspect(old_store).get_view_names() == []
    migrate(old_store)
    check_migrated(old_store)


def test_control_a_revision_that_drops_a_column_is_noticed(old_store: Engine) -> None:
    """A column dropped on the way up comes back empty on the way down: another dump."""
    fill(old_store, 3)
    before = dump(old_store)

    migrate(old_store)
    with for_writing(old_store).begin() as connection:
        connection.execute(text("ALTER TABLE current_score DROP COLUMN engagement_reason"))
        connection.execute(text("ALTER TABLE current_score ADD COLUMN engagement_reason TEXT"))
    downgrade_tables(old_store, _FIRST)

    assert dump(old_store) != before


def histories_of(engine: Engine) -> list[list[dict[str, Any]]]:
    """Return the scores, the changes of class and the current scores; the factors apart."""
    factors = {"factors", *FACTOR_COLUMNS}
    return [
        [{name: row[name] for name in row.keys() - factors} for row in rows_of(engine, table)]
        for table in ("score", "class_history", "current_score")
    ]


def factors_of(engine: Engine) -> list[tuple[Any, ...]]:
    """Return the rows of the view of factors, in their order."""
    columns = ("customer_id", "version", "epoch_id", "place", *FACTOR_COLUMNS.values())
    names = ", ".join(columns)
    query = f"SELECT {names} FROM score_factor ORDER BY customer_id, version, epoch_id, place"  # noqa: S608 -- names of ours
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_factors_become_documents_for_older_programs_and_stay_the_same(store: Engine) -> None:
    """To the last bit, in their order, in the newest score too; the view has both kinds of rows."""
    writer = SnapshotWriter(store)
    writer.positions([(PROFILES, 0)])
    sent = [update_of("c-1", 1), update_of("c-1", 2, total=0.5)]
    nothing = msgspec.structs.replace(update_of("c-2", 1), factors=())
    writer.write(batch_of(0, 3, scores=[*sent, nothing]))
    listed = factors_of(store)

    downgrade_tables(store, "0004")
    old = rows_of_before(store)
    migrate(store)
    writer.write(batch_of(3, 4, scores=[update_of("c-3", 1)]))

    assert [row[:4] for row in listed] == [
        ("c-1", version, 0, place) for version in (1, 2) for place in (1, 2)
    ]
    assert [row[4:] for row in listed[:2]] == [
        msgspec.structs.astuple(factor) for factor in sent[0].factors
    ]
    documents = [[msgspec.to_builtins(factor) for factor in each.factors] for each in sent]
    assert old == {"score": [*documents, []], "current_score": [documents[1], []]}
    assert factors_of(store) == [*listed, *(("c-3", *row[1:]) for row in listed[:2])]
    explained = queries.explain(store, "c-1")
    assert explained is not None
    assert set(explained.factors) == set(sent[1].factors)


def rows_of_before(engine: Engine) -> dict[str, list[Any]]:
    """Return the factors as programs up to revision 0004 read them, by their table."""
    documents = {}
    for table in ("score", "current_score"):
        column = METADATA.tables[table].c.factors
        key = METADATA.tables[table].c
        with engine.connect() as connection:
            query = select(column).order_by(key.customer_id, key.version)
            documents[table] = list(connection.execute(query).scalars())
    return documents


def in_epoch(epoch_id: int, source_class: SourceClass) -> ScoreUpdate:
    """Return an update of the one customer, at one version and instant, in an epoch."""
    update = update_of("c-1", 5, source_class=source_class)
    score = msgspec.structs.replace(update.score, epoch_id=epoch_id)
    return msgspec.structs.replace(update, score=score)


def test_announcements_of_several_epochs_are_kept_and_the_newest_survives_a_downgrade(
    store: Engine,
) -> None:
    """Where the old key has room for one only, it is that of the newest epoch."""
    updates = [
        in_epoch(2, SourceClass.KEY_SOURCE),
        in_epoch(0, SourceClass.ORDINARY),
        in_epoch(1, SourceClass.UNKNOWN),
    ]
    writer = SnapshotWriter(store)
    writer.positions([(PROFILES, 0)])
    for number, update in enumerate(updates):
        writer.write(batch_of(number, number + 1, scores=[update]))

    at_head = histories_of(store)
    downgrade_tables(store, _FIRST)
    old = dump(store)
    migrate(store)
    again = histories_of(store)

    assert [[row["epoch_id"] for row in rows] for rows in at_head] == [[0, 1, 2], [0, 1, 2], [2]]
    assert [len(old[table]) for table in ("score", "class_history", "current_score")] == [1, 1, 1]
    assert again == [rows[-1:] for rows in at_head]


def test_epochs_go_and_nothing_else_with_the_revision_that_brought_them(store: Engine) -> None:
    """Programs of the revision before find what they had; those of after, an empty table."""
    writer = SnapshotWriter(store)
    writer.positions([(PROFILES, 0)])
    writer.write(batch_of(0, 1, scores=[in_epoch(1, SourceClass.ORDINARY)]))
    with for_writing(store).begin() as connection:
        connection.execute(insert(EPOCH), epoch_row(1))
    before: list[Any] = [
        rows_of(store, "epoch"),
        histories_of(store),
        rows_of(store, "sink_progress"),
    ]

    downgrade_tables(store, "0003")
    tables = inspect(store).get_table_names()
    migrate(store)

    assert "epoch" not in tables
    assert [len(before[0]), len(before[2])] == [1, 1]
    after = [rows_of(store, "epoch"), histories_of(store), rows_of(store, "sink_progress")]
    assert after == [[], *before[1:]]


@pytest.mark.parametrize("revision", REVISIONS[1:])
def test_programs_of_the_release_before_write_on_newer_tables(
    old_store: Engine, revision: str
) -> None:
    """Its statements do the same on every revision, so the store is migrated before the workers."""
    migrate(old_store, revision)

    fill(old_store, 20)
    with old_writer(old_store) as old:
        old.write(batch_of(7, 8, scores=[update_of("c-2", 2), update_of("c-2", 1)]))
    migrate(old_store)

    assert len(rows_of(old_store, "score")) == 21
    assert {row["epoch_id"] for row in rows_of(old_store, "class_history")} == {0}
    assert [row["version"] for row in rows_of(old_store, "current_score")].count(2) == 1
    explained = queries.explain(old_store, "c-2")
    assert explained is not None
    assert set(explained.factors) == set(update_of("c-2", 2).factors)


@pytest.mark.parametrize(
    ("known", "is_accepted"), [((_FIRST,), True), (REVISIONS[:3], True), (("0000",), False)]
)
def test_a_program_accepts_newer_tables_that_suit_it(
    store: Engine, known: tuple[str, ...], is_accepted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables say which is the oldest revision whose programs they suit."""
    monkeypatch.setattr(store_module, "REVISIONS", known)

    if is_accepted:
        check_migrated(store)
    else:
        with pytest.raises(ConfigurationError, match="which this version does not know; install"):
            check_migrated(store)


class WritingOn:
    """
    A snapshot worker of revision 0001 that writes one batch after the other.

    The server refuses it a lock that it has waited for too long, which is its last batch then: a
    clock in here would also count what a busy machine takes for everything else.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        event.listen(self._engine, "connect", impatient)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.batches = 0
        self.longest_s = 0.0
        self.refusal = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self.write_on(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(_PATIENCE_S)
        self._engine.dispose()

    def write_on(self, batches: int) -> None:
        """Wait until it has written so many more."""
        goal = self.batches + batches
        wait_until(
            lambda: self.batches >= goal,
            timeout_s=_PATIENCE_S,
            what=lambda: f"{goal} batches, not {self.batches}; {self.refusal}",
        )

    def _run(self) -> None:
        with old_writer(self._engine) as old:
            old.positions([("on", 0)])
            while not self._end.is_set() and not self.refusal:
                number, started = self.batches, time.monotonic()
                update = update_of("on", number + 1, source_class=SourceClass.KEY_SOURCE)
                ahead = step(number, number + 1, topic="on")
                try:
                    old.write(SnapshotBatch(scores=[update], progress=[ahead]))
                except TransientError as error:
                    self.refusal = str(error)
                else:
                    self.longest_s = max(self.longest_s, time.monotonic() - started)
                    self.batches += 1


def impatient(connection: Any, _record: object) -> None:
    """Let a session wait for a lock as long as was promised, and no longer."""
    connection.execute(f"SET lock_timeout = '{_LONGEST_WAIT_S}s'")
    connection.commit()


@contextmanager
def analyst(engine: Engine) -> Iterator[Callable[[], bool]]:
    """Read one state of a table for as long as the block; tells whether somebody waits for that."""
    with engine.connect() as connection, engine.connect() as other:
        reading = connection.execution_options(isolation_level="REPEATABLE READ")
        reading.execute(text("SET idle_in_transaction_session_timeout = 0"))
        pid = reading.scalar(text("SELECT pg_backend_pid()"))
        reading.execute(text("SELECT count(*) FROM score"))
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE :analyst = ANY(pg_blocking_pids(pid))"
        )

        def is_in_the_way() -> bool:
            with other.begin():
                return bool(other.scalar(waiting, {"analyst": pid}))

        yield is_in_the_way


@contextmanager
def migrated_around(engine: Engine, target: str = REVISIONS[-1]) -> Iterator[None]:
    """Migrate beside the block, with an analyst in the way all the time; then to its end."""
    with ThreadPoolExecutor() as pool:
        with analyst(engine) as is_in_the_way:
            migration = pool.submit(migrate, engine, target)
            wait_until(is_in_the_way, timeout_s=_PATIENCE_S, what="a migration that waits")
            yield
        migration.result(_PATIENCE_S)


def test_a_snapshot_worker_writes_on_while_a_large_store_is_migrated(
    old_postgresql: Engine, postgres_url: str
) -> None:
    """Whatever the size of a table and whoever reads it: no batch waits for more than 2 s."""
    fill(old_postgresql, _ROWS)

    with WritingOn(postgres_url) as worker:
        with migrated_around(old_postgresql, "0002"):
            worker.write_on(20)
        with migrated_around(old_postgresql):
            time.sleep(_HELD_S)  # longer than the worker may wait
        worker.write_on(1)

    print(f"{worker.batches} batches, the longest took {worker.longest_s:.3f} s")
    assert worker.refusal == ""
    assert worker.batches > 20
    written = [row for row in rows_of(old_postgresql, "score") if row["customer_id"] == "on"]
    assert len(written) == worker.batches
    check_migrated(old_postgresql)


def test_control_without_bounds_a_migration_holds_the_worker_up(
    old_postgresql: Engine, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the reader as long as it takes, and the worker waits behind it."""
    monkeypatch.setattr(upgrading, "BOUNDS", ("SET lock_timeout = 0", "SET statement_timeout = 0"))
    migrate(old_postgresql, "0002")

    with WritingOn(postgres_url) as worker, migrated_around(old_postgresql):
        wait_until(lambda: worker.refusal != "", timeout_s=_PATIENCE_S, what="a worker held up")

    assert "canceling statement due to lock timeout" in worker.refusal


def test_a_table_that_is_held_for_too_long_is_a_transient_error_and_nothing_is_lost(
    old_postgresql: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says what to do; the next attempt goes on where this one ended."""
    monkeypatch.setattr(upgrading, "_PATIENCE_S", 0.0)
    migrate(old_postgresql, "0002")

    with analyst(old_postgresql):
        with pytest.raises(TransientError, match=r"a table was held for too long .* again$"):
            migrate(old_postgresql)
        assert store_module.revision_of(old_postgresql) == "0002"
    migrate(old_postgresql)

    check_migrated(old_postgresql)


def test_a_migration_that_is_at_work_is_not_joined(
    old_postgresql: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one gives up after its patience, with a sentence."""
    monkeypatch.setattr(upgrading, "_PATIENCE_S", 0.0)

    with old_postgresql.connect() as other:
        other.execute(text(f"SELECT pg_advisory_lock({upgrading._MIGRATION_LOCK})"))
        with pytest.raises(TransientError, match="another `ckm migrate` has been at work"):
            migrate(old_postgresql)
        other.invalidate()


def test_an_index_of_a_migration_that_was_broken_off_is_built_anew(
    old_postgresql: Engine,
) -> None:
    """CREATE INDEX CONCURRENTLY leaves one behind that nothing may rely on."""
    with old_postgresql.begin() as connection:
        connection.execute(text("CREATE INDEX uq_score_epoch_id ON score (customer_id)"))

    migrate(old_postgresql)

    check_migrated(old_postgresql)
    key = inspect(old_postgresql).get_pk_constraint("score")["constrained_columns"]
    assert key == ["customer_id", "version", "as_of", "epoch_id"]


def test_a_way_to_nowhere_is_refused(old_store: Engine) -> None:
    """A revision that does not exist, and a direction that was not meant."""
    with pytest.raises(ConfigurationError, match="there is no revision 0815; known are 0001, 0002"):
        migrate(old_store, "0815")
    with pytest.raises(ConfigurationError, match="is not beyond 0006; leave out --down"):
        downgrade_tables(old_store, REVISIONS[-1])
    migrate(old_store)
    with pytest.raises(ConfigurationError, match="0001 is before it; stop the programs that write"):
        migrate(old_store, _FIRST)


def test_a_store_of_a_newer_release_is_not_migrated(store: Engine) -> None:
    """Neither up nor down: its revisions are not known here."""
    with for_writing(store).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(ConfigurationError, match="revision 9999, which this version does not know"):
        migrate(store)


#: Rules that a statement of ours breaks, and why it may.
_MAY_BREAK = {
    "prefer-robust-stmts": "IF NOT EXISTS would keep an index that is not valid; it is dropped",
    "ban-drop-constraint": "a primary key is replaced by a wider one in the same statement",
}


def linted(sql: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run squawk over statements for PostgreSQL."""
    file = folder / "migration.sql"
    file.write_text(sql)
    program = shutil.which("squawk", path=Path(sys.executable).parent)
    assert program is not None
    excluded = [f"--exclude={rule}" for rule in _MAY_BREAK]
    return subprocess.run(
        [program, "--pg-version=14", *excluded, str(file)],
        check=False,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
    )


def test_migrations_hold_nobody_up_by_the_rules_of_squawk(
    old_postgresql: Engine, tmp_path: Path
) -> None:
    """The linter knows which statements lock what; revision 0001 makes empty tables."""
    result = linted(sql_of(plan_for(old_postgresql, REVISIONS[-1])), tmp_path)

    assert result.returncode == 0, result.stdout


def test_control_squawk_finds_a_statement_that_holds_others_up(
    old_postgresql: Engine, tmp_path: Path
) -> None:
    """An index built while nobody may write, and a column that is not there for a while."""
    plan = plan_for(old_postgresql, REVISIONS[-1])
    planted = "CREATE INDEX ON score (event_id);\nALTER TABLE score RENAME COLUMN total TO t;\n"

    result = linted(sql_of(plan) + planted, tmp_path)

    assert result.returncode != 0
    assert "require-concurrent-index-creation" in result.stdout
    assert "renaming-column" in result.stdout
