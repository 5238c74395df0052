"""
The publisher: typed touchpoint events in, framed Avro in Kafka out, acknowledged by all replicas.

An event is checked by the rules that the worker applies, so a wrong one is refused here and never
becomes a dead letter. It refuses to lose a failure: an event that the broker did not acknowledge
is raised, at the latest by ``close``. Not safe for use by several threads at once.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError

from ckm_stream.codec.events import MAX_VALUE_BYTES, EventCodec, source_of
from ckm_stream.codec.topics import SOURCE_TOPICS, Source, Topics
from ckm_stream.domain.checks import check_event
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import ConfigurationError, Reason, RejectedRecord
from ckm_stream.operations.access import CHANNEL, require_access
from ckm_stream.operations.connection import kafka_client_options
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.operations.topics import check_topics, load_specs
from ckm_stream.publishing.cloudevents import cloud_event_headers
from ckm_stream.publishing.deliveries import Deliveries, PendingDelivery, delivery_error
from ckm_stream.publishing.producer import (
    DEFAULT_OPTIONS,
    Producer,
    PublisherOptions,
    open_producer,
)
from ckm_stream.settings import Settings

__all__ = [
    "DEFAULT_OPTIONS",
    "Publisher",
    "PublisherOptions",
    "encode_checked",
    "event_checker",
    "open_producer",
]

_GRACE_S: Final = 5.0

_TOUCHPOINT_TOPICS: Final = {
    SOURCE_TOPICS[source]
    for source in (Source.CALL, Source.TICKET, Source.PURCHASE, Source.FEEDBACK)
}


def encode_checked(event: TouchpointEvent, codec: EventCodec, policy: Policy, now_ms: int) -> bytes:
    """
    Return *event* as it would be sent at *now_ms* (Unix milliseconds).

    Raises:
        RejectedRecord: If the worker would reject it.
    """
    check_event(event, record_timestamp_ms=now_ms, policy=policy)
    value = codec.encode(event)
    if len(value) > MAX_VALUE_BYTES:
        raise _too_large(value)
    return value


def _too_large(value: bytes) -> RejectedRecord:
    return RejectedRecord(
        Reason.TOO_LARGE, f"the event takes {len(value)} bytes, too many for one record"
    )


def wall_clock_ms() -> int:
    """Return the time of day in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def event_checker(settings: Settings) -> Callable[[TouchpointEvent], None]:
    """
    Return a function that checks an event as ``Publisher.publish`` does, without a broker.

    It raises ``RejectedRecord`` for a wrong event.
    """
    codec = EventCodec(open_schemas(settings))

    def check(event: TouchpointEvent) -> None:
        encode_checked(event, codec, settings.scoring, wall_clock_ms())

    return check


class Publisher:
    """
    Publishes touchpoint events to their topics; a context manager.

    Args:
        producer: An open producer (``open_producer``); the publisher closes it.
        topics: Physical topic names.
        codec: Encodes events as framed Avro.
        policy: The limits that events are checked by; the same as the worker's.
        options: Bounds and timeouts; those of *producer*.
        now_ms: The clock that records are stamped by, in Unix milliseconds.
    """

    def __init__(  # noqa: PLR0913 -- wired once, by from_settings
        self,
        producer: Producer,
        *,
        topics: Topics,
        codec: EventCodec,
        policy: Policy,
        options: PublisherOptions = DEFAULT_OPTIONS,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._producer = producer
        self._topic_of = {source: topic for topic, source in topics.sources.items()}
        self._codec = codec
        self._policy = policy
        # The producer's own verdict, which says more, should come first.
        self._patience_s = options.delivery_timeout_s + _GRACE_S
        self._now_ms = now_ms
        self._deliveries = Deliveries(options.max_unacknowledged, self._patience_s)

    @property
    def acknowledged(self) -> int:
        """How many events the broker is known to have taken; all of them after ``flush``."""
        return self._deliveries.acknowledged

    @classmethod
    def from_settings(cls, settings: Settings, options: PublisherOptions = DEFAULT_OPTIONS) -> Self:
        """
        Connect to the cluster, topics and schemas that *settings* name.

        Raises:
            ConfigurationError: If a right, a topic or a schema is missing.
            TransientError: If no broker answers.
        """
        require_access(settings, CHANNEL)
        # Also tells a broker that is down, and a missing topic before the first event of its type
        # is met (the embedded broker would just make it, with one partition).
        check_topics(settings, [spec for spec in load_specs() if spec.name in _TOUCHPOINT_TOPICS])
        topics = Topics(settings.kafka.topic_prefix)
        codec = EventCodec(open_schemas(settings), topics)
        producer = open_producer(kafka_client_options(settings), options)
        return cls(producer, topics=topics, codec=codec, policy=settings.scoring, options=options)

    def publish(self, event: TouchpointEvent) -> None:
        """
        Check *event* and hand it to the producer; waits while too many are on their way.

        Raises:
            RejectedRecord: If the event is wrong; nothing was sent, the publisher goes on.
            DeliveryError: If this or an earlier event was not acknowledged.
            ConfigurationError: If its topic does not exist.
        """
        now_ms = self._now_ms()
        value = encode_checked(event, self._codec, self._policy, now_ms)
        topic = self._topic_of[source_of(event)]
        self._deliveries.make_room()
        delivery = self._send(topic, event, value, now_ms)
        self._deliveries.add(delivery, topic, event.event_id)

    def flush(self) -> None:
        """
        Wait until everything published is acknowledged.

        Raises:
            DeliveryError: If an event was not; the first one, by order of publishing, is named.
        """
        # Ends all lingering; what did not arrive is named below.
        with suppress(KafkaError):
            self._producer.flush(self._patience_s)
        self._deliveries.settle_all()

    def close(self) -> None:
        """
        Flush, then end the producer, even if the flush fails.

        Raises:
            DeliveryError: If an event was not acknowledged.
        """
        try:
            self.flush()
        finally:
            self._producer.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        # The block's own error is on its way: what is buffered gets a chance, and is not waited
        # for any longer than that.
        with suppress(KafkaError):
            self._producer.flush(0.0 if self._deliveries.failure else _GRACE_S)
        self._producer.abandon()

    def _send(
        self, topic: str, event: TouchpointEvent, value: bytes, now_ms: int
    ) -> PendingDelivery:
        try:
            return self._producer.send(
                topic,
                value,
                event.customer_id.encode(),
                cloud_event_headers(event),
                timestamp_ms=now_ms,
            )
        except MessageSizeTooLargeError:
            raise _too_large(value) from None
        except KafkaTimeoutError as error:
            # The only thing that send() itself waits for is the topic's metadata.
            raise ConfigurationError(
                f"topic {topic!r} is not known to the brokers; run `ckm topics apply`"
            ) from error
        except KafkaError as error:
            raise delivery_error(topic, event.event_id, error) from error
