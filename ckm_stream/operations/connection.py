"""
Connections to Kafka with kafka-python: the same options for every client outside the workers.

A broker that cannot be reached is one sentence with its address and the setting to look at.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, SaslAuthenticationFailedError

from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.settings import KafkaSettings, Settings

#: Seconds to reach a broker: to connect to any address, then to get its metadata.
CONNECT_S = 4.0
BOOTSTRAP_S = 5.0


def kafka_client_options(settings: Settings) -> dict[str, Any]:
    """Return the options that kafka-python's admin client, producer and consumer have in common."""
    kafka = settings.kafka
    return {
        "bootstrap_servers": kafka.bootstrap_servers.split(","),
        "client_id": "ckm",
        "request_timeout_ms": int(kafka.request_timeout_s * 1000),
    }


@contextmanager
def admin_client(settings: Settings) -> Iterator[KafkaAdminClient]:
    """
    Give an admin client that is connected.

    Raises:
        ConfigurationError: If the broker refuses who we are.
        TransientError: If no broker answers, or one fails while the client is used.
    """
    kafka = settings.kafka
    options = kafka_client_options(settings) | {
        "bootstrap_servers": _reachable(kafka),
        "bootstrap_timeout_ms": int(BOOTSTRAP_S * 1000),
    }
    try:
        client = KafkaAdminClient(**options)
    except SaslAuthenticationFailedError as error:
        raise ConfigurationError(
            f"Kafka at {kafka.bootstrap_servers} refuses our credentials; check CKM__KAFKA__*"
        ) from error
    except KafkaError as error:
        raise TransientError(_unreachable(kafka, "does not answer as Kafka does")) from error
    try:
        yield client
    except KafkaError as error:
        raise TransientError(
            f"Kafka at {kafka.bootstrap_servers} failed to serve a request "
            f"({type(error).__name__}); try again"
        ) from error
    finally:
        client.close()


def _reachable(kafka: KafkaSettings) -> str:
    """Return the first address that accepts a connection."""
    # Before the client is made: one that cannot bootstrap leaves its network thread behind, and
    # one that fails to connect a socket.
    problem = ""
    servers = kafka.bootstrap_servers.split(",")
    for server in servers:
        host, _, port = server.rpartition(":")
        address = (host.strip("[]"), int(port))
        try:
            socket.create_connection(address, timeout=CONNECT_S / len(servers)).close()
        except OSError as error:
            problem = error.strerror or str(error)
        else:
            return server
    raise TransientError(_unreachable(kafka, f"cannot be reached ({problem})"))


def _unreachable(kafka: KafkaSettings, what: str) -> str:
    return (
        f"Kafka at {kafka.bootstrap_servers} {what}; start it, or set "
        "CKM__KAFKA__BOOTSTRAP_SERVERS to where it is"
    )
