"""Recovery of a table from a real broker: to the changelog's end, and only what is committed."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from structlog.testing import capture_logs

from ckm_stream.pipeline.records import Effects
from ckm_stream.settings import CoreKind, KafkaSettings
from ckm_stream.streaming import ends
from ckm_stream.streaming.clients import changelog_consumer_factory, producer_factory
from ckm_stream.streaming.committer import AtLeastOnce, Committer, ExactlyOnce
from ckm_stream.streaming.table import ChangelogTable, recover_tables
from tests.support.broker import Broker, BrokerKind
from tests.support.kafka import KafkaServer

PATIENCE_S = 45.0
Entries = Iterable[tuple[bytes, bytes | None]]


class Changelog:
    """A changelog of two partitions on a broker, and a table to recover from it."""

    def __init__(
        self, servers: str, topic: str, core: CoreKind, *, idempotence: bool = True
    ) -> None:
        self.topic = topic
        self.kafka = KafkaSettings(
            bootstrap_servers=servers, idempotence=idempotence, transaction_timeout_s=600.0
        )
        self.table = new_table()
        self.new_consumer = changelog_consumer_factory(self.kafka, client_id="test", core=core)

    async def create(self) -> None:
        """Create the topic."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap_servers)
        await admin.start()
        await admin.create_topics([NewTopic(self.topic, num_partitions=2, replication_factor=1)])
        await admin.close()

    @asynccontextmanager
    async def producer(self, transactional_id: str | None = None) -> AsyncIterator[Any]:
        """Give a started producer like a worker's."""
        producer = producer_factory(self.kafka, client_id="test")(transactional_id)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def write(self, entries: Entries, *, partition: int = 0) -> None:
        """Append records, several to a batch, without a transaction."""
        async with self.producer() as producer:
            await append(producer, self.topic, partition, entries)

    async def recover(self, *partitions: int, table: ChangelogTable | None = None) -> int:
        """Recover the table; return how many records were read."""
        return await asyncio.wait_for(
            recover_tables(
                {self.topic: self.table if table is None else table},
                set(partitions),
                self.new_consumer,
            ),
            PATIENCE_S,
        )


def new_table() -> ChangelogTable:
    """Return an empty table."""
    app = faust.App(
        "test", broker="memory://", autodiscover=False, store="memory://", Table=ChangelogTable
    )
    table = app.Table("states")
    assert isinstance(table, ChangelogTable)
    return table


def contents(table: ChangelogTable) -> dict[int, dict[bytes, bytes | None]]:
    """Return all states by partition."""
    return {partition: dict(table.states_of(partition)) for partition in table.stores}


async def append(producer: AIOKafkaProducer, topic: str, partition: int, entries: Entries) -> None:
    """Append records in order and wait for the broker."""
    futures = [
        await producer.send(topic, value, key=key, partition=partition) for key, value in entries
    ]
    await asyncio.gather(*futures)


@pytest.fixture(params=[CoreKind.PYTHON, CoreKind.COMPILED])
def core(request: pytest.FixtureRequest) -> CoreKind:
    """Give either core: the consumers differ."""
    kind: CoreKind = request.param
    return kind


@pytest.fixture
async def changelog(broker: Broker, topic_prefix: str, core: CoreKind) -> Changelog:
    """Give an empty changelog on the session's broker."""
    made = Changelog(
        broker.bootstrap_servers,
        f"{topic_prefix}changelog",
        core,
        idempotence=broker.kind is BrokerKind.KAFKA,  # the embedded broker has no producer ids
    )
    await made.create()
    return made


@pytest.fixture
async def transactional(kafka_server: KafkaServer, topic_prefix: str, core: CoreKind) -> Changelog:
    """Give an empty changelog on real Kafka, which alone has transactions."""
    made = Changelog(kafka_server.bootstrap_servers, f"{topic_prefix}changelog", core)
    await made.create()
    return made


def states(numbers: Iterable[int], value: bytes = b"v") -> list[tuple[bytes, bytes | None]]:
    """Return entries of so many customers."""
    return [(f"c-{number}".encode(), value) for number in numbers]


async def test_each_partition_is_read_to_its_end(changelog: Changelog) -> None:
    """The newest value of each key stands, what was deleted is gone, all records are counted."""
    await changelog.write(states(range(3000), b"old"))
    await changelog.write(states(range(100), b"new"))
    await changelog.write([(b"c-7", None), (b"c-8", None)])
    await changelog.write(states(range(5)), partition=1)

    count = await changelog.recover(0, 1)

    assert count == 3107
    expected = dict(states(range(3000), b"old")) | dict(states(range(100), b"new"))
    del expected[b"c-7"], expected[b"c-8"]
    assert contents(changelog.table) == {0: expected, 1: dict(states(range(5)))}
    assert changelog.table.next_offsets == {0: 3102, 1: 5}


async def test_an_empty_changelog_is_a_whole_one(changelog: Changelog) -> None:
    """The first start of all: nothing to read, and nothing to wait for."""
    assert await changelog.recover(0, 1) == 0
    assert contents(changelog.table) == {0: {}, 1: {}}


async def test_a_partition_that_stayed_is_read_on_from_where_it_was(changelog: Changelog) -> None:
    """A rebalance that leaves it here costs what others have appended, that is nothing."""
    await changelog.write(states(range(1000)))
    await changelog.recover(0, 1)

    await changelog.write(states(range(10), b"new"))

    assert await changelog.recover(0, 1) == 10
    assert await changelog.recover(0, 1) == 0
    assert changelog.table.read(0, b"c-9") == b"new"
    assert changelog.table.read(0, b"c-10") == b"v"


