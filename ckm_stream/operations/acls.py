"""
Access rights (ACLs) of Kafka: the least that each principal needs, from the topic files.

``schemas/topics/*.yaml`` say who does what with a topic, ``schemas/principals.yaml`` which groups
and transactional ids go with it. Nothing here grants more than those files say, and no ACL is ever
taken away.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources.abc import Traversable
from typing import Final, Literal

import msgspec
import yaml
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import SecurityDisabledError

from ckm_stream.codec.catalogue import schemas_root
from ckm_stream.codec.topics import Topics
from ckm_stream.credentials import SecurityProtocol
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.connection import admin_client
from ckm_stream.operations.topics import load_specs
from ckm_stream.settings import Guarantee, KafkaSettings, Settings

_FILE: Final = "principals.yaml"
_ANY_HOST: Final = "*"


class Resource(StrEnum):
    """What a right is about; the values are the options of ``kafka-acls.sh``."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional-id"


class Principal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of ``schemas/principals.yaml``; the settings whose groups and ids it uses."""

    name: str
    description: str
    groups: tuple[Literal["profile", "snapshot", "text", "replay"], ...] = ()
    transactional_ids: tuple[Literal["profile", "replay"], ...] = ()


@dataclass(frozen=True, slots=True)
class Right:
    """Operations that a role needs on a resource; ``is_prefix`` means on all that begin so."""

    role: str
    resource: Resource
    name: str
    operations: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """A right given to a principal, in Kafka's ``User:name``."""

    principal: str
    right: Right


def load_principals(root: Traversable | None = None) -> list[Principal]:
    """
    Read the principals' file.

    Raises:
        ConfigurationError: If it is not valid.
    """
    file = (schemas_root() if root is None else root) / _FILE
    try:
        return msgspec.convert(yaml.safe_load(file.read_text()), list[Principal])
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise ConfigurationError(f"schemas/{_FILE} is not valid: {error}") from error


def rights_of(role: str, kafka: KafkaSettings) -> list[Right]:
    """
    Return what *role* needs with these settings: topics, then groups and transactional ids.

    Raises:
        ConfigurationError: If there is no such role.
    """
    principals = {principal.name: principal for principal in load_principals()}
    if role not in principals:
        raise ConfigurationError(
            f"there is no principal '{role}' in schemas/{_FILE}; there are {', '.join(principals)}"
        )
    return [*_topic_rights(role, kafka), *_other_rights(principals[role], kafka)]


def all_grants(kafka: KafkaSettings, principals: Mapping[str, str]) -> list[Grant]:
    """
    Return what every role needs, granted to ``User:<role>`` or to what *principals* name.

    Raises:
        ConfigurationError: If *principals* names a role that there is not.
    """
    roles = [principal.name for principal in load_principals()]
    for role in principals:
        if role not in roles:
            raise ConfigurationError(
                f"there is no principal '{role}' in schemas/{_FILE}; there are {', '.join(roles)}"
            )
    return [
        Grant(principals.get(role, f"User:{role}"), right)
        for role in roles
        for right in rights_of(role, kafka)
    ]


def to_command(grant: Grant, kafka: KafkaSettings) -> str:
    """Return the ``kafka-acls.sh`` command line that gives *grant*."""
    right = grant.right
    command = ["kafka-acls.sh", "--bootstrap-server", kafka.bootstrap_servers]
    if kafka.security.protocol is not SecurityProtocol.PLAINTEXT:
        command += ["--command-config", "admin.properties"]
    command += ["--add", "--allow-principal", grant.principal]
    for operation in right.operations:
        command += ["--operation", operation]
    if right.is_prefix:
        command += ["--resource-pattern-type", "prefixed"]
    return shlex.join([*command, f"--{right.resource}", right.name])


def apply_grants(settings: Settings, grants: Iterable[Grant]) -> list[Grant]:
    """
    Create the ACLs that are missing, and return the grants that needed one.

    Raises:
        ConfigurationError: If the brokers keep no ACLs, or we may not change them.
        TransientError: If the broker cannot be reached.
    """
    with admin_client(settings) as client:
        try:
            present = set(map(_key, client.describe_acls(_ANYTHING)[0]))
        except SecurityDisabledError as error:
            raise ConfigurationError(
                f"Kafka at {settings.kafka.bootstrap_servers} keeps no ACLs; set its "
                "authorizer.class.name"
            ) from error
        missing = {
            grant: [acl for acl in _to_acls(grant) if _key(acl) not in present] for grant in grants
        }
        wanted = [acl for acls in missing.values() for acl in acls]
        if wanted:
            failed = client.create_acls(wanted)["failed"]
            if failed:
                raise ConfigurationError(
                    f"{len(failed)} of {len(wanted)} ACLs cannot be created: {failed[0].__name__}"
                )
        return [grant for grant, acls in missing.items() if acls]


def _topic_rights(role: str, kafka: KafkaSettings) -> Iterator[Right]:
    topics = Topics(kafka.topic_prefix)
    for spec in load_specs():
        for acl in spec.acls:
            if acl.principal == role:
                yield Right(role, Resource.TOPIC, topics.physical(spec.name), acl.operations)


def _other_rights(principal: Principal, kafka: KafkaSettings) -> Iterator[Right]:
    names = {
        "profile": kafka.profile_group,
        "snapshot": kafka.snapshot_group,
        "text": kafka.text_group,
        "replay": f"{kafka.profile_group}-deadletter-replay",
    }
    for group in principal.groups:
        yield Right(principal.name, Resource.GROUP, names[group], ("READ",))
    if kafka.guarantee is Guarantee.EXACTLY_ONCE:
        for group in principal.transactional_ids:
            is_prefix = group == "profile"  # one id for each partition
            name = f"{names[group]}-" if is_prefix else names[group]
            yield Right(
                principal.name, Resource.TRANSACTIONAL_ID, name, ("WRITE",), is_prefix=is_prefix
            )


def _to_acls(grant: Grant) -> list[ACL]:
    right = grant.right
    pattern = ResourcePattern(
        ResourceType[right.resource.name],
        right.name,
        ACLResourcePatternType.PREFIXED if right.is_prefix else ACLResourcePatternType.LITERAL,
    )
    return [
        ACL(grant.principal, _ANY_HOST, ACLOperation[each], ACLPermissionType.ALLOW, pattern)
        for each in right.operations
    ]


def _key(acl: ACL) -> tuple[object, ...]:
    pattern = acl.resource_pattern
    return (
        acl.principal,
        acl.host,
        acl.operation,
        acl.permission_type,
        pattern.resource_type,
        pattern.resource_name,
        pattern.pattern_type,
    )


_ANYTHING: Final = ACLFilter(
    None,
    None,
    ACLOperation.ANY,
    ACLPermissionType.ANY,
    ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
)
