"""Topics planned, applied and checked on a broker."""

import gc
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from kafka.admin import KafkaAdminClient

from ckm_stream.codec.topics import LOGICAL_TOPICS, Topics
from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.operations import connection
from ckm_stream.operations.connection import admin_client, kafka_client_options
from ckm_stream.operations.topics import (
    Action,
    TopicSpec,
    apply_topics,
    check_topics,
    load_specs,
    plan_topics,
)
from ckm_stream.settings import KafkaSettings, Settings
from tests.support.broker import Broker
from tests.support.services import wait_until

SPECS = load_specs()


def settings_of(broker: Broker, prefix: str, *, partitions: int = 3) -> Settings:
    """Return the settings of an installation with few partitions."""
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers=broker.bootstrap_servers,
            topic_prefix=prefix,
            partitions=partitions,
        )
    )


@pytest.fixture
def dropped_sockets() -> Iterator[None]:
    """Collect the sockets that kafka-python 3.0.12 drops without closing when connecting fails."""
    yield
    gc.collect()


@pytest.fixture
def settings(broker: Broker, topic_prefix: str) -> Settings:
    """Give the settings of an installation without topics."""
    return settings_of(broker, topic_prefix)


def test_everything_is_created_on_an_empty_cluster(settings: Settings) -> None:
    """Planning shows what applying does, and changes nothing itself."""
    planned = plan_topics(settings)

    applied = apply_topics(settings)

    assert planned == applied
    assert {change.action for change in applied} == {Action.CREATE}
    topics = Topics(settings.kafka.topic_prefix)
    assert {change.topic for change in applied} == {topics.physical(n) for n in LOGICAL_TOPICS}
    assert plan_topics(settings) == []
    check_topics(settings)


def test_applying_again_changes_nothing(settings: Settings) -> None:
    """Provisioning may run at every deployment."""
    apply_topics(settings)

    assert apply_topics(settings) == []


def test_configuration_that_differs_is_set(settings: Settings) -> None:
    """A changed file is a change of the topic's configuration, and of nothing else."""
    apply_topics(settings)
    spec = next(spec for spec in SPECS if spec.name == "ckm.score.updated.v1")
    longer = msgspec.structs.replace(spec, config=spec.config | {"min.compaction.lag.ms": 1})

    changes = apply_topics(settings, [longer])

    assert [change.action for change in changes] == [Action.CONFIGURE]
    assert changes[0].detail == "min.compaction.lag.ms: 604800000 -> 1"
    wait_until(
        lambda: plan_topics(settings, [longer]) == [],  # real Kafka shows it a little later
        timeout_s=20,
        what="the new configuration",
    )


def test_missing_topic_is_named_with_the_remedy(settings: Settings) -> None:
    """A worker that would wait for ever says what to run instead."""
    apply_topics(settings, SPECS[1:])

    with pytest.raises(ConfigurationError) as caught:
        check_topics(settings)

    name = Topics(settings.kafka.topic_prefix).physical(SPECS[0].name)
    assert str(caught.value) == (
        f"topic '{name}' does not exist on {settings.kafka.bootstrap_servers}; "
        "run `ckm topics apply`"
    )


def test_other_partition_count_is_refused(
    broker: Broker, settings: Settings, topic_prefix: str
) -> None:
    """Keys would leave their states; nothing at all is changed."""
    apply_topics(settings, SPECS[:1])
    more = settings_of(broker, topic_prefix, partitions=4)

    with pytest.raises(ConfigurationError, match="has 3 partitions, expected are 4"):
        check_topics(more, SPECS[:1])
    with pytest.raises(ConfigurationError, match="has 3 partitions, expected are 4"):
        apply_topics(more)

    assert Action.REFUSE in {change.action for change in plan_topics(more)}
    assert len(plan_topics(settings)) == len(SPECS) - 1


def test_topic_that_the_cluster_refuses_is_named(settings: Settings) -> None:
    """More replicas than brokers is a mistake in the settings, not trouble that passes."""
    spec = msgspec.structs.replace(SPECS[0], name="not a valid name")

    with pytest.raises((ConfigurationError, TransientError)):
        apply_topics(settings, [spec])


def test_unreachable_broker_is_one_sentence_with_the_remedy() -> None:
    """The address and the setting are named; nobody waits for half a minute."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        settings = Settings(kafka=KafkaSettings(bootstrap_servers=address))

        with pytest.raises(TransientError) as caught:
            check_topics(settings)

    assert str(caught.value) == (
        f"Kafka at {address} cannot be reached (Connection refused); start it, or set "
        "CKM__KAFKA__BOOTSTRAP_SERVERS to where it is"
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("dropped_sockets")
def test_something_that_is_not_kafka_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that accepts and says nothing is given up after the time for an answer."""
    monkeypatch.setattr(connection, "ANSWER_S", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        settings = Settings(kafka=KafkaSettings(bootstrap_servers=address))

        with pytest.raises(TransientError, match=f"Kafka at {address} does not answer"):
            check_topics(settings)


def test_second_address_is_tried(broker: Broker, topic_prefix: str) -> None:
    """One of several brokers is enough."""
    servers = f"127.0.0.1:1,{broker.bootstrap_servers}"
    settings = Settings(
        kafka=KafkaSettings(bootstrap_servers=servers, topic_prefix=topic_prefix, partitions=1)
    )

    assert len(plan_topics(settings)) == len(SPECS)
    assert kafka_client_options(settings)["bootstrap_servers"] == servers.split(",")


def test_broker_that_fails_while_used_is_a_transient_error(settings: Settings) -> None:
    """What goes wrong between planning and applying is tried again by whoever called."""

    def use(client: KafkaAdminClient) -> None:
        client.wait_for_topics(["no.such.topic"], timeout_ms=1)

    with pytest.raises(TransientError, match="KafkaTimeoutError"), admin_client(settings) as client:
        use(client)


def test_topic_file_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    """A misspelt setting would silently not be set."""
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics" / "notes.txt").write_text("not a topic")
    (tmp_path / "topics" / "bad.yaml").write_text("name: x\nretention: 1\n")

    with pytest.raises(ConfigurationError, match=r"schemas/topics/bad\.yaml is not valid"):
        load_specs(tmp_path)


def test_topic_settings_are_kafkas_names() -> None:
    """Cleanup, retention and replication's safety come with every topic."""
    spec = TopicSpec(
        name="x",
        description="",
        key="",
        subject=None,
        compatibility=None,
        partitions=5,
        cleanup_policy="compact",
        retention_ms=-1,
        acls=(),
        config={"delete.retention.ms": 7},
    )

    assert spec.partition_count(KafkaSettings()) == 5
    assert spec.settings(KafkaSettings(replication_factor=3)) == {
        "cleanup.policy": "compact",
        "retention.ms": "-1",
        "min.insync.replicas": "2",
        "delete.retention.ms": "7",
    }
