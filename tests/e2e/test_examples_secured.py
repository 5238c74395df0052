"""
The consumers' examples on a Kafka that asks who one is, with the rights that the pages name.

The role `reader` by ``ckm topics acls``, and READ on a group of its own, are enough; without them
the same programs are refused.
"""

from collections.abc import Iterator

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

from ckm_stream.codec.catalogue import schemas_root
from ckm_stream.codec.topics import SCORE_UPDATED, subject_of
from ckm_stream.operations.connection import admin_client
from ckm_stream.settings import Guarantee
from tests.support.examples import Ended, run_example
from tests.support.installation import Installation
from tests.support.producing import RawRecord, produce_raw
from tests.support.secured import SecuredKafka
from tests.support.services import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

USER = "nobody"
GROUP = "somebody-else"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """Give the broker that asks who one is."""
    with SecuredKafka(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


@pytest.fixture(scope="module")
def service(
    secured: SecuredKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Give an installation with two announced scores of one customer, as releases wrote them."""
    folder = tmp_path_factory.mktemp("service")
    installation = Installation(
        bootstrap_servers=secured.inside,
        prefix="read.",
        guarantee=Guarantee.EXACTLY_ONCE,
        store_url=f"sqlite:///{folder}/ckm.db",
        folder=folder,
        programs={"topics": secured.env_of("admin")},
    )
    golden = schemas_root() / "examples" / subject_of(SCORE_UPDATED) / "v1"
    values = [bytes.fromhex((golden / name).read_text()) for name in ("first.hex", "full.hex")]
    topic = installation.topics.score_updated
    produce_raw(secured.inside, [RawRecord(topic, b"C-1001", value) for value in values])
    yield installation
    installation.close()


def run(secured: SecuredKafka, service: Installation, name: str, *arguments: str) -> Ended:
    """Run an example as USER."""
    settings = secured.env_of(USER)
    return run_example(
        name,
        *arguments,
        env={
            "KAFKA_BOOTSTRAP_SERVERS": settings["CKM__KAFKA__BOOTSTRAP_SERVERS"],
            "KAFKA_TOPIC": service.topics.score_updated,
            "KAFKA_GROUP": GROUP,
            "KAFKA_USERNAME": USER,
            "KAFKA_PASSWORD": settings["CKM__KAFKA__SECURITY__PASSWORD"],
            "KAFKA_CA_FILE": settings["CKM__KAFKA__SECURITY__CA_FILE"],
        },
    )


def grant(service: Installation) -> None:
    """Grant USER what the page for consumers says, and nothing else."""
    ended = service.run("topics", "acls", "--apply", "--principal", f"reader=User:{USER}")
    assert ended.returncode == 0, ended.stderr
    group = ACL(
        f"User:{USER}",
        "*",
        ACLOperation.READ,
        ACLPermissionType.ALLOW,
        ResourcePattern(ResourceType.GROUP, GROUP, ACLResourcePatternType.LITERAL),
    )
    with admin_client(service.settings) as admin:
        assert not admin.create_acls([group])["failed"]
        wait_until(
            lambda: group in admin.describe_acls(group)[0], timeout_s=10, what="the group's right"
        )


def test_the_rights_of_a_reader_are_enough_and_needed(
    secured: SecuredKafka, service: Installation
) -> None:
    """Refused before they are granted, both examples read over SASL_SSL behind them."""
    refused = [
        run(secured, service, "consume_confluent.py"),
        run(secured, service, "consume_kafka_python.py", "--count", "2"),
    ]
    grant(service)
    newest = run(secured, service, "consume_confluent.py")
    changes = run(secured, service, "consume_kafka_python.py", "--count", "2")

    assert all(each.code != 0 and "uthoriz" in each.errors for each in refused), refused
    assert newest.code == 0, newest.errors
    assert [(row["customer_id"], row["version"]) for row in newest.rows] == [("C-1001", 7)]
    assert changes.code == 0, changes.errors
    assert [(row["from"], row["to"]) for row in changes.rows] == [
        (None, "unknown"),
        ("unknown", "silent_valuable"),
    ]
