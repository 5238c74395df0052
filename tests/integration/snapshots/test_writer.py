"""Batches go into the store once, whole, and by their owner alone (promises P1, P4, P11)."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, event, text, true, update

from ckm_stream.domain.score import Factor, SourceClass
from ckm_stream.errors import ConfigurationError, FencedError, TransientError
from ckm_stream.snapshots.batch import Batch, PackedBatch, Progress, SnapshotBatch, Tombstone
from ckm_stream.snapshots.packing import END, HEAD
from ckm_stream.snapshots.statements import Guard
from ckm_stream.snapshots.store import migrate, open_engine
from ckm_stream.snapshots.tables import FACTOR_COLUMNS, SINK_PROGRESS
from ckm_stream.snapshots.values import Values
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.postgres import PostgresServer
from tests.support.store_rows import (
    NOON,
    PROFILES,
    SCORES,
    batch_of,
    digest_of,
    employee_of,
    item_of,
    profile_of,
    rows_of,
    step,
    update_of,
)

KEY, SILENT, ORDINARY = (
    SourceClass.KEY_SOURCE,
    SourceClass.SILENT_VALUABLE,
    SourceClass.ORDINARY,
)


@pytest.fixture
def writer(store: Engine) -> SnapshotWriter:
    """Give a writer that owns partition 0 of the profile changelog, at offset 0."""
    writer = SnapshotWriter(store)
    writer.positions([(PROFILES, 0)])
    return writer


def position_of(writer: SnapshotWriter) -> int:
    """Return the position of partition 0 of the profile changelog."""
    return writer.positions([(PROFILES, 0)])[PROFILES, 0]


class TestPositions:
    """Where a worker goes on reading."""

    def test_unknown_partitions_start_at_zero(self, writer: SnapshotWriter) -> None:
        """A partition that the store has not heard of is read from its first record."""
        positions = writer.positions([(SCORES, 1), (SCORES, 0)])

        assert positions == {(SCORES, 0): 0, (SCORES, 1): 0}

    def test_position_moves_with_its_batch(self, writer: SnapshotWriter) -> None:
        """After a batch the position is the first offset not in it, for its partition alone."""
        writer.positions([(SCORES, 0)])

        writer.write(batch_of(0, 7))

        assert writer.positions([(PROFILES, 0), (SCORES, 0)]) == {(PROFILES, 0): 7, (SCORES, 0): 0}

    def test_no_partitions_need_no_database(self, writer: SnapshotWriter) -> None:
        """A worker without partitions has no positions."""
        assert writer.positions([]) == {}


class TestStates:
    """Profiles and employees: the newest state of each key."""

    def test_every_column_is_stored_as_given(self, writer: SnapshotWriter, store: Engine) -> None:
        """A profile row reads back as it was written, to the microsecond and the byte."""
        row = profile_of("c-1", offset=41, state=bytes(range(256)), simulated=True)

        writer.write(batch_of(0, 42, profiles=[row]))

        assert rows_of(store, "profile") == [
            {
                "customer_id": "c-1",
                "partition": 0,
                "changelog_offset": 41,
                "version": 42,
                "as_of": NOON + 41,
                "simulated": True,
                "about_customer": row.about,
                "for_customer": row.for_,
                "from_customer": row.from_,
                "state": bytes(range(256)),
            }
        ]

    def test_newest_state_of_a_batch_is_stored(self, writer: SnapshotWriter, store: Engine) -> None:
        """Of several states of one customer in a batch, the greatest changelog offset stays."""
        states = [profile_of("c-1", offset=offset) for offset in (4, 9, 6)]

        writer.write(batch_of(0, 10, profiles=states))

        assert [row["changelog_offset"] for row in rows_of(store, "profile")] == [9]

    def test_newer_state_replaces_older(self, writer: SnapshotWriter, store: Engine) -> None:
        """A later batch's state takes the row over, with all its columns."""
        writer.write(batch_of(0, 5, profiles=[profile_of("c-1", offset=4)]))

        writer.write(batch_of(5, 9, profiles=[profile_of("c-1", offset=8)]))

        (row,) = rows_of(store, "profile")
        assert (row["version"], row["state"]) == (9, b"c-1@8")

    def test_older_state_changes_nothing(self, writer: SnapshotWriter, store: Engine) -> None:
        """A state from a smaller changelog offset than the row's is not written."""
        writer.write(batch_of(0, 5, profiles=[profile_of("c-1", offset=4)]))

        writer.write(batch_of(5, 9, profiles=[profile_of("c-1", offset=3, state=b"old")]))

        assert [row["state"] for row in rows_of(store, "profile")] == [b"c-1@4"]

    def test_older_state_wins_without_the_row_guard(self, store: Engine) -> None:
        """Control: with the guard on the changelog offset off, an old state overwrites."""
        unguarded = WithoutRowGuard(store)
        unguarded.positions([(PROFILES, 0)])
        unguarded.write(batch_of(0, 5, profiles=[profile_of("c-1", offset=4)]))

        unguarded.write(batch_of(5, 9, profiles=[profile_of("c-1", offset=3, state=b"old")]))

        assert [row["state"] for row in rows_of(store, "profile")] == [b"old"]

    def test_tombstone_removes_the_row(self, writer: SnapshotWriter, store: Engine) -> None:
        """A changelog record without a value takes the customer's profile away."""
        writer.write(
            batch_of(0, 5, profiles=[profile_of("c-1", offset=3), profile_of("c-2", offset=4)])
        )

        writer.write(batch_of(5, 6, profiles=[Tombstone("c-1", changelog_offset=5)]))

        assert [row["customer_id"] for row in rows_of(store, "profile")] == ["c-2"]

    def test_state_after_a_tombstone_stays(self, writer: SnapshotWriter, store: Engine) -> None:
        """A customer who comes back after a tombstone of the same batch has a row again."""
        states = [Tombstone("c-1", changelog_offset=5), profile_of("c-1", offset=6)]

        writer.write(batch_of(0, 7, profiles=states))
        writer.write(batch_of(7, 8, profiles=[Tombstone("c-1", changelog_offset=2)]))

        assert [row["changelog_offset"] for row in rows_of(store, "profile")] == [6]

    def test_employees_are_kept_like_profiles(self, writer: SnapshotWriter, store: Engine) -> None:
        """Employees have the same guards and tombstones as customers."""
        writer.write(
            batch_of(0, 5, employees=[employee_of("e-1", offset=4), employee_of("e-2", offset=3)])
        )

        writer.write(
            batch_of(
                5, 9, employees=[employee_of("e-1", offset=2), Tombstone("e-2", changelog_offset=8)]
            )
        )

        rows = rows_of(store, "employee")
        assert [(row["employee_id"], row["changelog_offset"]) for row in rows] == [("e-1", 4)]
        assert (rows[0]["handled"], rows[0]["noted"], rows[0]["note_rate"]) == (10.5, 3.25, 0.3125)

    def test_batch_is_not_bound_by_parameter_limits(
        self, writer: SnapshotWriter, store: Engine
    ) -> None:
        """7,000 rows of ten columns pass the limits of 32,766 and 65,535 parameters."""
        rows = [profile_of(f"c-{number:05}", offset=number) for number in range(7000)]

        writer.write(batch_of(0, 7000, profiles=rows))

        assert len(rows_of(store, "profile")) == 7000


