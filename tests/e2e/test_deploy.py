"""
What compose, Helm and systemd run comes up, outside of containers.

The same commands with the same environment, but for hosts, ports and folders: first the jobs, then
the programs, each as shut as it will be there (tests/support/shut.py). They are healthy when the
health checks of the files say so; an event goes in by HTTP and comes out by HTTP; they end in
order.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.broker import Broker, BrokerKind
from tests.support.deployment import (
    Command,
    chart_commands,
    compose_commands,
    render,
    unit_commands,
)
from tests.support.http import wait_for_customer
from tests.support.ports import new_port
from tests.support.services import Service, wait_until
from tests.support.shut import can_shut, shut

pytestmark = pytest.mark.timeout(240)
_START_S: Final = 90.0
_DRAIN_S: Final = 10.0
_JOBS: Final = ("topics", "migrate")
_PROGRAMS: Final = ("worker", "snapshots", "texts", "serve")
_HEALTH: Final = {"serve": "gateway"}
_WAYS: Final[Mapping[str, Callable[[], Iterator[Command]]]] = {
    "compose": compose_commands,
    "helm": lambda: chart_commands(render()),
    "systemd": unit_commands,
}


class Site:
    """
    A place that is like the one that the files are for, but for its addresses.

    Args:
        broker: In place of the files' brokers.
        store_url: In place of the files' store.
        prefix: Of topics and groups, so that nobody else's are there.
        folder: For the programs' data.
    """

    def __init__(self, broker: Broker, store_url: str, prefix: str, folder: Path) -> None:
        self._folder = folder
        self.ports = {
            f"CKM__METRICS__{each}_PORT": str(new_port())
            for each in ("PROFILE", "SNAPSHOT", "TEXT", "GATEWAY")
        }
        self.ports["CKM__GATEWAY__PORT"] = str(new_port())
        self._addresses = {
            "CKM__KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "CKM__STORE__URL": store_url,
        }
        self._own = {
            "CKM__KAFKA__TOPIC_PREFIX": prefix,
            "CKM__KAFKA__PROFILE_GROUP": f"{prefix}profiles",
            "CKM__KAFKA__SNAPSHOT_GROUP": f"{prefix}snapshots",
            "CKM__KAFKA__TEXT_GROUP": f"{prefix}texts",
            "CKM__KAFKA__REPLICATION_FACTOR": "1",  # there is one broker
        }
        if broker.kind is BrokerKind.EMBEDDED:  # which knows neither transactions nor producers
            self._own |= {
                "CKM__KAFKA__GUARANTEE": "at_least_once",
                "CKM__KAFKA__IDEMPOTENCE": "false",
                "CKM__KAFKA__SESSION_TIMEOUT_S": "2",
            }

    def folder_of(self, command: Command) -> Path:
        """Return the one folder that a command may write to."""
        folder = self._folder / "-".join(command.arguments)
        folder.mkdir(exist_ok=True)
        return folder

    def env_of(self, command: Command) -> dict[str, str]:
        """Return a command's environment here: its own, with the addresses of this place."""
        data = {"CKM__DATA_DIR": str(self.folder_of(command))}
        replaced = {**self._addresses, **data}
        env = {
            name: replaced.get(name, value)
            for name, value in command.env.items()
            if name.startswith("CKM__")
        }
        return {**env, **self._own, **self.ports}

    def line_of(self, command: Command) -> list[str]:
        """Return a command's line here."""
        folder = self.folder_of(command)
        return [*shut(folder), sys.executable, "-m", "ckm_stream", *command.arguments]

    def run(self, command: Command) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.line_of(command),
            env={**os.environ, **self.env_of(command)},
            check=False,
            capture_output=True,
            text=True,
            timeout=_START_S,
        )

    def service(self, command: Command) -> Service:
        """Return a command that runs on."""
        verb = command.arguments[0]
        return Service(
            verb, env=self.env_of(command), folder=self._folder, entry=self.line_of(command)
        )


