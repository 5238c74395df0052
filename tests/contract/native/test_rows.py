"""Rows for PostgreSQL from records, from C and from Python: the same bytes."""

import dataclasses
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.state import encode_state
from ckm_stream.codec.varints import write_long
from ckm_stream.domain import counters
from ckm_stream.domain.events import ProfileEvent
from ckm_stream.domain.knowledge import KnowledgeItem
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.domain.score import ScoreUpdate
from ckm_stream.domain.sketch import MOST
from ckm_stream.errors import ConfigurationError, RejectedRecord
from ckm_stream.snapshots.batch import PackedBatch, Tombstone
from ckm_stream.snapshots.collect import BatchCollector, Collector
from ckm_stream.snapshots.packing import packed
from ckm_stream.snapshots.staging import STAGED_ITEM, STAGED_PROFILE, STAGED_SCORE
from tests.support.golden_states import goldens
from tests.support.store_rows import item_of, update_of
from tests.support.touchpoints import contact, histories, order
from tests.support.units import (
    OUTPUTS,
    PARTITION,
    POLICY,
    TOPICS,
    Record,
    States,
    core_over,
    fold_unit,
    slice_from,
)
from tests.support.values import items, score_updates

pytest.importorskip("ckm_stream.native.score_rows", reason="the compiled core was not built")

from ckm_stream.native.choices import Choices
from ckm_stream.native.score_rows import ScoreRows
from ckm_stream.snapshots.compiled import CompiledCollector

CHOICES: Final = Choices(POLICY)

#: Instants are counted from 2000 in 64 bits.
EARLIEST: Final = -(1 << 63) + 946_684_800_000_000


def collectors() -> tuple[BatchCollector, BatchCollector]:
    """Return the reference and its twin, both empty."""
    reference = Collector(topics=TOPICS, outputs=OUTPUTS, policy=POLICY)
    twin = CompiledCollector(topics=TOPICS, outputs=OUTPUTS, policy=POLICY, choices=CHOICES)
    return reference, twin


def both(topic: str, records: list[Record]) -> tuple[PackedBatch, PackedBatch]:
    """Return what each makes of the same records."""
    made: list[Any] = []
    for collector in collectors():
        collector.add(topic, PARTITION, records, expected=records[0].offset)
        made.append(collector.batch())
    return packed(made[0]), made[1]


def records_of(values: list[bytes | None], key: bytes = b"c-1") -> list[Record]:
    """Return records with these values in a row."""
    return [Record(offset, key, value) for offset, value in enumerate(values)]


def is_counted(instant: int) -> bool:
    """Tell whether PostgreSQL's 64 bits hold an instant."""
    return instant >= EARLIEST


@given(st.lists(score_updates().filter(lambda update: is_counted(update.as_of)), min_size=1))
def test_any_score_update(updates: list[ScoreUpdate]) -> None:
    """Any text, any number, any list of factors; the newest of each customer is marked."""
    sent = [OUTPUTS.encode_score_update(update) for update in updates]

    expected, actual = both(TOPICS.score_updated, records_of([*sent]))

    assert actual == expected


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)),
        min_size=1,
        max_size=12,
    )
)
def test_the_newest_of_each_customer_is_marked(places: list[tuple[int, int, int, int]]) -> None:
    """By version, time and epoch, in any order of arrival, with repetitions."""
    updates = [
        in_epoch(update_of(f"c-{customer}", version, as_of=as_of), epoch_id)
        for customer, version, as_of, epoch_id in places
    ]
    sent = [OUTPUTS.encode_score_update(update) for update in updates]

    expected, actual = both(TOPICS.score_updated, records_of([*sent]))

    rows = actual.rows[STAGED_SCORE.name]
    assert rows == expected.rows[STAGED_SCORE.name]
    assert len(set(rows_ends(rows, updates))) <= 2


def in_epoch(update: ScoreUpdate, epoch_id: int) -> ScoreUpdate:
    """Return an update in another epoch."""
    return msgspec.structs.replace(
        update, score=msgspec.structs.replace(update.score, epoch_id=epoch_id)
    )


def rows_ends(rows: bytes, updates: list[ScoreUpdate]) -> list[int]:
    """Return the marks of rows that are all of one size."""
    size = len(rows) // len(updates)
    return [rows[end - 1] for end in range(size, len(rows) + 1, size)]


@given(st.lists(items().filter(lambda item: is_counted(item.occurred_at)), min_size=1))
def test_any_item(told: list[KnowledgeItem]) -> None:
    """Any text, and topics as JSON."""
    sent = [OUTPUTS.encode_item(item) for item in told]

    expected, actual = both(TOPICS.knowledge_item, records_of([*sent]))

    assert actual == expected


@pytest.mark.parametrize(
    "text",
    [
        "".join(map(chr, range(0x80))),
        'quoted "\\" and \x00, \\u0000 and \x7f',
        "漢字\u2028🙂\x00",
        "",
        "\x00",
    ],
)
def test_text_that_json_or_the_database_has_another_way(text: str) -> None:
    """Escapes as msgspec writes them, U+0000 replaced, in texts and in documents."""
    item = msgspec.structs.replace(item_of("i-1", text=text), topics=(text, "plain"))

    expected, actual = both(TOPICS.knowledge_item, records_of([OUTPUTS.encode_item(item)]))

    assert actual.rows[STAGED_ITEM.name] == expected.rows[STAGED_ITEM.name]


