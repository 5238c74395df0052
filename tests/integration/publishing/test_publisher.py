"""The publisher on a real broker: what arrives, where, and what a dead broker does."""

import gc
import logging
import threading
import warnings
from collections import Counter
from operator import attrgetter
from typing import Any

import pytest
from kafka.partitioner import murmur2

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EventCodec, source_of
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.errors import ConfigurationError, DeliveryError, TransientError
from ckm_stream.operations.embedded import EmbeddedBroker
from ckm_stream.operations.topics import apply_topics
from ckm_stream.publishing.client import Publisher, PublisherOptions
from ckm_stream.publishing.simulate import simulated_events
from ckm_stream.settings import KafkaSettings, Settings
from ckm_stream.simulation.customers import SimulationPlan
from tests.support.broker import Broker
from tests.support.ports import new_port
from tests.support.reading import ReadRecord, read_topic

PARTITIONS = 4


@pytest.fixture(scope="module")
def events() -> list[TouchpointEvent]:
    """Give 2,000 simulated events in time order."""
    plan = SimulationPlan(customers=150, seed=9)
    return list(simulated_events(plan))[:2000]


def settings_for(bootstrap_servers: str, prefix: str = "", timeout_s: float = 30.0) -> Settings:
    """Return the settings of an installation of its own."""
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers=bootstrap_servers,
            topic_prefix=prefix,
            partitions=PARTITIONS,
            request_timeout_s=timeout_s,
        )
    )


def read_sources(settings: Settings) -> list[ReadRecord]:
    """Return everything in the topics that channels publish to."""
    topics = Topics(settings.kafka.topic_prefix)
    names = (topics.call, topics.ticket, topics.purchase, topics.feedback)
    return [
        record for name in names for record in read_topic(settings.kafka.bootstrap_servers, name)
    ]


def test_every_event_arrives_once_in_its_customers_partition_and_in_order(
    broker: Broker, topic_prefix: str, events: list[TouchpointEvent]
) -> None:
    """Values decode to the events; customers keep one partition, and their events their order."""
    settings = settings_for(broker.bootstrap_servers, topic_prefix)
    apply_topics(settings)
    topics = Topics(topic_prefix)
    codec = EventCodec(Catalogue.load(), topics)

    with Publisher.from_settings(settings) as publisher:
        for event in events:
            publisher.publish(event)
        publisher.flush()
        acknowledged = publisher.acknowledged

    records = read_sources(settings)
    decoded = [codec.decode(topics.sources[r.topic], r.key, r.value) for r in records]
    assert acknowledged == len(events) == len(records)
    assert sorted(decoded, key=attrgetter("event_id")) == sorted(events, key=attrgetter("event_id"))
    for record in records:
        assert record.key is not None
        assert record.partition == (murmur2(record.key) & 0x7FFFFFFF) % PARTITIONS
    newest: Counter[tuple[str, bytes]] = Counter()
    for record, arrived in zip(records, decoded, strict=True):
        place = record.topic, record.key or b""
        assert newest[place] < arrived.occurred_at
        newest[place] = arrived.occurred_at


def test_headers_are_cloud_events_on_the_wire(
    broker: Broker, topic_prefix: str, events: list[TouchpointEvent]
) -> None:
    """A reader that knows nothing of Avro still learns id, type and source."""
    settings = settings_for(broker.bootstrap_servers, topic_prefix)
    apply_topics(settings)

    with Publisher.from_settings(settings) as publisher:
        publisher.publish(events[0])

    (record,) = read_topic(broker.bootstrap_servers, Topics(topic_prefix).of(source_of(events[0])))
    assert record.header("ce_id") == events[0].event_id.encode()
    assert record.header("ce_source") == b"simulated"
    assert record.header("ce_specversion") == b"1.0"
    assert record.header("content-type") == b"application/avro"


def test_a_broker_that_dies_is_reported_with_topic_and_event(
    events: list[TouchpointEvent], caplog: pytest.LogCaptureFixture
) -> None:
    """The events that were acknowledged are counted, the first lost one is named."""
    # kafka-python leaves a socket to the garbage collector for each connection that is refused,
    # and captured log records would keep them alive.
    caplog.set_level(logging.CRITICAL, logger="kafka")
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        _publish_to_a_dying_broker(events)
        gc.collect()


def _publish_to_a_dying_broker(events: list[TouchpointEvent]) -> None:
    options = PublisherOptions(delivery_timeout_s=10.0, linger_s=0.0)
    with EmbeddedBroker() as dying:
        settings = settings_for(dying.bootstrap_servers, timeout_s=5.0)
        apply_topics(settings)
        publisher = Publisher.from_settings(settings, options)
        for event in events[:100]:
            publisher.publish(event)
        publisher.flush()
        # A limit that a slow machine's living broker keeps is a long wait for a dead one.
        producer: Any = publisher._producer
        producer._accumulator.config["delivery_timeout_ms"] = 1500
        dying.stop()

        for event in events[100:200]:
            publisher.publish(event)
        with pytest.raises(DeliveryError) as caught:
            publisher.flush()
        with pytest.raises(DeliveryError):
            publisher.close()

    assert publisher.acknowledged == 100
    message = str(caught.value)
    assert repr(events[100].event_id) in message
    assert "ckm.touchpoint." in message


def test_an_error_while_the_broker_is_down_leaves_no_thread_and_no_traceback(
    events: list[TouchpointEvent], caplog: pytest.LogCaptureFixture
) -> None:
    """The block's own error comes out within seconds, with events still unanswered."""
    caplog.set_level(logging.CRITICAL, logger="kafka")
    before = set(threading.enumerate())

    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        with pytest.raises(KeyError, match="of the block"):
            _fail_with_a_dead_broker(events)
        gc.collect()

    assert set(threading.enumerate()) <= before


def _fail_with_a_dead_broker(events: list[TouchpointEvent]) -> None:
    with EmbeddedBroker() as dying:
        settings = settings_for(dying.bootstrap_servers)
        apply_topics(settings)
        with Publisher.from_settings(settings) as publisher:
            dying.stop()
            publisher.publish(events[0])
            raise KeyError("of the block")


def test_no_broker_is_one_sentence_with_the_remedy() -> None:
    """The message names the address and the setting."""
    nobody = f"127.0.0.1:{new_port()}"

    with pytest.raises(TransientError) as caught:
        Publisher.from_settings(settings_for(nobody, timeout_s=1.0))

    assert nobody in str(caught.value)
    assert "CKM__KAFKA__BOOTSTRAP_SERVERS" in str(caught.value)


def test_missing_topics_are_refused_by_name(broker: Broker, topic_prefix: str) -> None:
    """Nothing is published to topics that nobody has provisioned."""
    settings = settings_for(broker.bootstrap_servers, topic_prefix)

    with pytest.raises(ConfigurationError, match=rf"{topic_prefix}ckm\.touchpoint.*ckm topics"):
        Publisher.from_settings(settings)
