"""What is not as it must be is one sentence with its remedy, and an exit code; no traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ckm_stream.operations.embedded import free_port
from tests.e2e.conftest import Install
from tests.support.installation import Installation

pytestmark = pytest.mark.timeout(120)
_SECONDS = 30
_CONFIGURATION, _UNAVAILABLE = 2, 75


def refused(*verb: str, env: dict[str, str]) -> tuple[int, list[str]]:
    """Run ``ckm VERB`` and return its exit code and what it printed to standard error."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CKM__")}
    result = subprocess.run(
        [sys.executable, "-m", "ckm_stream", *verb],
        check=False,
        env={**clean, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    return result.returncode, result.stderr.splitlines()


def sentence_of(lines: list[str]) -> str:
    """Return the one line that was printed; fail if there are more, or a traceback."""
    assert len(lines) == 1, lines
    assert "Traceback" not in lines[0]
    return lines[0]


@pytest.mark.parametrize("verb", ["worker", "snapshots"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("CKM__KAFKA__GARANTEE", "exactly_once"), ("CKM__KAFKA__GUARANTEE", "mostly_once")],
)
def test_a_wrong_setting_is_named(verb: str, name: str, value: str) -> None:
    """An unknown key and an impossible value end the program before it does anything."""
    code, lines = refused(verb, env={name: value})

    assert code == _CONFIGURATION
    assert name in sentence_of(lines)


@pytest.mark.parametrize("verb", ["worker", "snapshots"])
def test_a_broker_that_is_down_is_named_with_the_variable_to_set(verb: str) -> None:
    """Nobody listens: the address, and where to change it; the exit code says try again."""
    address = f"127.0.0.1:{free_port()}"

    code, lines = refused(verb, env={"CKM__KAFKA__BOOTSTRAP_SERVERS": address})

    assert code == _UNAVAILABLE
    said = sentence_of(lines)
    assert address in said
    assert "CKM__KAFKA__BOOTSTRAP_SERVERS" in said


@pytest.mark.parametrize("verb", ["worker", "snapshots"])
def test_a_missing_topic_is_named_with_the_command_that_makes_it(
    install: Install, verb: str
) -> None:
    """A prefix under which nothing was provisioned."""
    service = install()

    code, lines = refused(verb, env={**service.env, "CKM__KAFKA__TOPIC_PREFIX": "nothing.here."})

    assert code == _CONFIGURATION
    said = sentence_of(lines)
    assert "nothing.here." in said
    assert "ckm topics apply" in said


@pytest.mark.parametrize("verb", ["worker", "snapshots"])
def test_a_wrong_partition_count_is_refused(install: Install, verb: str) -> None:
    """Settings that expect more partitions than the topics have."""
    service = install()

    code, lines = refused(verb, env={**service.env, "CKM__KAFKA__PARTITIONS": "7"})

    assert code == _CONFIGURATION
    said = sentence_of(lines)
    assert "partitions" in said
    assert "7" in said


def test_a_database_that_is_not_migrated_is_refused(install: Install, tmp_path: Path) -> None:
    """The snapshot worker does not make tables by itself."""
    service = install()
    env = {**service.env, "CKM__STORE__URL": f"sqlite:///{tmp_path}/nobody.db"}

    code, lines = refused("snapshots", env=env)

    assert code == _CONFIGURATION
    assert "ckm migrate" in sentence_of(lines)


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        ("worker", "CKM__METRICS__PROFILE_PORT"),
        ("snapshots", "CKM__METRICS__SNAPSHOT_PORT"),
    ],
)
def test_a_taken_metrics_port_is_named(install: Install, verb: str, name: str) -> None:
    """Somebody else listens where the metrics should be."""
    service: Installation = install()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        code, lines = refused(verb, env={**service.env, name: port})

    assert code == _CONFIGURATION
    said = sentence_of(lines)
    assert port in said
    assert name in said


def test_the_demo_names_a_taken_port_and_the_way_out(tmp_path: Path) -> None:
    """The demo's workers cannot start on a port that somebody has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        env = {"CKM__METRICS__PROFILE_PORT": port, "CKM__DATA_DIR": str(tmp_path / "var")}

        code, lines = refused("demo", "--once", env=env)

    assert code == _CONFIGURATION
    said = sentence_of(lines)
    assert port in said
    assert "CKM__METRICS__PROFILE_PORT" in said
