"""A store that was emptied and filled again is the same store (promise P13)."""

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, insert

from ckm_stream.domain.score import SourceClass
from ckm_stream.errors import FencedError
from ckm_stream.snapshots.batch import SnapshotBatch, Tombstone
from ckm_stream.snapshots.rebuild import rebuild
from ckm_stream.snapshots.store import for_writing
from ckm_stream.snapshots.tables import EPOCH
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.store_rows import (
    PROFILES,
    SCORES,
    batch_of,
    digest_of,
    employee_of,
    epoch_row,
    item_of,
    profile_of,
    rows_of,
    step,
    update_of,
)

_RECORDS = 400
_CLASSES = list(SourceClass)


def replay(engine: Engine, *, seed: int) -> None:
    """Write the same topics in batches whose borders depend on *seed*."""
    writer = SnapshotWriter(engine)
    start = writer.positions([(PROFILES, 0), (SCORES, 0)])
    assert set(start.values()) == {0}
    borders = random.Random(seed)
    for first, end in _parts(borders):
        writer.write(
            SnapshotBatch(
                profiles=[
                    Tombstone(f"c-{offset % 37}", changelog_offset=offset)
                    if offset % 41 == 0
                    else profile_of(f"c-{offset % 37}", offset=offset)
                    for offset in range(first, end)
                ],
                employees=[employee_of(f"e-{n % 3}", offset=n) for n in range(first, end)],
                progress=[step(first, end)],
            )
        )
    for first, end in _parts(borders):
        updates = [
            update_of(
                f"c-{n % 37}",
                n // 37,
                total=1 / (n + 2),
                source_class=_CLASSES[n % 5],
                previous_class=_CLASSES[(n // 2) % 5],
            )
            for n in range(first, end)
        ]
        items = [item_of(f"i-{n}", f"c-{n % 37}") for n in range(first, end)]
        writer.write(
            SnapshotBatch(scores=updates, items=items, progress=[step(first, end, topic=SCORES)])
        )


def _parts(borders: random.Random) -> Iterator[tuple[int, int]]:
    first = 0
    while first < _RECORDS:
        end = min(_RECORDS, first + borders.randint(1, 90))
        yield first, end
        first = end


def test_rebuilt_store_has_the_same_dump(store: Engine) -> None:
    """Emptied and replayed, with other batch borders, every row of every table is the same."""
    replay(store, seed=1)
    before = digest_of(store)

    rebuild(store)
    emptied = digest_of(store)
    replay(store, seed=2)

    assert emptied != before
    assert digest_of(store) == before


def test_rebuild_leaves_positions_at_zero_and_no_rows(store: Engine) -> None:
    """After a rebuild only the positions are there, each at the first record."""
    replay(store, seed=1)

    rebuild(store)

    assert [row["next_offset"] for row in rows_of(store, "sink_progress")] == [0, 0]
    for table in ("profile", "employee", "score", "current_score", "class_history"):
        assert rows_of(store, table) == []
    assert rows_of(store, "knowledge_item") == []


def test_epochs_outlive_a_rebuild(store: Engine) -> None:
    """No topic could bring them back."""
    replay(store, seed=1)
    with for_writing(store).begin() as connection:
        connection.execute(insert(EPOCH), [epoch_row(1), epoch_row(2)])
    before = rows_of(store, "epoch")

    rebuild(store)

    assert [row["epoch_id"] for row in before] == [1, 2]
    assert rows_of(store, "epoch") == before
    assert rows_of(store, "profile") == []


def test_running_worker_is_fenced_by_a_rebuild(store: Engine) -> None:
    """A worker that did not hear of the rebuild cannot write on from where it was."""
    writer = SnapshotWriter(store)
    writer.positions([(PROFILES, 0)])
    writer.write(batch_of(0, 5, profiles=[profile_of("c-1", offset=4)]))

    rebuild(store)

    with pytest.raises(FencedError):
        writer.write(batch_of(5, 6, profiles=[profile_of("c-1", offset=5)]))
    assert rows_of(store, "profile") == []