async def test_a_partition_that_was_away_is_read_whole(changelog: Changelog) -> None:
    """Another worker has written it meanwhile."""
    await changelog.write(states(range(100)))
    await changelog.recover(0)
    await changelog.recover(1)
    await changelog.write(states(range(10), b"new"))

    assert await changelog.recover(0, 1) == 110
    assert changelog.table.read(0, b"c-3") == b"new"


async def committer_of(changelog: Changelog, kind: BrokerKind) -> Committer:
    """Return the committer that the broker allows, open for partition 0."""
    producer = producer_factory(changelog.kafka, client_id="test")
    topics = {"states": changelog.topic}
    committer: Committer = (
        ExactlyOnce(producer, application_id="test", group_id="test", changelog_topics=topics)
        if kind is BrokerKind.KAFKA
        else AtLeastOnce(producer, changelog_topics=topics)
    )
    await committer.open([0])
    return committer


async def test_a_recovery_after_own_units_reads_little_and_changes_nothing(
    changelog: Changelog, broker: Broker
) -> None:
    """A unit's acknowledgement tells a lower bound; what is read again is the same."""
    committer = await committer_of(changelog, broker.kind)
    await changelog.recover(0)
    for number in range(3):
        entries = [(key, b"unit-%d" % number) for key, _ in states(range(20))]
        offsets = {changelog.topic: number + 1}  # any topic that is there
        effects = Effects(0, changelog={"states": entries}, offsets=offsets)
        next_offsets = await committer.commit(effects)
        changelog.table.put_many(0, entries, next_offsets["states"])
    before = dict(changelog.table.states_of(0))

    again = await changelog.recover(0)

    assert again <= 20
    assert dict(changelog.table.states_of(0)) == before
    other = new_table()
    await changelog.recover(0, table=other)
    assert dict(other.states_of(0)) == before
    await committer.close(grace_s=PATIENCE_S)


async def test_an_aborted_transaction_at_the_end_is_passed_over(transactional: Changelog) -> None:
    """Its records are not read, its marker is, and the next recovery starts behind it."""
    async with transactional.producer("one") as producer:
        async with producer.transaction():
            await append(producer, transactional.topic, 0, states(range(10)))
        await producer.begin_transaction()
        await append(producer, transactional.topic, 0, states(range(20), b"aborted"))
        await producer.abort_transaction()

    assert await transactional.recover(0) == 10
    assert dict(transactional.table.states_of(0)) == dict(states(range(10)))
    assert transactional.table.next_offsets[0] == 10 + 1 + 20 + 1
    assert await transactional.recover(0) == 0


async def test_a_predecessors_open_transaction_is_ended_by_the_fencing(
    transactional: Changelog,
) -> None:
    """A killed worker's unit: the successor's producer aborts it, then the end can be reached."""
    async with transactional.producer("app-0") as killed:
        async with killed.transaction():
            await append(killed, transactional.topic, 0, states(range(10)))
        await killed.begin_transaction()
        await append(killed, transactional.topic, 0, states(range(20), b"open"))

        successor = ExactlyOnce(
            producer_factory(transactional.kafka, client_id="test"),
            application_id="app",
            group_id="test",
            changelog_topics={"states": transactional.topic},
        )
        await successor.open([0])
        count = await transactional.recover(0)

        assert count == 10
        assert dict(transactional.table.states_of(0)) == dict(states(range(10)))
        await successor.close(grace_s=PATIENCE_S)


async def test_a_transaction_behind_the_last_recovery_is_read_on(transactional: Changelog) -> None:
    """From behind a marker to behind the next one."""
    async with transactional.producer("one") as producer:
        async with producer.transaction():
            await append(producer, transactional.topic, 0, states(range(10)))
        await transactional.recover(0)
        async with producer.transaction():
            await append(producer, transactional.topic, 0, states(range(3), b"new"))

    assert await transactional.recover(0) == 3
    assert transactional.table.read(0, b"c-2") == b"new"
    assert transactional.table.next_offsets[0] == 15


async def test_a_recovery_that_stands_before_an_open_transaction_says_where(
    transactional: Changelog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning with topic, partition and offset, until it is ended; then it goes on."""
    monkeypatch.setattr(ends, "_STANDSTILL_S", 0.3)
    async with transactional.producer("one") as producer:
        async with producer.transaction():
            await append(producer, transactional.topic, 0, states(range(10)))
        await producer.begin_transaction()
        await append(producer, transactional.topic, 0, states(range(3), b"new"))
        with capture_logs() as logs:
            recovery = asyncio.ensure_future(transactional.recover(0))
            while not logs:
                await asyncio.sleep(0.05)
                assert not recovery.done()
            await producer.commit_transaction()

            assert await recovery == 13
    assert logs[0]["event"] == "recovery.waits"
    assert logs[0]["offsets"] == {f"{transactional.topic}-0": 11}


async def test_a_recovery_tells_how_much_is_left(changelog: Changelog) -> None:
    """From what is known to be there down to nothing; 9 MB take more than one fetch."""
    chance = random.Random(7)
    await changelog.write([(b"c-%d" % n, chance.randbytes(3000)) for n in range(3000)])
    told: list[int] = []

    await asyncio.wait_for(
        recover_tables(
            {changelog.topic: changelog.table},
            {0, 1},
            changelog.new_consumer,
            on_remaining=told.append,
        ),
        PATIENCE_S,
    )

    assert 0 < max(told) < 3000
    assert told[-1] == 0
