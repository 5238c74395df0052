"""
Whether the brokers let a program do what it is going to do, asked before it starts (promise P19).

A right that is missing would show late and badly: a dead letter that cannot be written after
weeks, a group that is joined in vain for ever. Topics are described with the operations that we
are authorized for. For groups and transactional ids Kafka tells that of existing ones only; so a
request is made that changes nothing, and that a broker authorizes before it looks at it.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from kafka.admin import ACLOperation
from kafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from kafka.protocol.consumer.group import HeartbeatRequest
from kafka.protocol.metadata import MetadataRequest
from kafka.protocol.producer.transaction import AddOffsetsToTxnRequest

from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.acls import Resource, Right, rights_of
from ckm_stream.operations.connection import conversation
from ckm_stream.operations.greeting import Conversation
from ckm_stream.operations.security import principal_of
from ckm_stream.settings import Settings

#: Roles of the programs, as in schemas/principals.yaml.
PROFILE_WORKER: Final = "profile-worker"
SNAPSHOT_WORKER: Final = "snapshot-worker"
TEXT_WORKER: Final = "text-worker"
CHANNEL: Final = "channel"
GATEWAY: Final = "gateway"
REPLAY: Final = "dead-letter-replay"
EPOCH_KEEPER: Final = "epoch-keeper"

_NAMED: Final = 3
_NO_PRODUCER: Final = -1


@dataclass(frozen=True, slots=True)
class Problem:
    """Operations that we may not perform on one resource."""

    resource: Resource
    name: str
    operations: tuple[str, ...]

    def __str__(self) -> str:
        resource = self.resource.replace("-", " ")
        return f"{' and '.join(self.operations)} on {resource} '{self.name}'"


def require_access(settings: Settings, role: str) -> None:
    """
    Make sure that we may do what *role* does.

    Raises:
        ConfigurationError: If a right is missing, or the broker refuses who we are.
        TransientError: If the broker cannot be reached.
    """
    problems = check_access(settings, role)
    if problems:
        principal = principal_of(settings.kafka.security)
        named = ", ".join(map(str, problems[:_NAMED]))
        more = f" and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        raise ConfigurationError(
            f"{principal} lacks {named}{more} on Kafka at {settings.kafka.bootstrap_servers}; "
            f"`ckm topics acls --principal '{role}={principal}'` has what to grant"
        )


def check_access(settings: Settings, role: str) -> list[Problem]:
    """
    Return what *role* needs and we may not do; nothing is changed on the brokers.

    Args:
        settings: Who we are, and the prefix and groups that the rights are about.
        role: A name of schemas/principals.yaml, such as ``PROFILE_WORKER``.

    Raises:
        ConfigurationError: If the broker refuses who we are.
        TransientError: If the broker cannot be reached.
    """
    rights = rights_of(role, settings.kafka)
    groups = [right.name for right in rights if right.resource is Resource.GROUP]
    with conversation(settings) as talk:
        try:
            return [
                *_topic_problems(talk, [r for r in rights if r.resource is Resource.TOPIC]),
                *(
                    Problem(Resource.GROUP, each, ("READ",))
                    for each in groups
                    if _closed(talk, each)
                ),
                *_id_problems(talk, rights, groups, settings.kafka.partitions),
            ]
        except IncompatibleBrokerVersion:
            return []  # older than 2.3, or of another make: it tells when it is asked to act


def _topic_problems(talk: Conversation, rights: list[Right]) -> Iterator[Problem]:
    wanted = {right.name: right.operations for right in rights}
    answer = talk.ask(
        MetadataRequest(
            topics=[MetadataRequest.MetadataRequestTopic(name=name) for name in wanted],
            allow_auto_topic_creation=False,
            include_topic_authorized_operations=True,
            min_version=8,
        )
    )
    for topic in answer.topics:
        error = for_code(topic.error_code)
        if error is UnknownTopicOrPartitionError:
            continue  # `check_topics` says so
        granted: Collection[int] | None = topic.authorized_operations
        if error is TopicAuthorizationFailedError:
            granted = ()
        if granted is None:
            continue  # the broker has no ACLs, or does not tell
        missing = [each for each in wanted[topic.name] if ACLOperation[each] not in granted]
        if missing:
            yield Problem(Resource.TOPIC, topic.name, tuple(missing))


def _closed(talk: Conversation, group: str) -> bool:
    """Tell whether we may not READ *group*: the heartbeat of a member that there is not."""
    answer = talk.ask(HeartbeatRequest(group_id=group, generation_id=-1, member_id=""))
    return for_code(answer.error_code) is GroupAuthorizationFailedError


def _id_problems(
    talk: Conversation, rights: Iterable[Right], groups: list[str], partitions: int
) -> Iterator[Problem]:
    """Try each transactional id with a producer that there is not."""
    for right in rights:
        if right.resource is Resource.TRANSACTIONAL_ID:
            numbers = map(str, range(partitions)) if right.is_prefix else ("",)
            for number in numbers:
                name = f"{right.name}{number}"
                request = AddOffsetsToTxnRequest(
                    transactional_id=name,
                    producer_id=_NO_PRODUCER,
                    producer_epoch=0,
                    group_id=groups[0],
                )
                error = for_code(talk.ask(request).error_code)
                if error is TransactionalIdAuthorizationFailedError:
                    yield Problem(Resource.TRANSACTIONAL_ID, name, ("WRITE",))
