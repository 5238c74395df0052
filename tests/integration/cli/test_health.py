"""``ckm health``: exit code and lines for a probe that runs a command."""

from collections.abc import Iterator

import pytest
import typer
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner, Result

from ckm_stream.cli.health import health as health_command
from ckm_stream.operations.health import Health, Phase
from ckm_stream.operations.ops_server import OpsServer
from ckm_stream.settings import HealthSettings
from tests.support.ports import new_port


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> Iterator[Health]:
    """Give the health of a profile worker on this machine; no snapshot worker runs."""
    made = Health(HealthSettings())
    server = OpsServer(CollectorRegistry(), made, host="127.0.0.1", port=0)
    monkeypatch.setenv("CKM__METRICS__HOST", "0.0.0.0")  # noqa: S104 -- set, not bound
    monkeypatch.setenv("CKM__METRICS__PROFILE_PORT", str(server.port))
    monkeypatch.setenv("CKM__METRICS__SNAPSHOT_PORT", str(new_port()))
    yield made
    server.close()


def run(*args: str) -> Result:
    """Run the command."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(health_command)
    return CliRunner().invoke(app, args)


def test_a_ready_worker_is_exit_code_0(health: Health) -> None:
    """And a line for each thing that was checked."""
    health.enter(Phase.RUNNING)
    health.broker.answered()

    result = run()

    assert (result.exit_code, result.stderr) == (0, "")
    assert "broker: ok, answered" in result.stdout


def test_a_worker_that_is_not_ready_is_exit_code_1(health: Health) -> None:
    """What fails is on standard error; it may be alive nevertheless."""
    result = run()

    assert (result.exit_code, result.stdout) == (1, "")
    assert "partitions: failing, the worker has not joined its group yet" in result.stderr
    assert run("worker", "--live").exit_code == 0


def test_a_worker_that_does_not_answer_is_exit_code_1(health: Health) -> None:
    """One line says who was asked for what."""
    result = run("snapshots")

    assert result.exit_code == 1
    assert "nobody answers /readyz on 127.0.0.1" in result.stderr
