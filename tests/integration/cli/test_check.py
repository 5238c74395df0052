"""``ckm check`` as it is run: lines, JSON, exit codes, and its bound of 15 s."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from socket import create_server

import pytest

from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.operations.topics import apply_topics
from ckm_stream.snapshots.store import migrate, open_engine
from tests.support.broker import Broker, BrokerKind
from tests.support.installation import settings_from
from tests.support.services import service_env

_BOUND_S = 15.0  # of the promise


def checked(env: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end, which comes within the bound."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CKM__")}
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "ckm_stream", "check", *options],
        env={**clean, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert time.monotonic() - started < _BOUND_S
    assert "Traceback" not in ended.stderr
    return ended


def outcomes(ended: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return how each thing is, from the JSON."""
    return {each["check"]: each["outcome"] for each in json.loads(ended.stdout)["checks"]}


@pytest.fixture
def env(broker: Broker, topic_prefix: str, tmp_path: Path) -> dict[str, str]:
    """Give the settings of an installation of which nothing is there but the broker."""
    embedded = broker.kind is BrokerKind.EMBEDDED
    return service_env(
        bootstrap_servers=broker.bootstrap_servers,
        prefix=topic_prefix,
        guarantee=broker.guarantees[0],
        store_url=f"sqlite:///{tmp_path}/ckm.db",
        extra={"CKM__KAFKA__IDEMPOTENCE": "false"} if embedded else {},
    )


def test_a_new_installation_is_told_all_that_is_missing_and_then_that_all_is_there(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Topics and store at once; exit code 2, then 0; a line for each, without colour."""
    before = checked(env)
    settings = settings_from(env)
    apply_topics(settings)
    engine = open_engine(settings.store.url.get_secret_value())
    migrate(engine)
    engine.dispose()
    after = checked(env, "--json")

    assert before.returncode == ConfigurationError.exit_code
    assert before.stdout.count("does not exist on") == 13
    assert "run `ckm migrate`" in before.stdout
    assert "\x1b" not in before.stdout
    assert after.returncode == 0, after.stdout
    assert json.loads(after.stdout)["exit_code"] == 0
    assert {"broker", "topics", "store", "states", "schemas"} <= set(outcomes(after))
    assert set(outcomes(after).values()) <= {"ok", "warning"}


@pytest.mark.embedded
def test_wrong_settings_are_all_that_is_told_of() -> None:
    """What they would lead to is nobody's business yet."""
    ended = checked({"CKM__KAFKA__PARTITIONS": "-1", "CKM__NONSENSE": "1"})

    assert ended.returncode == ConfigurationError.exit_code
    assert [line.split()[0] for line in ended.stdout.splitlines()] == ["failed", "failed"]


@pytest.fixture
def hole() -> Iterator[str]:
    """Give an address on which connections are taken and nothing is answered."""
    with create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.embedded
def test_a_black_hole_everywhere_ends_within_the_bound(hole: str) -> None:
    """Three brokers, the store and the registry take connections and say nothing: try again."""
    ended = checked(
        {
            "CKM__KAFKA__BOOTSTRAP_SERVERS": ",".join([hole] * 3),
            "CKM__STORE__URL": f"postgresql://ckm:hunter2@{hole}/ckm",
            "CKM__REGISTRY__URL": f"http://{hole}",
            "CKM__METRICS__PROFILE_PORT": "0",
            "CKM__METRICS__SNAPSHOT_PORT": "0",
        },
        "--json",
    )

    assert ended.returncode == TransientError.exit_code
    assert {name for name, how in outcomes(ended).items() if how == "unreachable"} == {
        "broker",
        "store",
        "registry",
    }
    assert "hunter2" not in ended.stdout + ended.stderr
