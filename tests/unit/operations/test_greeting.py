"""What a broker has against us, in words; real brokers' answers are in tests/e2e/test_security."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ckm_stream.credentials import SecuritySettings
from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.operations.greeting import Conversation

_TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
_CLOSE_NOTIFY = b"\x15\x03\x03\x00\x02\x01\x00"


@contextmanager
def server(answer: bytes) -> Iterator[tuple[str, int]]:
    """Give the address of a server that answers every first request so, and hangs up."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            thread.join(10)


def refused(address: tuple[str, int], security: SecuritySettings) -> None:
    """Begin a conversation that is going to fail."""
    Conversation(address, security, connect_s=5, answer_s=5).close()


def test_an_answer_in_tls_to_plain_text_is_recognised() -> None:
    """The bytes of an alert are proof."""
    with (
        server(_TLS_ALERT) as address,
        pytest.raises(ConfigurationError, match=r"may speak TLS; check .*SECURITY__PROTOCOL"),
    ):
        refused(address, SecuritySettings())


def test_an_answer_in_plain_text_to_tls_is_recognised() -> None:
    """So are bytes that are none of TLS."""
    with (
        server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address,
        pytest.raises(ConfigurationError, match=r"may not speak TLS; check .*SECURITY__PROTOCOL"),
    ):
        refused(address, SecuritySettings(protocol="SSL"))


@pytest.mark.parametrize(
    ("protocol", "last_words"), [("PLAINTEXT", b""), ("SSL", b""), ("SSL", _CLOSE_NOTIFY)]
)
def test_a_broker_that_just_hangs_up_may_be_going_down(protocol: str, last_words: bytes) -> None:
    """No proof of anything: the hint is given, and the exit code says try again."""
    with (
        server(last_words) as address,
        pytest.raises(TransientError, match=r"does not answer as Kafka does \(it may "),
    ):
        refused(address, SecuritySettings(protocol=protocol))
