"""
The topic of epochs: all that were announced, and announcing one more.

It is what decides which epoch is in force when. What is read here is taken as every worker takes
it; what is written here can never be taken back.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.errors import ConfigurationError, DeliveryError, RejectedRecord
from ckm_stream.operations.access import EPOCH_KEEPER, require_access
from ckm_stream.operations.connection import (
    broker_errors,
    conversation,
    kafka_client_options,
)
from ckm_stream.operations.partitions import read_partition
from ckm_stream.pipeline.epochs import Epochs
from ckm_stream.publishing.producer import PublisherOptions, open_producer
from ckm_stream.settings import Settings

_PARTITION: Final = 0
_GRACE_S: Final = 5.0
_DESCRIPTION_CHARS: Final = 200
_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Unusable:
    """A record that every worker passes over: its offset, and why."""

    offset: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """
    What the topic holds.

    Attributes:
        registry: Which epoch is in force when.
        epochs: Those that were announced, by their numbers.
        unusable: The records that are none.
        greatest_id: Of the epochs, and of the keys of what is none; 0 without any.
    """

    registry: Epochs
    epochs: Mapping[int, Epoch]
    unusable: Sequence[Unusable]
    greatest_id: int


def read_announced(settings: Settings, codec: EpochCodec) -> Announced:
    """
    Return all epochs that have been announced.

    Raises:
        ConfigurationError: If the topic is missing or the broker refuses us.
        TransientError: If no broker answers, or one fails meanwhile.
        InvariantError: If one was announced twice with different content; no worker goes on then.
    """
    with conversation(settings):
        pass  # for its one sentence, if nobody answers
    topic = Topics(settings.kafka.topic_prefix).epoch
    options: dict[str, Any] = kafka_client_options(settings) | {
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "fetch_max_wait_ms": 50,
    }
    registry, epochs = Epochs(epoch_zero(settings.scoring)), dict[int, Epoch]()
    unusable, greatest_id = list[Unusable](), 0
    with broker_errors(settings), closing(KafkaConsumer(**options)) as consumer:
        if _PARTITION not in (consumer.partitions_for_topic(topic) or ()):
            raise ConfigurationError(
                f"topic '{topic}' does not exist; run `ckm topics apply`, or set "
                "CKM__KAFKA__TOPIC_PREFIX to the one that is meant"
            )
        for record in read_partition(consumer, TopicPartition(topic, _PARTITION), settings.kafka):
            greatest_id = max(greatest_id, _number_in(record.key))
            try:
                epoch = codec.decode(record.value)
            except RejectedRecord as refused:
                unusable.append(Unusable(record.offset, str(refused)))
                continue
            registry.take(epoch)
            epochs[epoch.epoch_id] = epoch
    return Announced(
        registry=registry,
        epochs=epochs,
        unusable=unusable,
        greatest_id=max([greatest_id, *epochs]),
    )


def announce(settings: Settings, epoch: Epoch, codec: EpochCodec) -> None:
    """
    Write an epoch to the topic, and wait until all replicas have it.

    Raises:
        ConfigurationError: If a right is missing or the broker refuses us.
        DeliveryError: If it was not acknowledged; it may have been written nevertheless.
        TransientError: If no broker answers.
    """
    require_access(settings, EPOCH_KEEPER)
    value = codec.encode(epoch)
    topic = Topics(settings.kafka.topic_prefix).epoch
    patience_s = settings.kafka.request_timeout_s
    producer = open_producer(
        kafka_client_options(settings),
        PublisherOptions(linger_s=0.0, delivery_timeout_s=patience_s),
    )
    try:
        answer = producer.send(
            topic, value=value, key=str(epoch.epoch_id).encode(), partition=_PARTITION
        )
        answer.get(patience_s + _GRACE_S)
    except KafkaError as error:
        raise DeliveryError(
            f"epoch {epoch.epoch_id} was not acknowledged on topic '{topic}': "
            f"{str(error)[:_DESCRIPTION_CHARS]}; look with `ckm epoch show` whether it was "
            "announced nevertheless before you activate it again"
        ) from error
    finally:
        producer.abandon()


def _number_in(key: bytes | None) -> int:
    """Return the number that a record's key is, 0 if it is none."""
    is_number = key is not None and len(key) <= _DIGITS and key.isdigit()
    return int(key or b"") if is_number else 0