def feedback() -> dict[str, object]:
    """Return an event of now, as a channel would send it."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "type": "feedback",
        "event_id": "f-1",
        "source": "webshop",
        "customer_id": "c-1",
        "occurred_at": now,
        "recorded_at": now,
        "channel": "WEB",
        "feedback_id": "fb-1",
        "kind": "SUGGESTION",
        "text": "Let me pause a delivery.",
        "topics": ["delivery"],
        "novelty": 0.6,
    }


@pytest.mark.parametrize("way", list(_WAYS))
def test_it_comes_up_takes_an_event_answers_and_ends(
    way: str, broker: Broker, topic_prefix: str, postgres_url: str, tmp_path: Path
) -> None:
    """Jobs, programs, health checks, one event through all of it, SIGTERM."""
    site = Site(broker, postgres_url, topic_prefix, tmp_path)
    commands = list(_WAYS[way]())
    first = {command.arguments[0]: command for command in reversed(commands)}

    for name in _JOBS:
        done = site.run(first[name])
        assert done.returncode == 0, (name, done.stdout, done.stderr)

    with ExitStack() as stack:
        services = {verb: site.service(first[verb]) for verb in _PROGRAMS}
        for service in services.values():
            service.start()
            stack.callback(service.stop)
        for service in services.values():
            service.wait_until_ready(timeout_s=_START_S)
        checks = {command.arguments: command for command in commands if "health" in command.where}
        for verb in _PROGRAMS:
            arguments = ("health", _HEALTH.get(verb, verb))
            check = checks.get(arguments, Command(way, arguments, first[verb].env))
            found = site.run(check)
            assert found.returncode == 0, (arguments, found.stdout, found.stderr)

        token = site.run(Command(way, _token_arguments(), first["serve"].env)).stdout.strip()
        port = services["serve"].env["CKM__GATEWAY__PORT"]
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            taken = client.post("/v1/events", json=feedback())
            customer = wait_for_customer(client, "c-1")
            wait_until(
                lambda: client.get("/v1/customers/c-1/score").is_success,
                timeout_s=_START_S,
                what=lambda: f"a score; {services['worker'].log()[-2000:]}",
            )
        ended = {verb: _ended(service) for verb, service in services.items()}

    assert taken.status_code == httpx.codes.ACCEPTED, taken.text
    assert customer["customer_id"] == "c-1"
    for verb, (code, took_s) in ended.items():
        assert code == 0, (verb, services[verb].log()[-2000:])
        assert took_s < _DRAIN_S, verb


@pytest.mark.parametrize("way", list(_WAYS))
def test_control_without_the_jobs_nobody_comes_up(
    way: str, broker: Broker, topic_prefix: str, postgres_url: str, tmp_path: Path
) -> None:
    """A program without its topics says so, and ends with the exit code of a configuration."""
    site = Site(broker, postgres_url, topic_prefix, tmp_path)
    worker = next(each for each in _WAYS[way]() if each.arguments == ("worker",))

    done = site.run(worker)

    assert done.returncode == 2
    assert "ckm topics apply" in done.stderr + done.stdout


@pytest.mark.skipif(not can_shut(), reason="only root may make mounts of its own")
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("open('/var/tmp/ckm-shut', 'w')", "Read-only file system"),
        ("import os; os.chown('.', 1, 1)", "Operation not permitted"),
        ("import mmap; mmap.mmap(-1, 4096, prot=7)", "Permission denied"),
    ],
    ids=["writing elsewhere", "a capability", "memory that is written and executed"],
)
def test_control_what_is_shut_is_shut(code: str, error: str, tmp_path: Path) -> None:
    """And the one folder is open."""
    run = [*shut(tmp_path), sys.executable, "-c"]

    refused = subprocess.run([*run, code], check=False, capture_output=True, text=True)
    subprocess.run([*run, "open('here', 'w')"], check=True)

    assert error in refused.stderr
    assert (tmp_path / "here").exists()


def _token_arguments() -> tuple[str, ...]:
    scopes = ("--scope", "publish", "--scope", "read")
    return ("tokens", "create", "--name", "desk", *scopes, "--expires-in-days", "1")


def _ended(service: Service) -> tuple[int, float]:
    started = time.monotonic()
    return service.stop(), time.monotonic() - started
