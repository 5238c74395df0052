"""The publisher against a producer of the test's own: what is sent, and which failure is raised."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError
from msgspec.structs import replace

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Source, Topics
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import ConfigurationError, DeliveryError, Reason, RejectedRecord
from ckm_stream.publishing.client import Publisher
from ckm_stream.publishing.simulate import simulated_events
from ckm_stream.simulation.customers import SimulationPlan

TOPICS = Topics("test.")
CODEC = EventCodec(Catalogue.load(), TOPICS)
NOW_MS = 1_800_000_000_000


class Delivery:
    """A record on its way, answered when the test says so."""

    def __init__(self) -> None:
        self.is_done = False
        self.exception: BaseException | None = None

    def answer(self, error: BaseException | None = None) -> None:
        """Acknowledge the record, or fail it."""
        self.is_done = True
        self.exception = error

    def get(self, timeout: float | None = None) -> object:
        """Give the answer; a record that is not answered times out at once."""
        if not self.is_done:
            raise KafkaTimeoutError(f"no answer within {timeout} s")
        if self.exception is not None:
            raise self.exception
        return None


@dataclass(slots=True)
class Sent:
    """One record as it was handed to the producer."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: list[tuple[str, bytes]] | None
    timestamp_ms: int | None
    delivery: Delivery = field(default_factory=Delivery)


