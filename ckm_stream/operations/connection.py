"""
Connections to Kafka with kafka-python: the same options for every client outside the workers.

A broker that cannot be reached is one sentence with its address and the setting to look at.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError

from ckm_stream.credentials import SecurityProtocol, SecuritySettings
from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.operations.greeting import Address, Conversation
from ckm_stream.operations.security import client_options, principal_of
from ckm_stream.settings import Settings

#: Seconds to reach a broker: to connect to any address, to be answered, then to get its metadata.
CONNECT_S = 4.0
ANSWER_S = 5.0
BOOTSTRAP_S = 5.0


def kafka_client_options(settings: Settings) -> dict[str, Any]:
    """
    Return the options that kafka-python's admin client, producer and consumer have in common.

    Raises:
        ConfigurationError: If a file of the security settings cannot be used.
    """
    kafka = settings.kafka
    return {
        "bootstrap_servers": kafka.bootstrap_servers.split(","),
        "client_id": "ckm",
        "request_timeout_ms": int(kafka.request_timeout_s * 1000),
        **client_options(kafka.security),
    }


@contextmanager
def conversation(settings: Settings) -> Iterator[Conversation]:
    """
    Give a conversation with the first broker that answers us.

    Raises:
        ConfigurationError: If one refuses us, or we it.
        TransientError: If none answers.
    """
    security = settings.kafka.security
    servers = settings.kafka.bootstrap_servers.split(",")
    problems: list[str] = []
    for server in servers:
        host, _, port = server.rpartition(":")
        address = (host.strip("[]"), int(port))
        patience = {"connect_s": CONNECT_S / len(servers), "answer_s": ANSWER_S}
        try:
            opened = Conversation(address, security, **patience)
        except TransientError as error:
            problems.append(str(error))
            continue
        with opened:
            if security.protocol is not SecurityProtocol.PLAINTEXT:
                _greet_others([each for each in opened.brokers if each != address], security)
            yield opened
        return
    raise TransientError(
        f"{', '.join(problems)}; start it, or set CKM__KAFKA__BOOTSTRAP_SERVERS to where it is"
    )


@contextmanager
def admin_client(settings: Settings) -> Iterator[KafkaAdminClient]:
    """
    Give an admin client that is connected.

    Raises:
        ConfigurationError: If the broker refuses who we are, or what is asked of it.
        TransientError: If no broker answers, or one fails while the client is used.
    """
    kafka = settings.kafka
    # Before the client is made: one that cannot bootstrap leaves its network thread behind, one
    # that fails to connect a socket, and neither says why.
    with conversation(settings) as answering:
        host, port = answering.address
    options = kafka_client_options(settings) | {
        "bootstrap_servers": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "bootstrap_timeout_ms": int(BOOTSTRAP_S * 1000),
    }
    try:
        client = KafkaAdminClient(**options)
    except KafkaError as error:
        raise TransientError(
            f"Kafka at {kafka.bootstrap_servers} does not answer as Kafka does; start it, or set "
            "CKM__KAFKA__BOOTSTRAP_SERVERS to where it is"
        ) from error
    try:
        with broker_errors(settings):
            yield client
    finally:
        client.close()


@contextmanager
def broker_errors(settings: Settings) -> Iterator[None]:
    """
    Turn the errors of Kafka's client into ours.

    Raises:
        ConfigurationError: If we may not do what we tried.
        TransientError: For anything else.
    """
    kafka = settings.kafka
    try:
        yield
    except AuthorizationError as error:
        raise ConfigurationError(
            f"{principal_of(kafka.security)} may not do that on Kafka at "
            f"{kafka.bootstrap_servers}: {error}; grant it, or act as another user"
        ) from error
    except KafkaError as error:
        raise TransientError(
            f"Kafka at {kafka.bootstrap_servers} failed to serve a request "
            f"({type(error).__name__}); try again"
        ) from error


def _greet_others(brokers: list[Address], security: SecuritySettings) -> None:
    """Make sure that the certificates are for the names that the brokers say they have."""
    # A balancer's name may be right where a broker's is not; then a client never gets further.
    deadline = time.monotonic() + CONNECT_S
    for address in brokers:
        if (left_s := deadline - time.monotonic()) > 0:
            with suppress(TransientError):  # the clients go on without those that are away
                Conversation(address, security, connect_s=left_s, answer_s=left_s).close()
