"""The consumer of batches on a real broker: the records, positions and ends of aiokafka's own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from ckm_stream.settings import CoreKind
from ckm_stream.streaming.fetching import consumer_class
from tests.support.broker import Broker
from tests.support.kafka import KafkaServer

pytest.importorskip("ckm_stream.native.batches", reason="the compiled core is not built")

PATIENCE_S: Final = 30.0
CODECS: Final = [None, "gzip", "snappy", "lz4", "zstd"]

Found = tuple[Any, ...]


async def new_topic(servers: str, name: str) -> TopicPartition:
    """Return the one partition of a new topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    await admin.close()
    return TopicPartition(name, 0)


async def write(servers: str, tp: TopicPartition, **options: Any) -> None:
    """Write 40 records in batches of 8: nulls, headers, and a millisecond each."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", **options)
    await producer.start()
    transactional = options.get("transactional_id") is not None
    for first in range(0, 40, 8):
        if transactional:
            await producer.begin_transaction()
        batch = producer.create_batch()
        for n in range(first, first + 8):
            batch.append(
                key=b"k%d" % n if n % 3 else None,
                value=b"v" * n if n % 5 else None,
                timestamp=1_000_000 + n,
                headers=[("h", b"%d" % n), ("none", None)][: n % 3],
            )
        await (await producer.send_batch(batch, tp.topic, partition=tp.partition))
        if transactional:
            aborted = first % 16
            await (producer.abort_transaction() if aborted else producer.commit_transaction())
    await producer.stop()


@asynccontextmanager
async def reading(
    core: CoreKind, servers: str, tp: TopicPartition, offset: int, **options: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a consumer that stands at *offset*."""
    consumer = consumer_class(core)(
        bootstrap_servers=servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        **options,
    )
    await consumer.start()
    try:
        consumer.assign([tp])
        consumer.seek(tp, offset)
        yield consumer
    finally:
        await consumer.stop()


def found(record: Any) -> Found:
    """Return what is read of a record."""
    return (
        record.offset,
        record.timestamp,
        record.timestamp_type,
        record.key,
        record.value,
        record.headers,
    )


async def read(consumer: AIOKafkaConsumer, tp: TopicPartition) -> list[list[Found]]:
    """Return what each fetch gives until the end, with the position behind it."""
    portions = []
    while (end := consumer.highwater(tp)) is None or await consumer.position(tp) < end:
        fetched = await consumer.getmany(tp, timeout_ms=100)
        portions += [[found(each) for each in records] for records in fetched.values()]
    portions.append([(await consumer.position(tp), consumer.highwater(tp))])
    return portions


async def both(servers: str, tp: TopicPartition, offset: int, **options: Any) -> list[Any]:
    """Return what either consumer reads from *offset* on."""
    results = []
    for core in (CoreKind.PYTHON, CoreKind.COMPILED):
        async with reading(core, servers, tp, offset, **options) as consumer:
            results.append(await asyncio.wait_for(read(consumer, tp), PATIENCE_S))
    return results


@pytest.mark.parametrize("codec", CODECS)
async def test_each_codec_is_read_as_aiokafka_does(
    broker: Broker, topic_prefix: str, codec: str | None
) -> None:
    """From the middle of a batch, in portions that are smaller than one and greater."""
    servers = broker.bootstrap_servers
    tp = await new_topic(servers, f"{topic_prefix}codec")
    await write(servers, tp, compression_type=codec)

    for offset, most in ((0, None), (3, 5), (17, 20)):
        plain, in_place = await both(servers, tp, offset, max_poll_records=most)

        assert in_place == plain
        assert sum(map(len, plain)) - 1 == 40 - offset


async def test_aborted_transactions_are_left_out(
    kafka_server: KafkaServer, topic_prefix: str
) -> None:
    """And their markers passed, at the end too."""
    servers = kafka_server.bootstrap_servers
    tp = await new_topic(servers, f"{topic_prefix}transactions")
    await write(servers, tp, transactional_id=f"{topic_prefix}one", compression_type="lz4")

    plain, in_place = await both(servers, tp, 2)

    assert in_place[-1] == plain[-1] == [(45, 45)]
    assert list(chain(*in_place)) == list(chain(*plain))
    assert sum(map(len, plain)) - 1 == 24 - 2


async def test_one_record_at_a_time(broker: Broker, topic_prefix: str) -> None:
    """``getone`` gives them too, and a seek in between drops what was fetched."""
    servers = broker.bootstrap_servers
    tp = await new_topic(servers, f"{topic_prefix}one")
    await write(servers, tp, compression_type="snappy")

    async with reading(CoreKind.COMPILED, servers, tp, 5) as consumer:
        offsets = [(await consumer.getone(tp)).offset for _ in range(5)]
        consumer.seek(tp, 30)
        offsets += [(await consumer.getone(tp)).offset for _ in range(3)]

    assert offsets == [5, 6, 7, 8, 9, 30, 31, 32]


async def test_the_next_fetch_need_not_wait_for_the_reading(
    broker: Broker, topic_prefix: str
) -> None:
    """A whole fetch is handed over unread; the position is behind it at once."""
    servers = broker.bootstrap_servers
    tp = await new_topic(servers, f"{topic_prefix}ahead")
    await write(servers, tp, compression_type="snappy")

    async with reading(CoreKind.COMPILED, servers, tp, 5) as consumer:
        readers: Any = {}
        while not readers:
            readers = await consumer.fetched_readers(tp, timeout_s=1.0)
        position = await consumer.position(tp)
        offsets = [each.offset for each in readers[tp].take(100)]

    assert position == 40
    assert offsets == list(range(5, 40))
