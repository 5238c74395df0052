"""What services read from the store, a page at a time."""

import base64
import json
from collections.abc import Callable, Iterator
from random import Random

import pytest
from sqlalchemy import Engine

from ckm_stream.domain.knowledge import Section
from ckm_stream.domain.score import SourceClass
from ckm_stream.snapshots import pages
from ckm_stream.snapshots.columns import to_datetime
from ckm_stream.snapshots.overview import Cell, glance, has_simulated, map_cells, positions_of
from ckm_stream.snapshots.pages import CursorError, Page, SourceFilter
from ckm_stream.snapshots.queries import show, top
from ckm_stream.snapshots.stored import ClassSize
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.store_rows import NOON, PROFILES, batch_of, item_of, profile_of, update_of

KEY, ORDINARY = SourceClass.KEY_SOURCE, SourceClass.ORDINARY


@pytest.fixture
def filled(store: Engine) -> Engine:
    """Give a store with customers of equal totals, many items, and a history."""
    names = [f"c-{number}" for number in range(9)]
    writer = SnapshotWriter(store)
    writer.positions([(PROFILES, 0)])
    writer.write(
        batch_of(
            0,
            30,
            profiles=[profile_of(name, offset=place) for place, name in enumerate(names, start=1)],
            scores=[
                *(
                    update_of(name, 1, total=0.2 + 0.1 * (place % 3))
                    for place, name in enumerate(names)
                ),
                *(
                    update_of(
                        "c-0",
                        version,
                        total=0.9,
                        source_class=KEY if version % 2 else ORDINARY,
                        previous_class=ORDINARY if version % 2 else KEY,
                    )
                    for version in range(2, 8)
                ),
            ],
            items=[
                *(item_of(f"i-{each}", "c-1", occurred_at=NOON + each // 3) for each in range(25)),
                item_of("f-1", "c-1", section=Section.FOR),
            ],
        )
    )
    return store


def all_rows(read: Callable[[str | None], Page]) -> Iterator[object]:
    """Yield the rows of all pages."""
    cursor: str | None = None
    while True:
        page = read(cursor)
        yield from page.rows
        cursor = page.next_cursor
        if cursor is None:
            return


@pytest.mark.parametrize("limit", [1, 2, 4, 9, 50])
def test_pages_of_the_ranking_are_the_ranking(filled: Engine, limit: int) -> None:
    """Whatever their size, though totals are equal: nobody twice, nobody left out."""
    rows = list(
        all_rows(lambda cursor: pages.ranking(filled, SourceFilter(), limit=limit, cursor=cursor))
    )

    assert rows == top(filled, 100)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (SourceFilter(source_class=KEY), ["c-0"]),
        (SourceFilter(min_total=0.4), ["c-0", "c-2", "c-5", "c-8"]),
        (SourceFilter(id_prefix="c-7"), ["c-7"]),
        (SourceFilter(id_prefix="c%"), []),
        (SourceFilter(lead_user=True), []),
        (SourceFilter(lead_user=False, min_total=0.8), ["c-0"]),
    ],
)
def test_a_filter_lets_through_what_it_says(
    filled: Engine, which: SourceFilter, expected: list[str]
) -> None:
    """Places count those that it lets through; an id's beginning is no pattern."""
    rows = pages.ranking(filled, which, limit=50, cursor=None).rows

    assert [each.customer_id for each in rows] == expected
    assert [each.place for each in rows] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_of_items_are_the_items(filled: Engine, limit: int) -> None:
    """Newest first, those of one instant by their ids."""
    rows = list(
        all_rows(
            lambda cursor: pages.items(filled, "c-1", Section.FROM, limit=limit, cursor=cursor)
        )
    )
    ids = [each.item_id for each in rows]  # type: ignore[attr-defined] # rows are items

    assert len(ids) == len(set(ids)) == 25
    assert ids == sorted(ids, key=lambda each: (-(int(each[2:]) // 3), each))


def test_items_of_both_directions_say_which_they_are_of(filled: Engine) -> None:
    """Without a section all are told, each with its own."""
    rows = pages.items(filled, "c-1", None, limit=100, cursor=None).rows

    assert {(each.item_id, each.section) for each in rows} >= {("i-3", "from"), ("f-1", "for")}


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_of_a_history_are_the_history(filled: Engine, limit: int) -> None:
    """Scores and changes of class come with the page that they lie in."""
    scores, classes = [], []
    cursor: str | None = None
    while True:
        page = pages.history(filled, "c-0", limit=limit, cursor=cursor)
        scores += page.scores
        classes += page.classes
        cursor = page.next_cursor
        if cursor is None:
            break
    whole = show(filled, "c-0")

    assert whole is not None
    assert [each.version for each in scores] == [7, 6, 5, 4, 3, 2, 1]
    assert scores == whole.scores
    assert classes == whole.classes


def test_profiles_read_together_are_each_the_whole_one(filled: Engine) -> None:
    """What `ckm show` reads, with the newest score; nothing of who is not there."""
    found = pages.profiles(filled, ["c-1", "nobody", "c-0"])
    profile, whole = found["c-1"], show(filled, "c-1")

    assert sorted(found) == ["c-0", "c-1"]
    assert found["c-0"].customer_id == "c-0"
    assert whole is not None
    assert (profile.about, profile.for_, profile.from_) == (whole.about, whole.for_, whole.from_)
    assert [profile.score] == whole.scores
    assert (profile.version, profile.as_of) == (whole.version, whole.as_of)
    assert pages.profiles(filled, []) == {}
    assert set(pages.profiles(filled, ["c-0", "c-1\0"])) == {"c-0"}


def test_numbers_of_a_profile_are_those_of_the_rows_to_the_last_bit(store: Engine) -> None:
    """A profile comes as a document, and SQLite would write 15 of 17 digits into one."""
    draw = Random(1)
    names = [f"c-{number}" for number in range(200)]
    totals = {name: draw.random() * 10.0 ** draw.randint(-12, 0) for name in names}
    writer = SnapshotWriter(store)
    writer.positions([(PROFILES, 0)])
    writer.write(
        batch_of(
            0,
            200,
            profiles=[profile_of(name, offset=place) for place, name in enumerate(names)],
            scores=[update_of(name, 1, total=total) for name, total in totals.items()],
        )
    )
    scores = {name: each.score for name, each in pages.profiles(store, names).items()}

    assert {name: score.total for name, score in scores.items() if score is not None} == totals


def test_a_score_may_come_before_its_profile_and_after(store: Engine) -> None:
    """Their topics are read side by side: either alone is no error."""
    writer = SnapshotWriter(store)
    writer.positions([(PROFILES, 0)])
    writer.write(
        batch_of(0, 1, profiles=[profile_of("a", offset=1)], scores=[update_of("b", 1, total=0.5)])
    )
    profile = pages.profiles(store, ["a"]).get("a")

    assert profile is not None
    assert profile.score is None
    assert pages.profiles(store, ["b"]).get("b") is None


def changed(*key: object) -> str:
    """Return a cursor of *key*."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "bm9uc2Vuc2U", "W10", "ä", "WzEsMl0"),
        *(changed(1 << 70, 1, 1), changed(1, 1 << 62, 1), changed(1, 1, 1 << 70)),
        *(changed(-1, 1, 1), changed(1 << 62, "a"), changed(1 << 70, 0.5, 7)),
    ],
)
def test_a_cursor_of_somebody_else_is_refused(filled: Engine, cursor: str) -> None:
    """By a sentence, in every list."""
    with pytest.raises(CursorError):
        pages.ranking(filled, SourceFilter(), limit=1, cursor=cursor)
    with pytest.raises(CursorError):
        pages.history(filled, "c-0", limit=1, cursor=cursor)
    with pytest.raises(CursorError):
        pages.items(filled, "c-1", None, limit=1, cursor=cursor)


def test_the_store_at_a_glance(filled: Engine) -> None:
    """Classes, the newest event, and that nobody is simulated."""
    found = glance(filled)

    assert found.classes == [
        ClassSize(source_class=ORDINARY, customers=8),
        ClassSize(source_class=KEY, customers=1),
    ]
    assert found.newest_event is not None
    assert found.newest_event >= to_datetime(NOON)
    assert not found.is_simulated
    assert positions_of(filled, PROFILES) == {0: 30}
    assert positions_of(filled, "another") == {}


def test_one_simulated_customer_is_found(filled: Engine) -> None:
    """Among all others."""
    SnapshotWriter(filled).write(
        batch_of(30, 31, profiles=[profile_of("s", offset=31, simulated=True)])
    )

    assert has_simulated(filled)


def test_an_empty_store_has_nothing_to_show(store: Engine) -> None:
    """And says so without an error."""
    found = glance(store)

    assert (found.classes, found.newest_event, found.is_simulated) == ([], None, False)
    assert map_cells(store, 10) == []
    assert pages.ranking(store, SourceFilter(), limit=5, cursor=None) == Page([], None)


@pytest.mark.parametrize("bins", [5, 25, 50])
def test_everybody_is_in_one_cell_of_the_map(filled: Engine, bins: int) -> None:
    """Cells are cut downwards, and 1.0 is in the last one."""
    ranking = top(filled, 100)
    cells = map_cells(filled, bins)

    assert sum(each.customers for each in cells) == len(ranking)
    for each in ranking:
        place = tuple(min(bins - 1, int(side * bins)) for side in (each.value, each.willingness))
        assert any((cell.value_bin, cell.willingness_bin) == place for cell in cells)
    assert all(0 <= cell.absorption <= 1 for cell in cells)
    assert cells == sorted(cells, key=lambda cell: (cell.value_bin, cell.willingness_bin))
    assert all(isinstance(cell, Cell) for cell in cells)