class TestScores:
    """Score updates: the history, the newest, and the changes of class."""

    def test_history_keeps_every_update_and_the_newest_is_current(
        self, writer: SnapshotWriter, store: Engine
    ) -> None:
        """Updates in any order leave a full history and the greatest (version, as_of) on top."""
        writer.write(batch_of(0, 1, scores=[update_of("c-1", 3), update_of("c-1", 1)]))
        writer.write(
            batch_of(
                1, 2, scores=[update_of("c-1", 2), update_of("c-1", 3, as_of=NOON + 9, total=0.5)]
            )
        )

        assert [(row["version"], row["as_of"]) for row in rows_of(store, "score")] == [
            (1, NOON + 1),
            (2, NOON + 2),
            (3, NOON + 3),
            (3, NOON + 9),
        ]
        assert [
            (row["version"], row["as_of"], row["total"]) for row in rows_of(store, "current_score")
        ] == [(3, NOON + 9, 0.5)]

    def test_redelivered_update_changes_nothing(
        self, writer: SnapshotWriter, store: Engine
    ) -> None:
        """An update that comes twice, in one batch or in two, is stored once."""
        first = update_of("c-1", 1)
        writer.write(batch_of(0, 1, scores=[first, first]))
        before = rows_of(store, "score") + rows_of(store, "current_score")

        writer.write(batch_of(1, 2, scores=[first]))

        assert rows_of(store, "score") + rows_of(store, "current_score") == before

    def test_explanation_is_stored_as_sent(self, writer: SnapshotWriter, store: Engine) -> None:
        """Factors come back with the same numbers, in the same order."""
        sent = update_of("c-1", 1)

        writer.write(batch_of(0, 1, scores=[sent]))

        (row,) = rows_of(store, "score")
        lists = [row[name] for name in FACTOR_COLUMNS]
        assert tuple(Factor(*values) for values in zip(*lists, strict=True)) == sent.factors
        assert (row["total"], row["absorption"]) == (0.1 + 0.2, 1 / 3)

    def test_only_changes_enter_the_class_history(
        self, writer: SnapshotWriter, store: Engine
    ) -> None:
        """The first class and each other one are history, an unchanged class is not."""
        updates = [
            update_of("c-1", 1, source_class=ORDINARY, previous_class=None),
            update_of("c-1", 2, source_class=ORDINARY, previous_class=ORDINARY),
            update_of("c-1", 3, source_class=KEY, previous_class=ORDINARY),
        ]

        writer.write(batch_of(0, 3, scores=updates))

        assert [
            (row["version"], row["previous_class"], row["source_class"])
            for row in rows_of(store, "class_history")
        ] == [(1, None, "ordinary"), (3, "ordinary", "key_source")]


