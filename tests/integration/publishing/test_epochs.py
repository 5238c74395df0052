"""The topic of epochs on a real broker: what is read from it, and what is written to it."""

from dataclasses import replace

import pytest

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.epoch import NEVER_S, Epoch, epoch_zero
from ckm_stream.domain.quantiles import Quantiles, QuantileTable
from ckm_stream.errors import ConfigurationError, InvariantError, TransientError
from ckm_stream.operations.topics import apply_topics
from ckm_stream.publishing.epochs import announce, read_announced
from ckm_stream.settings import KafkaSettings, Settings
from tests.support.broker import Broker
from tests.support.ports import new_port
from tests.support.producing import RawRecord, produce_raw
from tests.support.reading import read_topic

CODEC = EpochCodec(Catalogue.load())
SCALE = Quantiles((QuantileTable((0.0, 1.0), (0.0, 1.0)),) * 12)
FROM_S = 1_800_000_000


def epoch(epoch_id: int, from_s: int = FROM_S) -> Epoch:
    """Return an epoch that may be announced."""
    zero = epoch_zero(Settings().scoring)
    return replace(zero, epoch_id=epoch_id, effective_from_s=from_s, scale=SCALE)


@pytest.fixture
def settings(broker: Broker, topic_prefix: str) -> Settings:
    """Give an installation of its own, with topics."""
    made = Settings(
        kafka=KafkaSettings(
            bootstrap_servers=broker.bootstrap_servers,
            topic_prefix=topic_prefix,
            guarantee=broker.guarantees[0],
        )
    )
    apply_topics(made)
    return made


def produce(settings: Settings, *records: tuple[bytes | None, bytes | None]) -> None:
    """Write keys and values to the topic of epochs, whatever they are."""
    topic = Topics(settings.kafka.topic_prefix).epoch
    produce_raw(
        settings.kafka.bootstrap_servers, [RawRecord(topic, key, value) for key, value in records]
    )


def test_a_topic_without_epochs_leaves_epoch_0(settings: Settings) -> None:
    """Nothing was announced yet."""
    announced = read_announced(settings, CODEC)

    assert announced.registry.newest.epoch_id == 0
    assert (announced.epochs, announced.unusable, announced.greatest_id) == ({}, [], 0)


def test_what_was_announced_is_read_back(settings: Settings) -> None:
    """In the one partition, under its number; the one that is in force last comes last."""
    announce(settings, epoch(1), CODEC)
    announce(settings, epoch(2, FROM_S + 60), CODEC)

    announced = read_announced(settings, CODEC)

    records = read_topic(
        settings.kafka.bootstrap_servers, Topics(settings.kafka.topic_prefix).epoch
    )
    assert [(each.partition, each.key) for each in records] == [(0, b"1"), (0, b"2")]
    assert [CODEC.decode(each.value) for each in records] == list(announced.epochs.values())
    assert announced.epochs == {1: epoch(1), 2: epoch(2, FROM_S + 60)}
    assert announced.registry.newest == epoch(2, FROM_S + 60)
    assert announced.registry.at(FROM_S).epoch_id == 1


def test_the_same_announcement_twice_is_one(settings: Settings) -> None:
    """A retry whose acknowledgement was lost does no harm."""
    announce(settings, epoch(1), CODEC)
    announce(settings, epoch(1), CODEC)

    assert read_announced(settings, CODEC).epochs == {1: epoch(1)}


def test_one_number_for_two_epochs_is_nothing_to_go_on_with(settings: Settings) -> None:
    """Every worker ends there; so nothing is announced on top of it."""
    announce(settings, epoch(1), CODEC)
    announce(settings, epoch(1, FROM_S + 60), CODEC)

    with pytest.raises(InvariantError, match="epoch 1 was announced twice"):
        read_announced(settings, CODEC)


def test_what_is_no_epoch_is_named_and_its_number_is_not_given_again(settings: Settings) -> None:
    """Workers pass over it; compaction goes by its key all the same."""
    produce(
        settings,
        (b"7", b"?"),
        (b"1", CODEC.encode(epoch(1))),
        (b"3", None),
        (b"\xff9", CODEC.encode(replace(epoch(2), high=(0.5, 0.5, 2.0)))),
        (b"9" * 40, b"?"),
    )

    announced = read_announced(settings, CODEC)

    assert list(announced.epochs) == [1]
    assert [each.offset for each in announced.unusable] == [0, 2, 3, 4]
    assert "thresholds" in announced.unusable[2].reason
    assert announced.greatest_id == 7


def test_an_epoch_from_never_can_be_written(settings: Settings) -> None:
    """The number that stands for it fits the schema; such an epoch is never in force."""
    announce(settings, epoch(1, NEVER_S), CODEC)

    assert read_announced(settings, CODEC).registry.at(1 << 42).epoch_id == 0


def test_a_missing_topic_names_the_remedy(broker: Broker, topic_prefix: str) -> None:
    """It is made by `ckm topics apply`, not by looking at it."""
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, topic_prefix=topic_prefix)

    with pytest.raises(ConfigurationError, match="does not exist; run `ckm topics apply`"):
        read_announced(Settings(kafka=kafka), CODEC)


@pytest.mark.embedded
def test_a_broker_that_is_away_is_one_sentence() -> None:
    """With its address, to be tried again."""
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{new_port()}")

    with pytest.raises(TransientError, match="CKM__KAFKA__BOOTSTRAP_SERVERS"):
        read_announced(Settings(kafka=kafka), CODEC)
    with pytest.raises(TransientError, match="CKM__KAFKA__BOOTSTRAP_SERVERS"):
        announce(Settings(kafka=kafka), epoch(1), CODEC)
