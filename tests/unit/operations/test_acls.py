"""Least rights, rendered from the topic files and the principals."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ckm_stream.cli.main import app
from ckm_stream.credentials import SecuritySettings
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.access import CHANNEL, PROFILE_WORKER, SNAPSHOT_WORKER, check_access
from ckm_stream.operations.acls import (
    Grant,
    Resource,
    Right,
    all_grants,
    load_principals,
    rights_of,
    to_command,
)
from ckm_stream.operations.deadletters import replay_group
from ckm_stream.operations.topics import apply_topics, load_specs
from ckm_stream.settings import Guarantee, KafkaSettings, Settings
from tests.support.broker import Broker

KAFKA = KafkaSettings(topic_prefix="x.", profile_group="x.profiles", snapshot_group="x.snapshots")


def test_every_principal_of_a_topic_is_described() -> None:
    """And each that is described works with a topic."""
    named = {acl.principal for spec in load_specs() for acl in spec.acls}

    assert named == {principal.name for principal in load_principals()}


def test_a_profile_worker_may_do_what_its_topics_say_and_no_more() -> None:
    """Topics of the prefix, its group, and the transactional ids that begin with the group."""
    rights = rights_of(PROFILE_WORKER, KAFKA)

    assert Right(PROFILE_WORKER, Resource.TOPIC, "x.ckm.deadletter.v1", ("WRITE", "DESCRIBE")) in (
        rights
    )
    assert [right for right in rights if right.resource is not Resource.TOPIC] == [
        Right(PROFILE_WORKER, Resource.GROUP, "x.profiles", ("READ",)),
        Right(PROFILE_WORKER, Resource.TRANSACTIONAL_ID, "x.profiles-", ("WRITE",), is_prefix=True),
    ]
    assert len(rights) == len(load_specs()) + 2


def test_a_replay_has_a_group_and_one_transactional_id() -> None:
    """Those that it uses, whatever it calls them."""
    group = replay_group(Settings(kafka=KAFKA))
    replay = "dead-letter-replay"

    assert [
        right for right in rights_of(replay, KAFKA) if right.resource is not Resource.TOPIC
    ] == [
        Right(replay, Resource.GROUP, group, ("READ",)),
        Right(replay, Resource.TRANSACTIONAL_ID, group, ("WRITE",)),
    ]


def test_without_transactions_there_are_no_rights_to_transactional_ids() -> None:
    """At least once needs none."""
    kafka = KAFKA.model_copy(update={"guarantee": Guarantee.AT_LEAST_ONCE})

    resources = {right.resource for right in rights_of(PROFILE_WORKER, kafka)}

    assert resources == {Resource.TOPIC, Resource.GROUP}


def test_a_snapshot_worker_writes_nothing() -> None:
    """It reads four topics in a group of its own."""
    rights = rights_of(SNAPSHOT_WORKER, KAFKA)

    assert {operation for right in rights for operation in right.operations} == {
        "READ",
        "DESCRIBE",
    }
    assert Right(SNAPSHOT_WORKER, Resource.GROUP, "x.snapshots", ("READ",)) in rights


def test_roles_are_users_of_their_name_unless_named_otherwise() -> None:
    """The principal of one role does not touch the others'."""
    grants = all_grants(KAFKA, {"channel": "User:CN=shop,O=Example"})

    principals = {grant.right.role: grant.principal for grant in grants}
    assert principals["channel"] == "User:CN=shop,O=Example"
    assert principals["profile-worker"] == "User:profile-worker"


def test_a_role_that_there_is_not_is_named_with_those_there_are() -> None:
    """A misspelt role would be granted nothing, in silence."""
    with pytest.raises(ConfigurationError, match=r"no principal 'chanel'.*there are channel, "):
        all_grants(KAFKA, {"chanel": "User:x"})
    with pytest.raises(ConfigurationError, match="no principal 'chanel'"):
        rights_of("chanel", KAFKA)


def test_a_principals_file_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    """A misspelt right would be missing."""
    (tmp_path / "principals.yaml").write_text("- {name: x, description: y, group: [profile]}")

    with pytest.raises(ConfigurationError, match=r"schemas/principals\.yaml is not valid"):
        load_principals(tmp_path)


def test_a_grant_is_a_command_line_for_a_shell() -> None:
    """Names with spaces are quoted; a prefix is said; a secured cluster needs a configuration."""
    right = Right("x", Resource.TRANSACTIONAL_ID, "x.profiles-", ("WRITE",), is_prefix=True)
    secured = KAFKA.model_copy(update={"security": SecuritySettings(protocol="SSL")})

    assert to_command(Grant("User:CN=a b", right), KAFKA) == (
        "kafka-acls.sh --bootstrap-server 127.0.0.1:9092 --add --allow-principal 'User:CN=a b' "
        "--operation WRITE --resource-pattern-type prefixed --transactional-id x.profiles-"
    )
    assert " --command-config admin.properties " in to_command(Grant("User:a", right), secured)


def test_the_command_shows_every_grant() -> None:
    """As commands, or as JSON for scripts."""
    named = ["--principal", "profile-worker=User:ckm"]

    shown = CliRunner().invoke(app, ["topics", "acls", *named]).stdout

    grants = all_grants(KafkaSettings(), {PROFILE_WORKER: "User:ckm"})
    assert shown.splitlines() == [to_command(grant, KafkaSettings()) for grant in grants]


def test_a_principal_is_a_user_of_kafka() -> None:
    """Kafka's names have a type before them, which is easily forgotten."""
    ended = CliRunner().invoke(app, ["topics", "acls", "--principal", "channel=shop"])

    assert ended.exit_code == 2
    assert "ROLE=User:NAME" in ended.output


def test_a_broker_without_access_control_has_no_objections(
    broker: Broker, topic_prefix: str
) -> None:
    """Nothing is asked of it that it does not know, and missing topics are another check's."""
    kafka = KafkaSettings(
        bootstrap_servers=broker.bootstrap_servers,
        topic_prefix=topic_prefix,
        partitions=2,
        guarantee=broker.guarantees[0],
    )
    settings = Settings(kafka=kafka)

    before = [check_access(settings, role) for role in (PROFILE_WORKER, SNAPSHOT_WORKER, CHANNEL)]
    apply_topics(settings)
    after = [check_access(settings, role) for role in (PROFILE_WORKER, SNAPSHOT_WORKER, CHANNEL)]

    assert before == after == [[], [], []]
