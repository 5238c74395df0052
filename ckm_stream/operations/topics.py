"""
Topics as described in ``schemas/topics/``: planned, applied, checked.

Creates what is missing and sets configuration that differs. Refuses to change a partition count:
keys would move to other partitions, away from their state.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources.abc import Traversable
from typing import Final, Literal

import msgspec
import yaml
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import (
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from ckm_stream.codec.catalogue import schemas_root
from ckm_stream.codec.topics import Topics
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.connection import admin_client
from ckm_stream.settings import KafkaSettings, Settings

_CREATE_TIMEOUT_MS: Final = 20_000


class Acl(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a principal may do with a topic."""

    principal: str
    operations: tuple[Literal["READ", "WRITE", "DESCRIBE"], ...]


class TopicSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One file of ``schemas/topics/``; ``name`` is logical.

    ``partitions`` is a number, or ``source`` for CKM__KAFKA__PARTITIONS. ``retention_ms`` is -1
    for no limit. ``config`` holds Kafka's own names.
    """

    name: str
    description: str
    key: str
    subject: str | None
    compatibility: Literal["FULL_TRANSITIVE"] | None
    partitions: int | Literal["source"]
    cleanup_policy: Literal["delete", "compact"]
    retention_ms: int
    acls: tuple[Acl, ...]
    config: dict[str, int | str] = {}

    def partition_count(self, kafka: KafkaSettings) -> int:
        """Return how many partitions the topic has."""
        return kafka.partitions if self.partitions == "source" else self.partitions

    def settings(self, kafka: KafkaSettings) -> dict[str, str]:
        """Return the topic's configuration in Kafka's names."""
        config = {
            "cleanup.policy": self.cleanup_policy,
            "retention.ms": self.retention_ms,
            # With `acks=all`: an acknowledged record survives the loss of a replica, and the loss
            # of one replica stops no writes.
            "min.insync.replicas": max(1, kafka.replication_factor - 1),
        } | self.config
        return {name: str(value) for name, value in config.items()}


class Action(StrEnum):
    """What a change does; ``refuse`` is one that has to be made by hand, with a migration."""

    CREATE = "create"
    CONFIGURE = "configure"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the topic files and the cluster; ``topic`` is physical."""

    topic: str
    action: Action
    detail: str
    config: dict[str, str]
    partitions: int


def load_specs(root: Traversable | None = None) -> list[TopicSpec]:
    """
    Read the topic files, sorted by name.

    Raises:
        ConfigurationError: If one is not valid.
    """
    folder = (schemas_root() if root is None else root) / "topics"
    specs: list[TopicSpec] = []
    for file in folder.iterdir():
        if not file.name.endswith(".yaml"):
            continue
        try:
            specs.append(msgspec.convert(yaml.safe_load(file.read_text()), TopicSpec))
        except (msgspec.ValidationError, yaml.YAMLError) as error:
            raise ConfigurationError(f"schemas/topics/{file.name} is not valid: {error}") from error
    return sorted(specs, key=lambda spec: spec.name)


def specs_of(role: str) -> list[TopicSpec]:
    """Return the topics that *role*, a principal of their ACLs, works with."""
    return [spec for spec in load_specs() if any(acl.principal == role for acl in spec.acls)]


def plan_topics(settings: Settings, specs: Iterable[TopicSpec] | None = None) -> list[Change]:
    """
    Return what ``apply_topics`` would change; empty if the cluster is as described.

    Raises:
        TransientError: If the broker cannot be reached.
    """
    with admin_client(settings) as client:
        return _plan(client, settings.kafka, specs)


def apply_topics(settings: Settings, specs: Iterable[TopicSpec] | None = None) -> list[Change]:
    """
    Create missing topics, set configuration that differs, and return what was changed.

    Raises:
        ConfigurationError: If a topic has another partition count (nothing is changed then), or
            the cluster refuses a change.
        TransientError: If the broker cannot be reached.
    """
    with admin_client(settings) as client:
        changes = _plan(client, settings.kafka, specs)
        for change in changes:
            if change.action is Action.REFUSE:
                raise ConfigurationError(change.detail)
        _create(client, settings.kafka, [c for c in changes if c.action is Action.CREATE])
        _configure(client, [c for c in changes if c.action is Action.CONFIGURE])
        return changes


def check_topics(settings: Settings, specs: Iterable[TopicSpec] | None = None) -> None:
    """
    Make sure that all topics are there with their partition counts.

    Raises:
        ConfigurationError: If one is missing or has another partition count.
        TransientError: If the broker cannot be reached.
    """
    for problem in count_problems(settings, specs):
        raise ConfigurationError(problem)


