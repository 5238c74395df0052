"""What people and programs read from the store."""

import pytest
from sqlalchemy import Engine

from ckm_stream.domain.knowledge import Section
from ckm_stream.domain.score import SourceClass
from ckm_stream.snapshots.columns import to_datetime
from ckm_stream.snapshots.queries import class_counts, explain, show, top
from ckm_stream.snapshots.stored import ClassSize
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.store_rows import NOON, PROFILES, batch_of, item_of, profile_of, update_of

KEY, ORDINARY = SourceClass.KEY_SOURCE, SourceClass.ORDINARY


@pytest.fixture
def filled(store: Engine) -> Engine:
    """Give a store with four customers; the simulated one has no knowledge items."""
    writer = SnapshotWriter(store)
    writer.positions([(PROFILES, 0)])
    writer.write(
        batch_of(
            0,
            9,
            profiles=[
                profile_of("B", offset=1),
                profile_of("a", offset=2, simulated=True),
                profile_of("c", offset=3),
            ],
            scores=[
                update_of("a", 1, total=0.1, previous_class=None),
                update_of("a", 2, total=0.9, source_class=KEY, previous_class=ORDINARY),
                update_of("B", 1, total=0.4),
                update_of("c", 1, total=0.4),
                update_of("d", 1, total=0.8, source_class=KEY),
            ],
            items=[
                item_of("i-1", "a", occurred_at=NOON + 1),
                item_of("i-2", "a", occurred_at=NOON + 2),
                item_of("i-3", "a", section=Section.FOR, source="simulated"),
                item_of("i-4", "B"),
            ],
        )
    )
    return store


def test_ranking_is_by_total_and_then_by_id(filled: Engine) -> None:
    """Equal totals are ordered by the bytes of the id, on every database."""
    ranking = top(filled, 10)

    assert [(each.place, each.customer_id, each.total) for each in ranking] == [
        (1, "a", 0.9),
        (2, "d", 0.8),
        (3, "B", 0.4),
        (4, "c", 0.4),
    ]


def test_ranking_says_who_is_simulated(filled: Engine) -> None:
    """A customer with simulated events is marked; one whose profile is not in yet is not."""
    assert [each.simulated for each in top(filled, 2)] == [True, False]


def test_ranking_of_a_class_is_cut_to_the_limit(filled: Engine) -> None:
    """The limit counts within the class."""
    assert [each.customer_id for each in top(filled, 1, KEY)] == ["a"]
    assert [each.customer_id for each in top(filled, 5, ORDINARY)] == ["B", "c"]


def test_profile_has_its_three_sections_and_histories(filled: Engine) -> None:
    """A profile shows summary and newest items per section, newest scores and classes first."""
    profile = show(filled, "a")

    assert profile is not None
    assert (profile.version, profile.as_of) == (3, to_datetime(NOON + 2))
    assert profile.simulated
    assert profile.about.summary == {
        "orders": 2,
        "channel_shares": {"voice": 0.1, "digital": 0.9},
    }
    assert [item.item_id for item in profile.from_.items] == ["i-2", "i-1"]
    assert [(item.item_id, item.source) for item in profile.for_.items] == [("i-3", "simulated")]
    assert profile.about.items == []
    assert [score.version for score in profile.scores] == [2, 1]
    assert [(each.previous_class, each.source_class) for each in profile.classes] == [
        ("ordinary", "key_source"),
        (None, "ordinary"),
    ]


def test_explanation_is_read_back(filled: Engine) -> None:
    """The newest score's factors are those that were announced, largest contribution first."""
    score = explain(filled, "a")

    assert score is not None
    assert (score.version, score.total, score.reference_total) == (2, 0.9, 0.25)
    assert score.factors == tuple(reversed(update_of("a", 2).factors))


def test_unknown_customer_is_none(filled: Engine) -> None:
    """Nobody is invented."""
    assert show(filled, "nobody") is None
    assert explain(filled, "nobody") is None


def test_classes_are_counted_over_current_scores(filled: Engine) -> None:
    """Each customer counts once, in the newest class."""
    assert class_counts(filled) == [
        ClassSize(source_class="key_source", customers=2),
        ClassSize(source_class="ordinary", customers=2),
    ]
