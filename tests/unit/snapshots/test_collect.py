"""Consumed records become one batch, with one step per partition."""

from dataclasses import dataclass

import pytest

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.policy import Policy
from ckm_stream.pipeline.fold import EMPLOYEES, PROFILES
from ckm_stream.snapshots.batch import (
    EmployeeRow,
    ProfileRow,
    Progress,
    SnapshotBatch,
    Tombstone,
)
from ckm_stream.snapshots.collect import Collector
from tests.support.store_rows import item_of, update_of
from tests.support.touchpoints import contact, order
from tests.support.units import States, core_over, fold_unit, slice_from

TOPICS = Topics("test.")
OUTPUTS = OutputCodec(Catalogue.load())


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a Kafka client hands it over."""

    offset: int
    key: bytes
    value: bytes | None


@pytest.fixture
def collector() -> Collector:
    """Give a collector of one transaction."""
    return Collector(topics=TOPICS, outputs=OUTPUTS, policy=Policy())


def test_each_topic_feeds_its_table(collector: Collector) -> None:
    """Updates, items and changelog records go to their lists."""
    update, item = update_of("c-1", 1), item_of("i-1")
    collector.add(
        TOPICS.score_updated,
        0,
        [Record(3, b"c-1", OUTPUTS.encode_score_update(update))],
        expected=3,
    )
    collector.add(
        TOPICS.knowledge_item, 0, [Record(0, b"c-1", OUTPUTS.encode_item(item))], expected=0
    )
    collector.add(TOPICS.profile_changelog, 1, [Record(8, b"c-1", None)], expected=7)
    collector.add(TOPICS.employee_changelog, 1, [Record(9, b"e-1", None)], expected=9)

    batch = collector.batch()

    assert (batch.scores, batch.items) == ([update], [item])
    assert batch.profiles == [Tombstone("c-1", 8)]
    assert batch.employees == [Tombstone("e-1", 9)]


def test_a_state_becomes_a_row(collector: Collector) -> None:
    """A customer's and an employee's, with the offset that guards them."""
    states = States()
    effects = fold_unit(
        core_over(states),
        slice_from(0, order("a", customer_id="c-1")),
        slice_from(0, contact("b", employee_id="e-1")),
    )
    for table, topic in (
        (PROFILES, TOPICS.profile_changelog),
        (EMPLOYEES, TOPICS.employee_changelog),
    ):
        ((key, value),) = effects.changelog[table]
        collector.add(topic, 2, [Record(5, key, value)], expected=5)

    batch = collector.batch()

    (profile,), (employee,) = batch.profiles, batch.employees
    assert isinstance(profile, ProfileRow)
    assert (profile.customer_id, profile.partition, profile.changelog_offset) == ("c-1", 2, 5)
    assert profile.state == effects.changelog[PROFILES][0][1]
    assert isinstance(employee, EmployeeRow)
    assert (employee.employee_id, employee.version, employee.changelog_offset) == ("e-1", 1, 5)


def test_every_topic_of_the_store_has_its_table(collector: Collector) -> None:
    """A topic that nobody asked for is our own defect."""
    assert set(Collector.topics(TOPICS)) == set(collector._add)
    with pytest.raises(KeyError):
        collector.add(TOPICS.dead_letter, 0, [Record(0, b"c-1", None)], expected=0)


def test_nothing_consumed_is_an_empty_batch(collector: Collector) -> None:
    """Without progress there is nothing to write."""
    assert collector.batch() == SnapshotBatch()


def test_slices_of_a_partition_make_one_step(collector: Collector) -> None:
    """The step leads from before the first record to after the last, across gaps."""
    topic = TOPICS.profile_changelog
    collector.add(topic, 1, [Record(8, b"c-1", None), Record(11, b"c-1", None)], expected=7)
    collector.add(topic, 1, [Record(12, b"c-2", None)], expected=12)
    collector.add(topic, 0, [Record(4, b"c-3", None)], expected=4)

    progress = collector.batch().progress

    assert progress == [Progress(topic, 1, 7, 13), Progress(topic, 0, 4, 5)]