class TestItems:
    """Knowledge items: one row per id."""

    def test_redelivered_item_changes_nothing(self, writer: SnapshotWriter, store: Engine) -> None:
        """An item that comes again is stored once."""
        writer.write(batch_of(0, 2, items=[item_of("i-1"), item_of("i-1")]))

        writer.write(batch_of(2, 4, items=[item_of("i-1"), item_of("i-2")]))

        assert [row["item_id"] for row in rows_of(store, "knowledge_item")] == ["i-1", "i-2"]

    def test_what_is_new_beside_what_is_there_goes_in(
        self, writer: SnapshotWriter, store: Engine
    ) -> None:
        """A worker that takes over repeats a unit; the rest of the batch and later ones stay."""
        for place in range(4):
            first, last = f"i-{place}", f"i-{place + 1}"
            update = update_of("c-1", place + 1)
            before = update_of("c-1", max(1, place))
            writer.write(
                batch_of(
                    place,
                    place + 1,
                    items=[item_of(first), item_of(last)],
                    scores=[before, update],
                )
            )

        assert len(rows_of(store, "knowledge_item")) == 5
        assert [row["version"] for row in rows_of(store, "score")] == [1, 2, 3, 4]
        assert [row["version"] for row in rows_of(store, "current_score")] == [4]

    def test_text_that_a_database_cannot_hold_does_not_stop_the_batch(
        self, writer: SnapshotWriter, store: Engine
    ) -> None:
        """U+0000 is replaced, in text and in documents, and the rest of the text stays."""
        told = 'a\x00b \\u0000 "漢字" 🙂'

        writer.write(
            batch_of(
                0, 1, items=[item_of("i-1", text=told)], profiles=[with_name("c-1", f"{told}\x00")]
            )
        )

        expected = told.replace("\x00", "\ufffd")
        assert [row["text"] for row in rows_of(store, "knowledge_item")] == [expected]
        (profile,) = rows_of(store, "profile")
        assert profile["about_customer"] == {f"{expected}\ufffd": [f"{expected}\ufffd", 1.5]}


