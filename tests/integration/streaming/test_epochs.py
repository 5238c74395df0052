"""Epochs from a real broker: known to the topic's end, and waited for when that was long ago."""

from dataclasses import replace
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from structlog.testing import capture_logs

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.quantiles import Quantiles, QuantileTable
from ckm_stream.pipeline.epochs import Epochs
from ckm_stream.settings import KafkaSettings
from ckm_stream.streaming.clients import changelog_consumer_factory
from ckm_stream.streaming.epochs import EpochFeed
from tests.support.broker import Broker

TRUSTED_S = 100.0
CODEC = EpochCodec(Catalogue.load())
ZERO = epoch_zero(Policy())
SCALE = Quantiles((QuantileTable((0.0, 1.0), (0.0, 1.0)),) * 12)


class Clock:
    """A clock that is set by hand."""

    now_s = 1_750_000_000.0

    def __call__(self) -> float:
        """Return the Unix second that it was set to."""
        return self.now_s


class Announcing:
    """A topic of epochs, and a worker's feed of it."""

    def __init__(self, servers: str, topic: str) -> None:
        self.topic = topic
        self.servers = servers
        self.epochs = Epochs(ZERO)
        self.clock = Clock()
        kafka = KafkaSettings(bootstrap_servers=servers)
        self.feed = EpochFeed(
            epochs=self.epochs,
            topic=topic,
            codec=CODEC,
            new_consumer=changelog_consumer_factory(kafka, client_id="test"),
            trusted_s=TRUSTED_S,
            clock=self.clock,
        )

    async def announce(self, *values: bytes) -> None:
        """Write values to the topic."""
        producer = AIOKafkaProducer(bootstrap_servers=self.servers)
        await producer.start()
        try:
            for value in values:
                await producer.send_and_wait(self.topic, value, partition=0)
        finally:
            await producer.stop()


def epoch(epoch_id: int, from_s: float) -> Epoch:
    """Return an epoch that may be announced."""
    return replace(ZERO, epoch_id=epoch_id, effective_from_s=int(from_s), scale=SCALE)


@pytest.fixture
async def announcing(broker: Broker) -> Announcing:
    """Give a topic of one partition and its feed."""
    made = Announcing(broker.bootstrap_servers, f"epochs-{uuid4()}")
    admin = AIOKafkaAdminClient(bootstrap_servers=made.servers)
    await admin.start()
    await admin.create_topics([NewTopic(made.topic, num_partitions=1, replication_factor=1)])
    await admin.close()
    return made


async def test_all_that_was_announced_is_known_after_a_refresh(announcing: Announcing) -> None:
    """Before the first one nothing is; then each refresh reads on where the last one ended."""
    feed, now_s = announcing.feed, announcing.clock.now_s
    await announcing.announce(CODEC.encode(epoch(1, now_s - 50)), CODEC.encode(epoch(2, now_s)))

    before = feed.is_fresh
    await feed.refresh()
    known = announcing.epochs.newest
    await announcing.announce(CODEC.encode(epoch(3, now_s + 500)))
    await feed.refresh()

    assert (before, feed.is_fresh) == (False, True)
    assert known == epoch(2, now_s)
    assert announcing.epochs.newest == epoch(3, now_s + 500)
    assert len(announcing.epochs) == 4


async def test_a_topic_without_epochs_leaves_epoch_0(announcing: Announcing) -> None:
    """Nothing was learnt yet."""
    await announcing.feed.fresh()

    assert announcing.epochs.newest == ZERO


async def test_what_was_read_long_ago_is_read_again_before_scores_go_on(
    announcing: Announcing,
) -> None:
    """A worker that was stopped wakes up behind an epoch: it hears of it first."""
    feed, clock = announcing.feed, announcing.clock
    await feed.fresh()
    await announcing.announce(CODEC.encode(epoch(1, clock.now_s + 2 * TRUSTED_S)))

    clock.now_s += TRUSTED_S
    await feed.fresh()
    trusted = announcing.epochs.newest
    clock.now_s += 1
    await feed.fresh()

    assert trusted == ZERO
    assert announcing.epochs.newest.epoch_id == 1


async def test_an_epoch_that_is_not_usable_is_refused_and_the_one_before_stays(
    announcing: Announcing,
) -> None:
    """It is said where it is; those behind it are heard of."""
    now_s = announcing.clock.now_s
    unusable = replace(epoch(2, now_s), high=(0.5, 0.5, 2.0))
    await announcing.announce(
        CODEC.encode(epoch(1, now_s)), CODEC.encode(unusable), b"?", CODEC.encode(epoch(4, now_s))
    )

    with capture_logs() as logs:
        await announcing.feed.refresh()

    refused = [line["offset"] for line in logs if line["event"] == "epoch.refused"]
    assert refused == [1, 2]
    assert announcing.epochs.newest.epoch_id == 4
    assert len(announcing.epochs) == 3


async def test_an_epoch_that_comes_late_is_said_to_be_late(announcing: Announcing) -> None:
    """Scores as of after its beginning were made without it; what was there at first is history."""
    feed, now_s = announcing.feed, announcing.clock.now_s
    await announcing.announce(CODEC.encode(epoch(1, now_s - 10)))
    with capture_logs() as at_first:
        await feed.refresh()
    await announcing.announce(CODEC.encode(epoch(2, now_s - 5)), CODEC.encode(epoch(3, now_s + 5)))
    with capture_logs() as later:
        await feed.refresh()

    assert [line["epoch"] for line in at_first if line["event"] == "epoch.late"] == []
    assert [line["epoch"] for line in later if line["event"] == "epoch.late"] == [2]
