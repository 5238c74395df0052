"""The changelog table: bytes by partition, each exactly a prefix of its changelog."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from faust.types import TP

from ckm_stream.streaming.table import (
    BulkRecovery,
    BulkTableManager,
    ChangelogTable,
    recover_tables,
)


@dataclass(frozen=True)
class Record:
    """A changelog record."""

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class App(faust.App):
    """An app that writes down what it is asked to take over."""

    def __init__(self) -> None:
        super().__init__(
            "test",
            broker="memory://",
            autodiscover=False,
            store="memory://",
            Table=ChangelogTable,
            TableManager=BulkTableManager,
        )
        self.taken_over: list[set[int]] = []

    async def takeover(self, partitions: set[int]) -> None:
        """Take over."""
        self.taken_over.append(partitions)


@pytest.fixture
async def app() -> App:
    """Give an app that nobody starts, made in the test's loop."""
    return App()


@pytest.fixture
def recovery(app: App) -> BulkRecovery:
    """Give the recovery service of the app."""
    manager: Any = app.tables
    first: object = manager.recovery
    again: object = manager.recovery
    assert first is again
    assert isinstance(first, BulkRecovery)
    return first


@pytest.fixture
def table(app: App) -> ChangelogTable:
    """Give an empty table with partitions 0 and 1."""
    made = app.Table("states")
    assert isinstance(made, ChangelogTable)
    made.retain({0, 1})
    return made


def test_what_was_put_can_be_read_in_its_partition(table: ChangelogTable) -> None:
    """The same key in another partition is another key."""
    table.put_many(0, [(b"a", b"1"), (b"b", b"2")], 10)

    assert [table.read(0, b"a"), table.read(1, b"a")] == [b"1", None]
    assert table.key_count == 2


def test_the_next_offset_never_goes_back(table: ChangelogTable) -> None:
    """An acknowledgement tells a lower bound; a recovery before may have read further."""
    table.put_many(0, [], 10)
    table.put_many(0, [], 4)

    assert table.next_offsets == {0: 10}


def test_a_partition_that_is_gone_is_forgotten_whole(table: ChangelogTable) -> None:
    """States and position: a stale one would hide what its other owner has written."""
    table.put_many(0, [(b"a", b"1")], 10)
    table.put_many(1, [(b"b", b"2")], 20)

    table.retain({1, 2})
    table.retain({0, 1, 2})

    assert table.read(0, b"a") is None
    assert table.read(1, b"b") == b"2"
    assert table.read(2, b"c") is None
    assert table.next_offsets == {1: 20}


def test_a_partition_that_is_not_ours_cannot_be_read(table: ChangelogTable) -> None:
    """A customer taken for new would lose everything known."""
    with pytest.raises(KeyError):
        table.read(5, b"a")


def test_who_may_be_untold_goes_with_the_partition(table: ChangelogTable) -> None:
    """It is a successor's business, and a partition that comes back is read again."""
    marked = (("ckm.unit", b"1"),)
    for partition in (0, 1):
        table.apply_changelog_batch_raw(partition, [Record(b"a", b"1", marked)])

    table.forget_last_unit(0)
    told = [table.last_unit(partition) for partition in (0, 1)]
    table.retain({0})

    assert told == [[], [b"a"]]
    assert table.last_unit(1) == []


def test_changelog_records_are_applied_in_their_order(table: ChangelogTable) -> None:
    """The last value stands; an empty one deletes, also what was never there."""
    table.apply_changelog_batch_raw(
        0,
        [
            Record(b"a", b"1"),
            Record(b"b", b"1"),
            Record(b"a", b"2"),
            Record(b"b", None),
            Record(b"never", None),
        ],
    )

    assert dict(table.states_of(0)) == {b"a": b"2"}


async def test_without_partitions_nothing_is_read(table: ChangelogTable) -> None:
    """A worker without work connects to nobody, and forgets what it had."""
    table.put_many(0, [(b"a", b"1")], 10)

    count = await recover_tables({"changelog": table}, set(), lambda: pytest.fail("connected"))

    assert (count, table.stores, table.next_offsets) == (0, {}, {})


async def test_the_recovery_takes_over_the_active_partitions_alone(
    app: App, recovery: BulkRecovery
) -> None:
    """Standby partitions, of which there are none, would not be ours to fence."""
    tps = {TP("changelog", 0), TP("changelog", 3), TP("other", 3)}
    highwaters: dict[TP, int] = {TP("gone", 1): 5}
    offsets: dict[TP, int] = {}

    await recovery._build_highwaters(None, tps, highwaters, "active")
    await recovery._build_highwaters(None, tps, highwaters, "standby")
    await recovery._build_offsets(None, tps, offsets, "active")
    await recovery._seek_offsets(None, tps, offsets, "active")

    assert app.taken_over == [{0, 3}]
    assert highwaters == offsets == dict.fromkeys(tps, -1)


async def test_nothing_remains_for_fausts_own_recovery(recovery: BulkRecovery) -> None:
    """Offsets that equal the highwaters are what tells it so."""
    tps = {TP("changelog", 0)}

    await recovery._build_highwaters(None, tps, recovery.active_highwaters, "active")
    await recovery._build_offsets(None, tps, recovery.active_offsets, "active")

    assert not recovery.need_recovery()


async def test_a_step_of_the_recovery_has_no_time_limit(
    recovery: BulkRecovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faust would cut it short after a broker request's time and go on as if it were complete."""
    asked: list[Any] = []

    async def wait_first(*_: Any, **options: Any) -> Any:
        asked.append(options["timeout"])
        return SimpleNamespace(stopped=False, done=())

    monkeypatch.setattr(recovery, "wait_first", wait_first)

    await recovery._wait(None, timeout=30.0)

    assert asked == [None]
