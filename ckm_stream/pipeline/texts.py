"""
From knowledge items to what their words say: all that the text worker does but read and write.

It is off the hot path: no profile waits for it, and what it finds reaches the profile as an event
like any other. The same item gives the same event, so reading it again is a duplicate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.domain.checks import MAX_TOPICS
from ckm_stream.domain.events import FeedbackStage, TextReading, TicketAction
from ckm_stream.domain.knowledge import KnowledgeItem, Section
from ckm_stream.domain.slots import MILLE
from ckm_stream.errors import Reason, RejectedRecord
from ckm_stream.pipeline.records import OutputRecord, Rejection, SourceRecord
from ckm_stream.text.reading import TextReader

#: Stages in which the customer speaks. Later ones may repeat the words, which then would count
#: once for each step that the company takes.
_TELLING: Final = frozenset({FeedbackStage.SUBMITTED.value, TicketAction.OPENED.value})
_FROM_CUSTOMER: Final = Section.FROM


@dataclass(slots=True)
class SliceRead:
    """
    What came of one slice of knowledge items.

    ``texts`` counts the items with words of the customer's; ``records`` are of those that say
    something. ``rejections`` are records that are no item: they stay where they are, in a topic
    that is kept without limit.
    """

    texts: int = 0
    records: list[OutputRecord] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


class ItemReader:
    """Reads the words of knowledge items, and makes events of what they say."""

    def __init__(self, *, events: EventCodec, outputs: OutputCodec, reader: TextReader) -> None:
        self._events = events
        self._outputs = outputs
        self._reader = reader

    def read(self, topic: str, partition: int, records: Sequence[SourceRecord]) -> SliceRead:
        """
        Return what the words of consecutive knowledge items say, in their order.

        Args:
            topic: The physical topic that the records come from.
            partition: Theirs; what is read goes to the partition of the same number.
            records: Of one partition.

        Raises:
            TransientError: If a schema registry cannot be asked.
        """
        found = SliceRead()
        for record in records:
            try:
                item = self._decode(record)
            except RejectedRecord as rejection:
                found.rejections.append(Rejection(topic, record.offset, rejection.reason))
                continue
            if not has_own_words(item):
                continue
            found.texts += 1
            event = read_item(item, self._reader, recorded_at=_written_at(record, item))
            if event is not None:
                to, key = self._events.address(event)
                found.records.append(OutputRecord(to, partition, key, self._events.encode(event)))
        return found

    def _decode(self, record: SourceRecord) -> KnowledgeItem:
        item = self._outputs.decode_item(record.value)
        if record.key != item.customer_id.encode():
            raise RejectedRecord(Reason.KEY_MISMATCH, "key is not the item's customer_id")
        return item


def has_own_words(item: KnowledgeItem) -> bool:
    """Say whether the item is what the customer told, for the first time and in words."""
    return item.section is _FROM_CUSTOMER and bool(item.text) and item.stage in _TELLING


def read_item(item: KnowledgeItem, reader: TextReader, *, recorded_at: int) -> TextReading | None:
    """
    Return what the item's words say; None if they say nothing that is known.

    Args:
        item: With words.
        reader: The lexicon and the topics to read it by.
        recorded_at: Microseconds, when the item was written.
    """
    found = reader.read(item.text or "")
    sentiment = round(found.sentiment * MILLE)
    topics = found.topics[:MAX_TOPICS]
    if not (sentiment or topics):
        return None
    return TextReading(
        event_id=f"{item.item_id.removeprefix(f'{item.source}/')}/text",
        source=item.source,
        customer_id=item.customer_id,
        occurred_at=item.occurred_at,
        recorded_at=recorded_at,
        sentiment=sentiment,
        topics=topics,
    )


def _written_at(record: SourceRecord, item: KnowledgeItem) -> int:
    return record.timestamp * 1000 if record.timestamp >= 0 else item.occurred_at