def count_problems(settings: Settings, specs: Iterable[TopicSpec] | None = None) -> list[str]:
    """
    Return a sentence for each topic that is missing or has another partition count.

    Raises:
        TransientError: If the broker cannot be reached.
    """
    with admin_client(settings) as client:
        topics = Topics(settings.kafka.topic_prefix)
        wanted = {topics.physical(spec.name): spec for spec in _specs(specs)}
        counts = _partition_counts(client, wanted)
        return list(_count_problems(settings.kafka, wanted, counts))


def _count_problems(
    kafka: KafkaSettings, wanted: Mapping[str, TopicSpec], counts: Mapping[str, int]
) -> Iterator[str]:
    for name, spec in wanted.items():
        partitions = spec.partition_count(kafka)
        if name not in counts:
            yield (
                f"topic '{name}' does not exist on {kafka.bootstrap_servers}; "
                "run `ckm topics apply`"
            )
        elif counts[name] != partitions:
            yield _mismatch(name, counts[name], partitions)


def _specs(specs: Iterable[TopicSpec] | None) -> list[TopicSpec]:
    return load_specs() if specs is None else list(specs)


def _mismatch(name: str, found: int, expected: int) -> str:
    return (
        f"topic '{name}' has {found} partitions, expected are {expected}; set "
        f"CKM__KAFKA__PARTITIONS={found}, or recreate it with `ckm topics apply` under another "
        "CKM__KAFKA__TOPIC_PREFIX"
    )


def _plan(
    client: KafkaAdminClient, kafka: KafkaSettings, specs: Iterable[TopicSpec] | None
) -> list[Change]:
    topics = Topics(kafka.topic_prefix)
    wanted = {topics.physical(spec.name): spec for spec in _specs(specs)}
    counts = _partition_counts(client, wanted)
    present = _configurations(client, [name for name in wanted if name in counts])
    changes: list[Change] = []
    for name, spec in wanted.items():
        partitions, config = spec.partition_count(kafka), spec.settings(kafka)
        if name not in counts:
            detail = f"{partitions} partitions, {kafka.replication_factor} replicas"
            changes.append(Change(name, Action.CREATE, detail, config, partitions))
            continue
        if counts[name] != partitions:
            detail = _mismatch(name, counts[name], partitions)
            changes.append(Change(name, Action.REFUSE, detail, {}, partitions))
        found = present[name]
        differing = {key: value for key, value in config.items() if found.get(key) != value}
        if differing:
            detail = ", ".join(
                f"{key}: {found.get(key, 'unset')} -> {value}" for key, value in differing.items()
            )
            changes.append(Change(name, Action.CONFIGURE, detail, differing, partitions))
    return changes


def _partition_counts(client: KafkaAdminClient, names: Iterable[str]) -> dict[str, int]:
    described = client.describe_topics(list(names))
    for topic in described:
        if for_code(topic["error_code"]) is TopicAuthorizationFailedError:
            raise TopicAuthorizationFailedError(topic["name"])
    return {
        topic["name"]: len(topic["partitions"])
        for topic in described
        if for_code(topic["error_code"]) is not UnknownTopicOrPartitionError
    }


def _configurations(client: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answers = client.describe_configs(resources, config_filter="all")["topic"]
    for name in names:
        # kafka-python drops the error; a topic that is shown has some thirty settings.
        if not answers.get(name):
            raise TopicAuthorizationFailedError(f"DESCRIBE_CONFIGS on topic '{name}'")
    return {name: {key: entry["value"] for key, entry in answers[name].items()} for name in names}


def _create(client: KafkaAdminClient, kafka: KafkaSettings, changes: list[Change]) -> None:
    if not changes:
        return
    answer = client.create_topics(
        {
            change.topic: {
                "num_partitions": change.partitions,
                "replication_factor": kafka.replication_factor,
                "configs": change.config,
            }
            for change in changes
        },
        timeout_ms=_CREATE_TIMEOUT_MS,
        raise_errors=False,
    )
    for topic in answer["topics"]:
        error = for_code(topic["error_code"])
        # Somebody else may apply the same files at the same time.
        if topic["error_code"] and error is not TopicAlreadyExistsError:
            raise ConfigurationError(
                f"topic '{topic['name']}' cannot be created: {error.__name__} "
                f"({topic['error_message']})"
            )
    client.wait_for_topics([change.topic for change in changes])


def _configure(client: KafkaAdminClient, changes: list[Change]) -> None:
    if not changes:
        return
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, change.topic, configs=change.config)
        for change in changes
    ]
    # The broker's own verdict is below; kafka-python's check asks for each topic once more.
    answers = client.alter_configs(resources, raise_on_unknown=False)["topic"]
    for name, answer in answers.items():
        if answer != "OK":
            raise ConfigurationError(f"topic '{name}' cannot be configured: {answer}")
