"""
Every command and setting in deploy/ is one that there is: image, compose, Helm and systemd.

A verb, an option or a setting that is renamed in the product and not in the files goes red here.
That they come up is in tests/e2e/test_deploy.py.
"""

import os
import re
from collections.abc import Mapping
from typing import Any, Final
from unittest.mock import patch

import pytest
import yaml

from ckm_stream.settings import find_problems, list_variables
from tests.support.command_line import problem_with
from tests.support.deployment import (
    DEPLOY,
    Command,
    chart_commands,
    compose,
    compose_commands,
    image_commands,
    own_services,
    pods,
    render,
    unit_commands,
)
from tests.support.prometheus import DEPLOY as PROMETHEUS

_PREFIX: Final = "CKM__"
#: Where a metrics port is set, for the verbs that run on; the numbers are the settings' defaults.
_PORTS: Final = {
    "worker": "CKM__METRICS__PROFILE_PORT",
    "snapshots": "CKM__METRICS__SNAPSHOT_PORT",
    "texts": "CKM__METRICS__TEXT_PORT",
    "serve": "CKM__METRICS__GATEWAY_PORT",
}
#: A verb's job in Prometheus' configuration.
_JOBS: Final = {
    "worker": "ckm-worker",
    "snapshots": "ckm-snapshots",
    "texts": "ckm-texts",
    "serve": "ckm-gateway",
}


def all_commands() -> list[Command]:
    """Return every command of every way to run the programs."""
    return [
        *image_commands(),
        *compose_commands(),
        *chart_commands(render()),
        *unit_commands(),
    ]


def problems_of(command: Command) -> list[str]:
    """Return what the command line and the settings have against *command*."""
    wrong = problem_with(command.arguments)
    settings = {name: value for name, value in command.env.items() if name.startswith(_PREFIX)}
    # What is expanded at run time is a value that can be: a secret, or systemd's specifiers.
    settings = {name: _expanded(name, value) for name, value in settings.items()}
    with patch.dict(os.environ, settings):
        found = find_problems()
    return [*found, *([] if wrong is None else [wrong])]


def _expanded(name: str, value: str) -> str:
    if value == "from-a-secret" and name == "CKM__STORE__URL":
        return "postgresql://ckm@db:5432/ckm"
    return value.replace("%i", "9464").replace("%S", "/var/lib").replace("%d", "/run/credentials")


def test_every_command_and_every_setting_is_known() -> None:
    """As `ckm` itself reads them."""
    commands = all_commands()

    assert {each.arguments[0] for each in commands} >= {*_PORTS, "topics", "migrate", "health"}
    assert {each.where: wrong for each in commands if (wrong := problems_of(each))} == {}


def test_every_program_runs_everywhere() -> None:
    """Compose, Helm and systemd have each of the four, and what has to be done before them."""
    wanted = {("topics", "apply"), ("migrate",), *((verb,) for verb in _PORTS)}

    for name, commands in {
        "compose": compose_commands(),
        "helm": chart_commands(render()),
        "systemd": unit_commands(),
    }.items():
        assert {each.arguments for each in commands} >= wanted, name


@pytest.mark.parametrize(
    "command",
    [
        Command("here", ("frobnicate",)),
        Command("here", ("health", "nobody")),
        Command("here", ("worker",), {"CKM__METRICS__PORFILE_PORT": "9464"}),
        Command("here", ("worker",), {"CKM__KAFKA__PARTITIONS": "none"}),
    ],
    ids=lambda command: " ".join([*command.arguments, *command.env]),
)
def test_control_a_command_or_setting_that_there_is_not_would_be_noticed(command: Command) -> None:
    """An unknown verb or argument, an unknown setting, a value that cannot be."""
    assert problems_of(command) != []


class TestPorts:
    """Each program listens where probes ask and Prometheus scrapes."""

    DEFAULTS: Final = {
        verb: int(str(list_variables()[variable])) for verb, variable in _PORTS.items()
    }

    def test_compose_s_prometheus_scrapes_each_program_on_its_port(self) -> None:
        """The jobs are those that the alerts know."""
        scraped = self.targets(yaml.safe_load((DEPLOY / "compose/prometheus.yml").read_text()))
        services = {service["command"][0]: name for name, service in own_services().items()}

        assert scraped == {
            _JOBS[verb]: f"{services[verb]}:{port}" for verb, port in self.DEFAULTS.items()
        }

    def test_the_copy_to_take_scrapes_each_program_on_its_port(self) -> None:
        """The same jobs, on this machine."""
        scraped = self.targets(yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text()))

        assert scraped == {_JOBS[verb]: f"127.0.0.1:{port}" for verb, port in self.DEFAULTS.items()}

    def test_the_chart_s_probes_ask_each_program_on_its_port(self) -> None:
        """By the name of the container's port, which is its number."""
        for pod in pods(render()).values():
            (container,) = pod["spec"]["containers"]
            verb = container["args"][0]
            if verb in self.DEFAULTS:
                ports = {each["name"]: each["containerPort"] for each in container["ports"]}
                assert ports["operations"] == self.DEFAULTS[verb]
                assert ports.get("http") == (8080 if verb == "serve" else None)

    def test_compose_publishes_the_gateway_and_what_people_look_at_to_this_machine_alone(
        self,
    ) -> None:
        """Nothing else, and no address but the loopback's."""
        published = {
            name: port
            for name, service in compose()["services"].items()
            for port in service.get("ports", [])
        }

        assert {name: port["target"] for name, port in published.items()} == {
            "gateway": list_variables()["CKM__GATEWAY__PORT"],
            "prometheus": 9090,
            "grafana": 3000,
        }
        assert {port["host_ip"] for port in published.values()} == {"127.0.0.1"}

    @staticmethod
    def targets(config: Mapping[str, Any]) -> dict[str, str]:
        """Return the one target of each job."""
        found = {}
        for job in config["scrape_configs"]:
            ((target,),) = [each["targets"] for each in job["static_configs"]]
            found[job["job_name"]] = target
        return found


def test_nothing_in_deploy_names_a_registry_of_images_or_packages() -> None:
    """Where they come from is the choice of whoever builds and runs them."""
    hosts = re.compile(r"\b[\w-]+(\.[\w-]+)*\.(io|com|org|dev)/[\w-]+/[\w-]+:|docker\.io|ghcr\.io")
    texts = {
        path: path.read_text()
        for path in DEPLOY.rglob("*")
        if path.is_file() and "target" not in path.parts and path.suffix != ".pyc"
    }

    assert {
        str(path): found[0] for path, text in texts.items() if (found := hosts.search(text))
    } == {}