class TestFence:
    """Another owner's position: nothing of the batch may be written."""

    def test_second_owner_is_fenced_and_leaves_no_trace(
        self, writer: SnapshotWriter, store: Engine
    ) -> None:
        """A worker whose position was moved by another one writes nothing at all."""
        zombie = SnapshotWriter(store)
        writer.write(batch_of(0, 5, profiles=[profile_of("c-1", offset=4)]))
        before = digest_of(store)

        with pytest.raises(FencedError, match=r"partition 0 of ckm\.changelog\.profile\.v1"):
            zombie.write(zombies_batch())

        assert digest_of(store) == before

    def test_zombie_writes_without_the_fence(self, writer: SnapshotWriter, store: Engine) -> None:
        """Control: with the compare-and-set off, it brings an erased customer back and rewinds."""
        zombie = WithoutFence(store)
        erasure = [profile_of("c-2", offset=1), Tombstone("c-2", changelog_offset=4)]
        writer.write(batch_of(0, 5, profiles=erasure))
        before = digest_of(store)

        zombie.write(zombies_batch())

        assert digest_of(store) != before
        assert position_of(writer) == 3
        assert [row["customer_id"] for row in rows_of(store, "profile")] == ["c-2"]

    def test_one_fenced_partition_holds_back_the_whole_batch(
        self, writer: SnapshotWriter, store: Engine
    ) -> None:
        """If one of several partitions has another owner, none of them moves."""
        writer.positions([(SCORES, 0)])
        writer.write(SnapshotBatch(progress=[step(0, 2, topic=SCORES)]))
        before = digest_of(store)
        batch = SnapshotBatch(
            profiles=[profile_of("c-1", offset=4)],
            progress=[step(0, 5), step(0, 3, topic=SCORES)],
        )

        with pytest.raises(FencedError):
            writer.write(batch)

        assert digest_of(store) == before

    def test_partition_without_a_position_is_fenced(self, store: Engine) -> None:
        """A worker that never asked for its position may not write."""
        with pytest.raises(FencedError):
            SnapshotWriter(store).write(batch_of(0, 1))

    def test_of_two_writers_at_once_exactly_one_wins(self, store: Engine) -> None:
        """Two owners that write from the same position at the same time do not both succeed."""
        writers = [SnapshotWriter(store), SnapshotWriter(store)]
        writers[0].positions([(PROFILES, 0)])
        barrier = Barrier(len(writers))

        def race(writer: SnapshotWriter, name: str) -> str:
            rows: list[Any] = [
                profile_of(f"{name}-{number}", offset=number) for number in range(50)
            ]
            barrier.wait()
            try:
                writer.write(batch_of(0, 50, profiles=rows))
            except FencedError:
                return "fenced"
            return name

        with ThreadPoolExecutor(len(writers)) as pool:
            outcomes = set(pool.map(race, writers, ["a", "b"]))

        (winner,) = outcomes - {"fenced"}
        assert outcomes == {winner, "fenced"}
        assert {row["customer_id"][0] for row in rows_of(store, "profile")} == {winner}


class TestStopped:
    """A worker that is stopped (SIGSTOP) while its rows go in: others go on at once."""

    def test_rows_on_their_way_in_hold_nothing_up(self, postgres_url: str) -> None:
        """Its successor writes the same positions; when it is continued, it is fenced."""
        engine = impatient_store(postgres_url)
        stopped, successor = StopsInItsRows(engine), SnapshotWriter(engine)
        successor.positions([(PROFILES, 0)])
        batch = batch_of(0, 5, profiles=[profile_of("c-1", offset=4)], scores=[update_of("c-1", 1)])

        with ThreadPoolExecutor() as pool:
            writing = pool.submit(stopped.write, batch)
            assert stopped.is_in_them.wait(10)
            successor.write(batch)
            stopped.goes_on.set()
            with pytest.raises(FencedError):
                writing.result(10)

        assert [row["version"] for row in rows_of(engine, "score")] == [1]
        engine.dispose()

    def test_control_rows_after_the_positions_lock_a_successor_out(self, postgres_url: str) -> None:
        """No timeout of PostgreSQL ends a transaction that waits for the rest of a COPY."""
        engine = impatient_store(postgres_url)
        stopped, successor = StopsInItsRows(engine, locks_first=True), SnapshotWriter(engine)
        successor.positions([(PROFILES, 0)])
        batch = batch_of(0, 5, profiles=[profile_of("c-1", offset=4)])

        with ThreadPoolExecutor() as pool:
            writing = pool.submit(stopped.write, batch)
            assert stopped.is_in_them.wait(10)
            with pytest.raises(TransientError, match="lock timeout"):
                successor.write(batch)
            stopped.goes_on.set()
            writing.result(10)

        engine.dispose()


