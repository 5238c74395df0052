"""The gateway without its broker or its database: what it says, what goes on, and that it heals."""

import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from random import Random
from string import ascii_letters
from typing import Any

import httpx
import psutil
import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from ckm_stream.codec.topics import Source
from ckm_stream.operations.embedded import EmbeddedBroker
from ckm_stream.settings import Guarantee
from ckm_stream.snapshots.tokens import Scope
from tests.e2e.conftest import Install
from tests.e2e.test_http import FEEDBACK, sent_events
from tests.support.http import Gateway, running_gateway, wait_for_customer
from tests.support.installation import Installation, scrape
from tests.support.kafka import KafkaServer
from tests.support.ports import new_port
from tests.support.postgres import PostgresServer
from tests.support.services import wait_until

_HASTY = {"CKM__GATEWAY__ACK_TIMEOUT_S": "3", "CKM__HEALTH__SILENCE_S": "5"}


def numbered(number: int) -> dict[str, Any]:
    """Return an event with a number of its own."""
    return {**FEEDBACK, "event_id": f"f-{number}", "customer_id": f"c-{number % 5}"}


@pytest.fixture
def mortal(tmp_path: Path, topic_prefix: str) -> Iterator[tuple[Installation, psutil.Process]]:
    """Give an installation on a broker of its own, which can be stopped."""
    with EmbeddedBroker() as broker:
        installation = Installation(
            bootstrap_servers=broker.bootstrap_servers,
            prefix=topic_prefix,
            guarantee=Guarantee.AT_LEAST_ONCE,
            store_url=f"sqlite:///{tmp_path}/ckm.db",
            folder=tmp_path,
            extra={"CKM__KAFKA__IDEMPOTENCE": "false"},
        )
        yield installation, psutil.Process(broker.pid)
        installation.close()


@pytest.mark.embedded
def test_what_is_not_acknowledged_is_never_told_as_taken(
    mortal: tuple[Installation, psutil.Process],
) -> None:
    """
    A broker that stops in the midst of requests: 503 with Retry-After, never 202.

    Everything answered by 202 is in the topic; what was answered by 503 may be sent again.
    """
    installation, broker = mortal
    with running_gateway(installation, **_HASTY) as gateway, gateway.client() as client:
        first = [client.post("/v1/events", json=numbered(each)) for each in range(10)]
        answers = stopped(broker, client)
        reading = client.get("/v1/overview").status_code

        def is_back() -> bool:
            return client.post("/v1/events", json=numbered(10)).status_code == HTTPStatus.ACCEPTED

        wait_until(is_back, timeout_s=60, what=lambda: gateway.service.log()[-2000:])
        again = client.post("/v1/events", json=numbered(11))
        counted = scrape(gateway.service.port)
        sent = sent_events(gateway)

    assert {each.status_code for each in first} == {HTTPStatus.ACCEPTED}
    assert {each.status_code for each in answers} == {HTTPStatus.SERVICE_UNAVAILABLE}
    assert all(int(each.headers["Retry-After"]) > 0 for each in answers)
    assert answers[0].json()["unacknowledged"] == [0]
    assert reading == HTTPStatus.OK
    assert again.status_code == HTTPStatus.ACCEPTED
    assert {f"f-{each}" for each in range(12)} <= set(sent)
    assert counted["ckm_http_events_total"] >= 14


@pytest.mark.embedded
def test_control_without_acknowledgements_what_is_not_there_is_told_as_taken(
    mortal: tuple[Installation, psutil.Process],
) -> None:
    """Nobody waits for the broker, so its silence is not noticed."""
    installation, broker = mortal
    with (
        running_gateway(installation, "without_acknowledgements", **_HASTY) as gateway,
        gateway.client() as client,
    ):
        client.post("/v1/events", json=numbered(1))  # the client knows its topics now
        answers = stopped(broker, client)

    assert {each.status_code for each in answers} == {HTTPStatus.ACCEPTED}


def stopped(broker: psutil.Process, client: httpx.Client) -> list[httpx.Response]:
    """Return the answers to two events while the broker is stopped."""
    broker.suspend()
    try:
        return [client.post("/v1/events", json=numbered(each)) for each in (10, 11)]
    finally:
        broker.resume()


@pytest.mark.kafka
def test_a_broker_killed_under_requests_loses_nothing_that_was_told_as_taken(
    tmp_path: Path, topic_prefix: str, postgres_server: PostgresServer
) -> None:
    """Real Kafka, killed and started again while events come in: all of 202 are in the topics."""
    taken: list[str] = []
    refused: list[int] = []
    with KafkaServer() as kafka, postgres_server.fresh_database() as store_url:
        installation = Installation(
            bootstrap_servers=kafka.bootstrap_servers,
            prefix=topic_prefix,
            guarantee=Guarantee.EXACTLY_ONCE,
            store_url=store_url,
            folder=tmp_path,
        )
        with running_gateway(installation, **_HASTY) as gateway, gateway.client() as client:
            is_over = threading.Event()

            def publish() -> None:
                number = 0
                while not is_over.is_set():
                    batch = [numbered(each) for each in range(number, number + 20)]
                    number += 20
                    status = client.post("/v1/events", json=batch).status_code
                    if status == HTTPStatus.ACCEPTED:
                        taken.extend(each["event_id"] for each in batch)
                    else:
                        refused.append(status)

            publisher = threading.Thread(target=publish)
            publisher.start()
            try:
                wait_until(lambda: len(taken) > 400, timeout_s=60, what="events")
                kafka.kill()
                wait_until(lambda: bool(refused), timeout_s=60, what="a refusal")
                kafka.start()
                before = len(taken)
                wait_until(lambda: len(taken) > before + 400, timeout_s=90, what="events again")
            finally:
                is_over.set()
                publisher.join(60)
            sent = set(sent_events(gateway))
        installation.close()

    assert set(refused) == {HTTPStatus.SERVICE_UNAVAILABLE}
    assert [each for each in taken if each not in sent] == []


