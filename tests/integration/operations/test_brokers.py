"""What the service takes for granted of a broker and of the pinned clients, on the real thing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import ProducerFenced
from aiokafka.structs import TopicPartition
from confluent_kafka import Consumer
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from tests.support.broker import Broker
from tests.support.kafka import KafkaServer

POLL_S = 30.0


def create_topic(bootstrap_servers: str, topic: str) -> None:
    """Create a topic with one partition."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    admin.close()


def produce(bootstrap_servers: str, topic: str, *values: bytes) -> None:
    """Write *values* with an idempotent producer and wait for the acks."""
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=True)
    for acknowledgement in [producer.send(topic, value) for value in values]:
        acknowledgement.get(POLL_S)
    producer.close()


def consume(bootstrap_servers: str, topic: str, count: int) -> list[bytes]:
    """Read the first *count* committed values of *topic*, in a group of its own."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap_servers,
        group_id=f"{topic}.readers",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        # The embedded broker lets a new group wait for half a session timeout.
        session_timeout_ms=1500,
        heartbeat_interval_ms=300,
        consumer_timeout_ms=POLL_S * 1000,
    )
    values = [record.value for _, record in zip(range(count), consumer, strict=False)]
    consumer.close()
    return values


@asynccontextmanager
async def transactional(bootstrap_servers: str, name: str) -> AsyncIterator[AIOKafkaProducer]:
    """Start a transactional producer, and stop it though it may have been fenced."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, transactional_id=name)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def test_records_come_back_through_a_group(broker: Broker, topic_prefix: str) -> None:
    """kafka-python creates a topic, writes idempotently and reads in a group, on either broker."""
    topic = f"{topic_prefix}round-trip"
    create_topic(broker.bootstrap_servers, topic)

    produce(broker.bootstrap_servers, topic, b"one", b"two", b"three")

    assert consume(broker.bootstrap_servers, topic, 3) == [b"one", b"two", b"three"]


async def test_aborted_records_are_not_read(kafka_server: KafkaServer, topic_prefix: str) -> None:
    """A reader of committed data sees what was committed and nothing of what was aborted."""
    servers, topic = kafka_server.bootstrap_servers, f"{topic_prefix}transactions"
    create_topic(servers, topic)

    async with transactional(servers, topic) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"aborted")
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, b"committed")

    assert await asyncio.to_thread(consume, servers, topic, 1) == [b"committed"]


async def test_successor_fences_the_predecessor(
    kafka_server: KafkaServer, topic_prefix: str
) -> None:
    """A second producer of the same name aborts the first one's open work and shuts it out."""
    servers, topic = kafka_server.bootstrap_servers, f"{topic_prefix}fencing"
    create_topic(servers, topic)

    async with transactional(servers, topic) as zombie:
        await zombie.begin_transaction()
        await zombie.send_and_wait(topic, b"open")
        async with transactional(servers, topic) as successor:
            async with successor.transaction():
                await successor.send_and_wait(topic, b"successor's")
            with pytest.raises(ProducerFenced):
                await zombie.send_and_wait(topic, b"zombie's")

    assert await asyncio.to_thread(consume, servers, topic, 1) == [b"successor's"]


async def test_successor_reads_the_offsets_its_predecessor_committed(
    kafka_server: KafkaServer, topic_prefix: str
) -> None:
    """
    Offsets of a transaction are there once a producer of the same name has been initialised.

    They are not there at once: the broker acknowledges a commit before it has written the markers.
    """
    servers, topic = kafka_server.bootstrap_servers, f"{topic_prefix}offsets"
    group, partition = f"{topic}.group", TopicPartition(topic, 0)
    create_topic(servers, topic)
    seen = []

    for offset in range(1, 11):
        async with transactional(servers, topic) as producer, producer.transaction():
            await producer.send_offsets_to_transaction({partition: offset}, group)
        async with (
            transactional(servers, topic),
            AIOKafkaConsumer(bootstrap_servers=servers, group_id=group) as consumer,
        ):
            seen.append(await consumer.committed(partition))

    assert seen == list(range(1, 11))


def test_plain_confluent_consumer_reads_committed_records(
    kafka_server: KafkaServer, topic_prefix: str
) -> None:
    """A client that shares no code with ours reads the same records."""
    topic = f"{topic_prefix}others"
    create_topic(kafka_server.bootstrap_servers, topic)
    produce(kafka_server.bootstrap_servers, topic, b"for everybody")
    consumer = Consumer(
        {
            "bootstrap.servers": kafka_server.bootstrap_servers,
            "group.id": f"{topic}.group",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([topic])

    message = consumer.poll(POLL_S)
    consumer.close()

    assert message is not None
    assert message.value() == b"for everybody"


@pytest.mark.kafka
def test_killed_broker_comes_back_with_its_records(topic_prefix: str) -> None:
    """What was acknowledged before a SIGKILL is there after the restart, on the same port."""
    topic = f"{topic_prefix}durable"
    with KafkaServer() as server:
        create_topic(server.bootstrap_servers, topic)
        produce(server.bootstrap_servers, topic, b"before")

        server.kill()
        server.start()

        produce(server.bootstrap_servers, topic, b"after")
        assert consume(server.bootstrap_servers, topic, 2) == [b"before", b"after"]