class MemoryProducer:
    """Keeps what it is given; *on_flush* answers it."""

    def __init__(self, on_flush: Callable[[list[Sent]], None]) -> None:
        self.sent: list[Sent] = []
        self.on_flush = on_flush
        self.refusal: KafkaError | None = None
        self.actions: list[str] = []

    def send(  # noqa: PLR0917 -- kafka-python's signature
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: list[tuple[str, bytes]] | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> Delivery:
        """Keep a record, or refuse it."""
        assert partition is None
        if self.refusal is not None:
            raise self.refusal
        self.sent.append(Sent(topic, value, key, headers, timestamp_ms))
        return self.sent[-1].delivery

    def flush(self, timeout: float | None = None) -> None:
        """Answer everything."""
        self.actions.append("flush")
        self.on_flush(self.sent)
        if not all(each.delivery.is_done for each in self.sent):
            raise KafkaTimeoutError(f"not flushed within {timeout} s")

    def abandon(self) -> None:
        """Note that it was ended."""
        self.actions.append("abandon")


def acknowledge(sent: list[Sent]) -> None:
    """Acknowledge every record that has no answer yet."""
    for each in sent:
        if not each.delivery.is_done:
            each.delivery.answer()


def publisher_to(producer: MemoryProducer) -> Publisher:
    """Return a publisher whose clock stands still."""
    return Publisher(
        producer,
        topics=TOPICS,
        codec=CODEC,
        policy=Policy(),
        now_ms=lambda: NOW_MS,
    )


@pytest.fixture(scope="module")
def events() -> list[TouchpointEvent]:
    """Give simulated events of all types."""
    return list(simulated_events(SimulationPlan(customers=20, seed=1)))


def test_each_event_goes_to_its_topic_keyed_by_its_customer(
    events: list[TouchpointEvent],
) -> None:
    """Topic, key, framed value, send time and headers are those of the contract."""
    producer = MemoryProducer(acknowledge)

    with publisher_to(producer) as publisher:
        for event in events:
            publisher.publish(event)

    assert publisher.acknowledged == len(events) == len(producer.sent)
    for event, sent in zip(events, producer.sent, strict=True):
        source = TOPICS.sources[sent.topic]
        assert sent.key == event.customer_id.encode()
        assert CODEC.decode(source, sent.key, sent.value) == event
        assert sent.timestamp_ms == NOW_MS
        assert dict(sent.headers or [])["ce_id"] == event.event_id.encode()
    assert {TOPICS.sources[sent.topic] for sent in producer.sent} == {
        Source.CALL,
        Source.TICKET,
        Source.PURCHASE,
        Source.FEEDBACK,
    }


def test_a_wrong_event_is_refused_before_it_is_sent(events: list[TouchpointEvent]) -> None:
    """The worker's rules hold here too, with the send time as the record's timestamp."""
    producer = MemoryProducer(acknowledge)
    wrong = {
        Reason.EMPTY_IDENTIFIER: replace(events[0], customer_id=""),
        Reason.BEFORE_LANDMARK: replace(events[0], occurred_at=0),
        Reason.IN_FUTURE: replace(events[0], occurred_at=(NOW_MS + 3_600_001) * 1000),
    }

    with publisher_to(producer) as publisher:
        for reason, event in wrong.items():
            with pytest.raises(RejectedRecord) as caught:
                publisher.publish(event)
            assert caught.value.reason is reason
        publisher.publish(events[0])

    assert len(producer.sent) == 1


def test_an_event_too_large_for_a_record_is_refused(events: list[TouchpointEvent]) -> None:
    """What the producer finds too large is the event's fault, not the broker's."""
    producer = MemoryProducer(acknowledge)
    producer.refusal = MessageSizeTooLargeError()

    with publisher_to(producer) as publisher, pytest.raises(RejectedRecord) as caught:
        publisher.publish(events[0])

    assert caught.value.reason is Reason.TOO_LARGE


def test_a_missing_topic_is_named_with_the_remedy(events: list[TouchpointEvent]) -> None:
    """send() itself only ever waits for the topic."""
    producer = MemoryProducer(acknowledge)
    producer.refusal = KafkaTimeoutError("Failed to update metadata after 1 secs.")

    with publisher_to(producer) as publisher, pytest.raises(ConfigurationError) as caught:
        publisher.publish(events[0])

    assert "test.ckm.touchpoint." in str(caught.value)
    assert "ckm topics apply" in str(caught.value)


def fail_third_and_fifth(sent: list[Sent]) -> None:
    """Fail two records in the wrong order, acknowledge the others."""
    if not sent[4].delivery.is_done:
        sent[4].delivery.answer(KafkaError("fifth"))
        sent[2].delivery.answer(KafkaError("third"))
        acknowledge(sent)


def test_the_first_failure_by_order_of_publishing_is_raised(
    events: list[TouchpointEvent],
) -> None:
    """Topic and event are named, the customer is not; the rest counts as acknowledged."""
    producer = MemoryProducer(fail_third_and_fifth)
    publisher = publisher_to(producer)
    for event in events[:6]:
        publisher.publish(event)

    with pytest.raises(DeliveryError) as caught:
        publisher.flush()

    message = str(caught.value)
    assert repr(events[2].event_id) in message
    assert repr(producer.sent[2].topic) in message
    assert "third" in message
    assert events[2].customer_id not in message.replace(events[2].event_id, "")
    assert publisher.acknowledged == 4


def test_a_failure_is_raised_by_the_next_publish_and_again_by_close(
    events: list[TouchpointEvent],
) -> None:
    """A failure is never forgotten, and the producer is ended all the same."""
    producer = MemoryProducer(acknowledge)
    publisher = publisher_to(producer)
    publisher.publish(events[0])
    producer.sent[0].delivery.answer(KafkaError("gone"))

    with pytest.raises(DeliveryError, match="gone"):
        publisher.publish(events[1])
    with pytest.raises(DeliveryError, match="gone"):
        publisher.close()

    assert len(producer.sent) == 1
    assert producer.actions == ["flush", "abandon"]


def test_leaving_the_block_raises_what_was_not_acknowledged(
    events: list[TouchpointEvent],
) -> None:
    """A record without any answer fails by time, and is named."""
    producer = MemoryProducer(lambda _: None)

    with (
        pytest.raises(DeliveryError, match=events[0].event_id),
        publisher_to(producer) as publisher,
    ):
        publisher.publish(events[0])

    assert producer.actions == ["flush", "abandon"]


def test_an_error_of_the_block_is_not_hidden_by_a_failed_delivery(
    events: list[TouchpointEvent],
) -> None:
    """The block's own error comes out, and the producer is ended."""
    producer = MemoryProducer(lambda _: None)

    def interrupted() -> None:
        with publisher_to(producer) as publisher:
            publisher.publish(events[0])
            raise KeyError("of the block")

    with pytest.raises(KeyError, match="of the block"):
        interrupted()
    assert producer.actions == ["flush", "abandon"]