@pytest.fixture
def narrow(install: Install) -> Installation:
    """Give an installation whose topic of feedback takes no large records."""
    installation = install()
    servers = installation.settings.kafka.bootstrap_servers
    admin = KafkaAdminClient(bootstrap_servers=servers)
    configs = {"max.message.bytes": "20000"}
    topic = installation.topics.of(Source.FEEDBACK)
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs)])
    admin.close()
    return installation


def after_a_refusal(gateway: Gateway) -> list[int]:
    """Return the statuses of a small event, one that the brokers refuse, and small ones again."""
    one = {"customer_id": "c-1"}  # and so of one partition
    text = "".join(Random(1).choices(ascii_letters, k=90_000))
    with gateway.client() as client:
        return [
            client.post("/v1/events", json=numbered(number) | one | more).status_code
            for number, more in enumerate(({}, {"text": text}, {}, {}), start=1)
        ]


@pytest.mark.kafka
def test_an_event_that_the_brokers_refuse_keeps_no_other_from_being_sent(
    narrow: Installation,
) -> None:
    """Of the same customer and partition too: what follows goes by another producer."""
    with running_gateway(narrow, **_HASTY) as gateway:
        statuses = after_a_refusal(gateway)
        log = gateway.service.log()
        sent = sent_events(gateway)

    assert statuses == [202, 503, 202, 202]
    assert "MessageSizeTooLarge" in log
    assert sorted(sent) == ["f-1", "f-3", "f-4"]


@pytest.mark.kafka
def test_control_with_the_same_producer_nothing_gets_through_any_more(narrow: Installation) -> None:
    """The broker misses the number of what it has refused."""
    with running_gateway(narrow, "without_renewal", **_HASTY) as gateway:
        assert after_a_refusal(gateway) == [202, 503, 503, 503]


@pytest.mark.embedded
def test_without_its_database_events_still_come_in_and_reads_come_back(
    tmp_path: Path, topic_prefix: str, embedded_broker: EmbeddedBroker
) -> None:
    """503 for reads within seconds, 202 for events all the while; then reads again, by itself."""
    with PostgresServer() as server, server.fresh_database() as store_url:
        installation = Installation(
            bootstrap_servers=embedded_broker.bootstrap_servers,
            prefix=topic_prefix,
            guarantee=Guarantee.AT_LEAST_ONCE,
            store_url=store_url,
            folder=tmp_path,
            extra={
                "CKM__KAFKA__IDEMPOTENCE": "false",
                "CKM__KAFKA__SESSION_TIMEOUT_S": "2",
                **_HASTY,
            },
        )
        installation.start()
        try:
            with running_gateway(installation) as gateway, gateway.client() as client:
                client.post("/v1/events", json=numbered(1))
                wait_for_customer(client, "c-1")
                server.stop()
                during = outage(gateway, client)
                server.start()
                wait_until(
                    lambda: client.get("/v1/customers/c-1").status_code == HTTPStatus.OK,
                    timeout_s=30,
                    what="the profile again",
                )
                after = wait_for_customer(client, "c-2")
        finally:
            installation.close()

    assert during == {
        "read": HTTPStatus.SERVICE_UNAVAILABLE,
        "retry": True,
        "published": HTTPStatus.ACCEPTED,
        "ready": HTTPStatus.OK,
        "store": "failing",
        "known": HTTPStatus.OK,
    }
    assert after["version"] == 1


def outage(gateway: Gateway, client: httpx.Client) -> dict[str, Any]:
    """Return what a gateway answers while its database is away."""
    wait_until(
        lambda: gateway.service.probe("/readyz")[1]["checks"]["store"]["status"] == "failing",
        timeout_s=30,
        what="an unwell store",
    )
    read = client.get("/v1/customers/c-1")
    status, verdict = gateway.service.probe("/readyz")
    return {
        "read": read.status_code,
        "retry": "Retry-After" in read.headers,
        "published": client.post("/v1/events", json=numbered(2)).status_code,
        "ready": status,
        "store": verdict["checks"]["store"]["status"],
        "known": client.get("/v1/me").status_code,  # tokens are remembered
    }


def test_a_gateway_told_to_stop_ends_what_is_under_way(install: Install) -> None:
    """SIGTERM with an open stream: not ready at once, the stream ends, exit code 0 within 10 s."""
    with (
        running_gateway(install()) as gateway,
        gateway.client(Scope.READ) as client,
        client.stream("GET", "/v1/score-updates", timeout=30) as opened,
    ):
        lines = opened.iter_lines()
        next(lines)
        code = gateway.service.stop(grace_s=10)
        rest = list(lines)

    assert code == 0
    assert all(not line.startswith("data:") for line in rest)


def test_a_port_that_is_taken_is_one_sentence(install: Install) -> None:
    """Exit code 2, with the variable to change."""
    installation = install()
    with running_gateway(installation) as gateway:
        port = gateway.service.env["CKM__GATEWAY__PORT"]
        other = installation.new_service("serve")
        other.env |= {"CKM__GATEWAY__PORT": port, "CKM__METRICS__GATEWAY_PORT": str(new_port())}
        other.start()
        code = other.wait(timeout_s=60)

    assert code == 2
    assert "CKM__GATEWAY__PORT" in other.log()
    assert "Traceback" not in other.log()