class TestOutage:
    """A database that is away for a while: retry in place."""

    def test_commit_that_succeeded_unheard_is_recognised(self, store: Engine) -> None:
        """A batch whose commit was done but not confirmed may be written again."""
        writer = LosesConfirmation(store)
        batch = lose_confirmation(writer)

        writer.write(batch)
        writer.write(batch_of(5, 6))

        assert position_of(writer) == 6

    def test_a_commit_that_ends_after_the_question_is_no_rival_s(self, store: Engine) -> None:
        """The server may still be at it when the worker has connected anew and asks."""
        writer = AsksTooEarly(store)
        batch = lose_confirmation(writer)

        writer.write(batch)

        assert writer.has_asked
        assert position_of(writer) == 5

    def test_fence_holds_after_an_unheard_commit(self, store: Engine) -> None:
        """If another owner has gone on meanwhile, the retry is fenced."""
        writer, successor = LosesConfirmation(store), SnapshotWriter(store)
        batch = lose_confirmation(writer)
        successor.write(batch_of(5, 8))

        with pytest.raises(FencedError):
            writer.write(batch)

    def test_killed_connection_is_transient(
        self, postgres_server: PostgresServer, postgres_url: str
    ) -> None:
        """A session that the server ends in mid-transaction costs one retry, nothing else."""
        engine = open_engine(postgres_url)
        migrate(engine)
        writer = Interrupted(engine)
        writer.positions([(PROFILES, 0)])
        batch = batch_of(0, 5, profiles=[profile_of("c-1", offset=4)])

        with pytest.raises(TransientError, match=r"^database postgresql://.* unavailable"):
            writer.write(batch)
        written_before_retry = rows_of(engine, "profile")
        writer.write(batch)

        assert written_before_retry == []
        assert position_of(writer) == 5
        engine.dispose()

    def test_a_statement_that_waits_for_a_lock_can_be_cancelled(
        self, postgres_server: PostgresServer, postgres_url: str
    ) -> None:
        """The batch fails as a whole, at once, and goes in when the lock is gone."""
        engine = open_engine(postgres_url)
        migrate(engine)
        writer = SnapshotWriter(engine)
        writer.cancel()  # nothing is under way
        writer.positions([(PROFILES, 0)])
        batch = batch_of(0, 5, profiles=[profile_of("c-1", offset=4)])

        with engine.begin() as other, ThreadPoolExecutor() as pool:
            other.execute(text("LOCK TABLE profile IN ACCESS EXCLUSIVE MODE"))
            writing = pool.submit(writer.write, batch)
            while not is_waiting_for_a_lock(engine):
                pass
            writer.cancel()
            with pytest.raises(TransientError, match="canceling statement due to user request"):
                writing.result(timeout=5)
        assert rows_of(engine, "profile") == []
        writer.write(batch)

        assert position_of(writer) == 5
        engine.dispose()

    def test_crashed_server_is_transient(self) -> None:
        """After a crash of the server the same batch goes in, once it is back."""
        with PostgresServer() as server, server.fresh_database() as url:
            engine = open_engine(url)
            migrate(engine)
            writer = SnapshotWriter(engine)
            writer.positions([(PROFILES, 0)])
            writer.write(batch_of(0, 5, profiles=[profile_of("c-1", offset=4)]))
            batch = batch_of(5, 9, profiles=[profile_of("c-1", offset=8)])

            writer.ping()
            server.crash()
            for call in (writer.ping, lambda: writer.write(batch)):
                with pytest.raises(TransientError):
                    call()
            server.start()
            writer.ping()
            writer.write(batch)

            assert position_of(writer) == 9
            engine.dispose()

    def test_locked_sqlite_file_is_transient(self, tmp_path: Any) -> None:
        """Another process that keeps the write lock makes the writer wait, not fail."""
        engine = open_engine(f"sqlite:///{tmp_path}/ckm.db")
        migrate(engine)
        writer = SnapshotWriter(engine)
        writer.positions([(PROFILES, 0)])
        engine.dispose()
        event.listen(engine, "connect", impatient)
        other = sqlite3.connect(f"{tmp_path}/ckm.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(TransientError, match="locked"):
            writer.write(batch_of(0, 5))
        other.execute("ROLLBACK")
        other.close()
        writer.write(batch_of(0, 5))

        assert position_of(writer) == 5
        engine.dispose()

    def test_a_table_that_is_gone_is_not_disguised_as_an_outage(
        self, writer: SnapshotWriter, store: Engine
    ) -> None:
        """No waiting mends it; the sentence says what does, and quotes no row."""
        with store.begin() as connection:
            connection.execute(text("DROP TABLE knowledge_item"))

        with pytest.raises(ConfigurationError, match="run `ckm migrate`") as caught:
            writer.write(batch_of(0, 1, items=[item_of("i-1", text="personal words")]))

        assert "personal words" not in str(caught.value)


class WithoutFence(SnapshotWriter):
    """Moves positions without looking at them."""

    def _advance(self, connection: Connection, progress: Any) -> None:
        each: Progress
        for each in progress:
            connection.execute(
                update(SINK_PROGRESS)
                .where(SINK_PROGRESS.c.topic == each.topic)
                .values(next_offset=each.new)
            )


class WithoutRowGuard(SnapshotWriter):
    """Replaces rows without looking at them."""

    def _upsert(
        self, connection: Connection, table: Table, rows: list[Values], guard: Guard
    ) -> None:
        super()._upsert(connection, table, rows, lambda *_: true())

    def _merge(self, connection: Connection, table: Table, staged: Table, guard: Guard) -> None:
        super()._merge(connection, table, staged, lambda *_: true())


class StopsInItsRows(SnapshotWriter):
    """Waits in the middle of the first COPY of its first transaction."""

    def __init__(self, engine: Engine, *, locks_first: bool = False) -> None:
        super().__init__(engine)
        self._locks_first = locks_first
        self.is_in_them, self.goes_on = Event(), Event()

    def _copy_rows(self, connection: Connection, rows: PackedBatch, insertion: Any) -> None:
        with connection.begin():
            if self._locks_first:
                self._advance(connection, rows.progress)
            driver: Any = connection.connection.driver_connection
            with (
                driver.cursor() as cursor,
                cursor.copy("COPY staged_profile FROM STDIN (FORMAT BINARY)") as copy,
            ):
                copy.write(HEAD + rows.rows["staged_profile"])
                self.is_in_them.set()
                assert self.goes_on.wait(10)
                copy.write(END)
            if not self._locks_first:
                self._advance(connection, rows.progress)


def impatient_store(url: str) -> Engine:
    """Return a migrated store whose sessions wait for a lock for a moment only."""
    engine = open_engine(url)
    migrate(engine)
    event.listen(engine, "connect", wait_briefly)
    engine.dispose()
    return engine


def wait_briefly(connection: Any, _record: object) -> None:
    """Let a session of PostgreSQL give up a lock soon."""
    connection.execute("SET lock_timeout = '200ms'")
    connection.commit()


def is_waiting_for_a_lock(engine: Engine) -> bool:
    """Tell whether a session of PostgreSQL waits for another one."""
    with engine.connect() as connection:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool(connection.execute(text(waiting)).scalar_one())


class LosesConfirmation(SnapshotWriter):
    """Commits its first batch and does not hear of it."""

    has_lost = False

    def _transact(self, batch: Batch) -> None:
        super()._transact(batch)
        if not self.has_lost:
            self.has_lost = True
            raise TransientError("connection lost")


def lose_confirmation(writer: LosesConfirmation) -> SnapshotBatch:
    """Let a new writer commit the batch that it returns, and not hear of it."""
    writer.positions([(PROFILES, 0)])
    batch = batch_of(0, 5, profiles=[profile_of("c-1", offset=4)])
    with pytest.raises(TransientError):
        writer.write(batch)
    return batch


class AsksTooEarly(LosesConfirmation):
    """Asks for its positions while the server is still at the commit that was not confirmed."""

    has_asked = False

    def _is_written(self, batch: Batch) -> bool:
        if not self.has_asked:
            self.has_asked = True
            return False
        return super()._is_written(batch)


class Interrupted(SnapshotWriter):
    """Has its first transaction's connection killed after the positions have moved."""

    was_killed = False

    def _advance(self, connection: Connection, progress: Any) -> None:
        super()._advance(connection, progress)
        if self.was_killed:
            return
        self.was_killed = True
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with self._engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": own})


def zombies_batch() -> SnapshotBatch:
    """Return what a stopped worker would write when it is continued."""
    return batch_of(0, 3, profiles=[profile_of("c-2", offset=2)], items=[item_of("i-1")])


def with_name(customer_id: str, name: str) -> Any:
    """Return a profile whose section holds *name* as a key and in a list."""
    row = profile_of(customer_id, offset=1)
    return type(row)(
        **{**{n: getattr(row, n) for n in row.__slots__}, "about": {name: [name, 1.5]}}
    )


def impatient(connection: sqlite3.Connection, _record: object) -> None:
    """Make a SQLite connection give up a lock at once."""
    connection.execute("PRAGMA busy_timeout = 1")