@given(histories())
def test_any_history_of_a_customer(events: list[ProfileEvent]) -> None:
    """States of customers with any events, in every layout's newest form."""
    state = ProfileState.empty(PARTITION)
    for event in events:
        apply_event(state, event, POLICY)
        state.delivery.version += 1
    values = [encode_state(state, POLICY)]

    expected, actual = both(TOPICS.profile_changelog, records_of([*values]))

    assert actual == expected


@given(
    st.lists(st.integers(0, MOST), min_size=counters.COUNT, max_size=counters.COUNT)
    | st.lists(st.integers(0, 80), min_size=counters.COUNT, max_size=counters.COUNT)
)
def test_any_counts(counts: list[int]) -> None:
    """Shares of small and of the greatest numbers are written alike."""
    state = ProfileState.empty(PARTITION)
    apply_event(state, order("a"), POLICY)
    # Of touchpoints and items there are never so many that their sum has more than 64 bits.
    state.facts.counts = [
        count >> 5 if place < counters.ORDERS or place >= counters.EXPLICIT else count
        for place, count in enumerate(counts)
    ]

    expected, actual = both(TOPICS.profile_changelog, records_of([encode_state(state, POLICY)]))

    assert actual.rows[STAGED_PROFILE.name] == expected.rows[STAGED_PROFILE.name]


@pytest.mark.parametrize("layout", [1, 2, 3])
def test_states_as_they_were_released(layout: int) -> None:
    """Golden states of every layout."""
    states = [golden.data for golden in goldens(layout) if golden.is_customer]

    pairs = [both(TOPICS.profile_changelog, records_of([data])) for data in states]

    assert pairs
    assert [actual for _, actual in pairs] == [expected for expected, _ in pairs]


def test_the_newest_state_of_each_key_is_taken_and_tombstones_are_told_apart() -> None:
    """Customers and employees alike; a state after a tombstone brings the row back."""
    states = States()
    effects = fold_unit(
        core_over(states),
        slice_from(0, order("a", customer_id="c-1")),
        slice_from(0, contact("b", employee_id="e-1")),
    )
    ((_, profile),), ((_, employee),) = effects.changelog.values()
    for topic, value in (
        (TOPICS.profile_changelog, profile),
        (TOPICS.employee_changelog, employee),
    ):
        records = [
            Record(3, b"k-1", value),
            Record(4, b"k-2", value),
            Record(5, b"k-1", None),
            Record(6, b"k-3", None),
            Record(7, b"k-3", value),
        ]

        expected, actual = both(topic, records)

        assert actual == expected
        assert [*actual.gone_profiles, *actual.gone_employees] == [Tombstone("k-1", 5)]


def test_a_value_that_is_not_plain_is_made_plain() -> None:
    """Another schema version's bytes, or a list in blocks, go through the Python codec."""
    sent = OUTPUTS.encode_score_update(update_of("c-1", 1))
    in_blocks = msgspec.structs.replace(update_of("c-1", 2), factors=())
    plain = OUTPUTS.encode_score_update(in_blocks)
    # An empty list may also be written as a block of no items, sized, before its end.
    event_id = write_long(len("event-2")) + b"event-2"
    assert plain.endswith(b"\0" + event_id)
    odd = plain.removesuffix(b"\0" + event_id) + write_long(-2) + write_long(0)

    rows = ScoreRows(OUTPUTS.score_head)

    assert rows.add(sent)
    assert not rows.add(odd)
    assert not rows.add(sent[:-1])
    assert not rows.add(sent + b"\0")
    assert not rows.add(b"\0" + sent[1:5])
    assert rows.rows() == both(TOPICS.score_updated, records_of([sent]))[0].rows[STAGED_SCORE.name]


@pytest.mark.parametrize("value", [None, b"", b"\1garbage", b"\0\0\0\0\0"])
def test_what_is_no_record_of_ours_is_rejected_by_both(value: bytes | None) -> None:
    """With the same reason, by the codec."""
    for topic in (TOPICS.score_updated, TOPICS.knowledge_item):
        reasons = []
        for collector in collectors():
            with pytest.raises(RejectedRecord) as caught:
                collector.add(topic, PARTITION, records_of([value]), expected=0)
            reasons.append(caught.value.reason)
        assert len(set(reasons)) == 1


def test_a_state_of_another_policy_is_refused_by_both() -> None:
    """The sentence says what to restore."""
    state = ProfileState.empty(PARTITION)
    other = dataclasses.replace(POLICY, landmark_s=POLICY.landmark_s + 86_400)
    records = records_of([encode_state(state, other)])

    def collect(collector: Any) -> None:
        collector.add(TOPICS.profile_changelog, PARTITION, records, expected=0)
        collector.batch()

    for collector in collectors():
        with pytest.raises(ConfigurationError, match="another scoring policy"):
            collect(collector)
