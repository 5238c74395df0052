"""From a knowledge item to what its words say."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given

from ckm_stream.codec.topics import Source
from ckm_stream.domain.checks import MAX_ID_CHARS, MAX_TOPICS, check_event
from ckm_stream.domain.events import (
    MICROS,
    Event,
    FeedbackStage,
    Resolver,
    TextReading,
    TicketAction,
)
from ckm_stream.domain.knowledge import KnowledgeItem, extract_items
from ckm_stream.errors import Reason
from ckm_stream.pipeline.records import Rejection
from ckm_stream.pipeline.texts import ItemReader, SliceRead, has_own_words, read_item
from ckm_stream.text.reading import TextReader
from ckm_stream.text.topics import TopicDictionary
from tests.support.touchpoints import POLICY, T0_S, call, feedback, profile_events, ticket
from tests.support.units import EVENTS, OUTPUTS, PARTITION, TOPICS, Record

ANGRY = "Terrible: the courier lost my parcel"
READER = TextReader()
ITEMS = ItemReader(events=EVENTS, outputs=OUTPUTS, reader=READER)


def item_of(event: Event) -> KnowledgeItem:
    """Return the one item of an event."""
    (item,) = extract_items(event)
    return item


def records_of(*items: KnowledgeItem, first: int = 0) -> list[Record]:
    """Return the records that a profile worker writes of *items*."""
    return [
        Record(first + place, item.customer_id.encode(), OUTPUTS.encode_item(item), T0_S * 1000)
        for place, item in enumerate(items)
    ]


def read(*records: Record) -> SliceRead:
    """Read consecutive records of the items' topic."""
    return ITEMS.read(TOPICS.knowledge_item, PARTITION, records)


def events_in(found: SliceRead) -> list[Any]:
    """Return the events that were to be sent."""
    return [EVENTS.decode(Source.TEXT, each.key, each.value) for each in found.records]


def test_what_a_customer_writes_is_read_for_sentiment_and_topics() -> None:
    """One event to the customer's own partition; its id is derived from the item's."""
    item = item_of(feedback("f", text=ANGRY))

    found = read(*records_of(item))

    assert events_in(found) == [
        TextReading(
            event_id="f/0/text",
            source="test",
            customer_id="c-1",
            occurred_at=T0_S * MICROS,
            recorded_at=T0_S * MICROS,
            sentiment=round(READER.read(ANGRY).sentiment * 1000),
            topics=("delivery",),
        )
    ]
    assert [(each.topic, each.partition) for each in found.records] == [(TOPICS.text, PARTITION)]
    assert (found.texts, found.rejections) == (1, [])


def test_the_same_item_gives_the_same_record() -> None:
    """So that sending it again is a duplicate."""
    records = records_of(item_of(call(note=ANGRY)))

    assert read(*records).records == read(*records).records


@pytest.mark.parametrize(
    "event",
    [
        ticket(text=ANGRY, action=TicketAction.ANSWERED, resolved_by=Resolver.EXPERT),
        feedback(text=ANGRY, stage=FeedbackStage.ADOPTED),
        feedback(text=ANGRY, stage=FeedbackStage.REJECTED),
        feedback(text=None, rating=1.0, rating_scale=5.0),
        feedback(text="", rating=1.0, rating_scale=5.0),
    ],
    ids=["answer", "adopted", "rejected", "no words", "empty words"],
)
def test_words_that_are_not_the_customer_s_or_told_before_are_not_read(event: Event) -> None:
    """An answer is the company's; a later stage repeats the words of the first."""
    assert not has_own_words(item_of(event))
    assert read(*records_of(item_of(event))) == SliceRead()


@pytest.mark.parametrize("event", [ticket(text=ANGRY), call(note=ANGRY), feedback(text=ANGRY)])
def test_words_of_every_kind_of_touchpoint_are_read(event: Event) -> None:
    """A ticket's, a note of a call, feedback."""
    (said,) = events_in(read(*records_of(item_of(event))))

    assert said.sentiment < 0


def test_words_that_say_nothing_known_are_counted_and_send_nothing() -> None:
    """Nothing known is not neutral."""
    found = read(*records_of(item_of(feedback(text="qwertz uiop"))))

    assert (found.texts, found.records) == (1, [])


def test_a_topic_alone_is_worth_sending() -> None:
    """Without a polar word the sentiment is 0."""
    (said,) = events_in(read(*records_of(item_of(feedback(text="my invoice")))))

    assert (said.sentiment, said.topics) == (0, ("billing",))


def test_a_record_that_is_no_item_is_left_out_and_named() -> None:
    """Its neighbours are read."""
    good = records_of(item_of(feedback(text=ANGRY)), first=7)
    strange = Record(8, b"c-1", b"no item")
    foreign = replace(records_of(item_of(feedback(text=ANGRY)), first=9)[0], key=b"c-2")

    found = read(*good, strange, foreign)

    assert len(found.records) == 1
    assert found.rejections == [
        Rejection(TOPICS.knowledge_item, 8, Reason.NOT_FRAMED),
        Rejection(TOPICS.knowledge_item, 9, Reason.KEY_MISMATCH),
    ]


def test_an_item_without_a_record_time_was_written_when_it_occurred() -> None:
    """A time that is the same whenever it is read."""
    (record,) = records_of(item_of(feedback(text=ANGRY)))

    (said,) = events_in(read(replace(record, timestamp=-1)))

    assert said.recorded_at == T0_S * MICROS


def test_a_text_about_everything_has_as_many_topics_as_an_event_takes() -> None:
    """A dictionary may be larger; the event would be refused."""
    many = TopicDictionary({f"t{n}": ["wasser"] for n in range(MAX_TOPICS + 5)})
    item = item_of(feedback(text="wasser"))

    said = read_item(item, TextReader(topics=many), recorded_at=0)

    assert said is not None
    assert said.topics == tuple(f"t{n}" for n in range(MAX_TOPICS))


@given(profile_events())
def test_whatever_is_read_in_an_item_may_be_applied(event: Event) -> None:
    """What a profile worker has let pass is not refused when it comes back as a reading."""
    event = msgspec.structs.replace(event, event_id=event.event_id * (MAX_ID_CHARS // 5))
    for item in extract_items(event):
        said = read_item(
            msgspec.structs.replace(item, text=ANGRY), READER, recorded_at=item.occurred_at
        )
        assert said is not None
        check_event(said, record_timestamp_ms=item.occurred_at // 1000 + 1, policy=POLICY)
