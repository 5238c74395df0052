"""What deploy/ says is to be run, read from its files: commands, environments, manifests, units."""

import configparser
import importlib
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
COMPOSE: Final = DEPLOY / "compose.yaml"
CONTAINERFILE: Final = DEPLOY / "Containerfile"
CHART: Final = DEPLOY / "helm" / "ckm-stream"
UNITS: Final = tuple(sorted((DEPLOY / "systemd").glob("*.service")))
#: What a chart's user has to give, and nothing else.
LEAST_VALUES: Final = {
    "kafka": {"bootstrapServers": "kafka:9092"},
    "store": {"existingSecret": "ckm-store"},
}
_PROGRAM: Final = "/opt/ckm/bin/ckm"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """One ``ckm`` command of a deployment, with the environment that it is given there."""

    where: str
    arguments: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Containerfile, in order, each on one line."""
    text = re.sub(r"^\s*#.*\n", "", CONTAINERFILE.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [
        (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines) if word
    ]


def image_env() -> dict[str, str]:
    """Return the variables that the image sets."""
    pairs = (each for word, rest in instructions() if word == "ENV" for each in shlex.split(rest))
    return dict(pair.split("=", 1) for pair in pairs)


@cache
def compose() -> Document:
    """Return the compose file, with its anchors resolved."""
    document: Document = yaml.safe_load(COMPOSE.read_text())
    return document


def own_services() -> dict[str, Document]:
    """Return the services of the compose file that run our image."""
    return {
        name: service
        for name, service in compose()["services"].items()
        if "ckm-stream" in service["image"]
    }


def compose_commands() -> Iterator[Command]:
    """Yield the commands of the compose file, and those of its health checks."""
    for name, service in own_services().items():
        env = {**image_env(), **service["environment"]}
        yield Command(f"compose: {name}", tuple(service["command"]), env)
        if check := service["healthcheck"].get("test"):
            assert check[:2] == ["CMD", "ckm"], check
            yield Command(f"compose: {name}'s health", tuple(check[2:]), env)


def image_commands() -> Iterator[Command]:
    """Yield the image's own command and health check."""
    said = dict(instructions())
    assert json.loads(said["ENTRYPOINT"]) == ["ckm"]
    yield Command("image", tuple(json.loads(said["CMD"])), image_env())
    check = json.loads(said["HEALTHCHECK"].partition(" CMD ")[2])
    assert check[0] == "ckm"
    yield Command("image's health", tuple(check[1:]), image_env())


def render(values: Mapping[str, Any] = LEAST_VALUES) -> list[Document]:
    """
    Return the manifests that Helm's own engine makes of the chart, defaults and *values*.

    Raises:
        Exception: Helm's, if the values are against the schema or a template fails.
    """
    with helm().Chart.load(CHART) as chart:
        chart.validate_schema(chart.merge_values(dict(values)))
        rendered = chart.render(values=dict(values), name="ckm", namespace="ckm")
    texts = (text for path, text in sorted(rendered.items()) if path.endswith(".yaml"))
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def helm() -> Any:
    """Return Helm's engine; where there is none the test is skipped, but CI must have it."""
    try:
        return importlib.import_module("helm_python")
    except ModuleNotFoundError:
        assert not os.environ.get("CI"), "helm-python-sdk is missing; it is in the dev group"
        pytest.skip("helm-python-sdk is not for this platform")


def pods(manifests: Sequence[Document]) -> dict[str, Document]:
    """Return the pod of each program and job, by its component."""
    workloads = [each for each in manifests if each["kind"] in {"StatefulSet", "Deployment", "Job"}]
    return {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"]["template"]
        for each in workloads
    }


def chart_commands(manifests: Sequence[Document]) -> Iterator[Command]:
    """Yield the command of each container of ours; what comes from a secret has a stand-in."""
    for component, pod in pods(manifests).items():
        (container,) = pod["spec"]["containers"]
        env = {each["name"]: each.get("value", "from-a-secret") for each in container["env"]}
        yield Command(f"helm: {component}", tuple(container["args"]), {**image_env(), **env})


class Unit:
    """A unit of systemd; options may be there several times, and keep their order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.options: list[tuple[str, str, str]] = []
        section = ""
        for line in path.read_text().splitlines():
            if header := re.fullmatch(r"\[(\w+)\]", line):
                section = header[1]
            elif line and not line.startswith("#"):
                name, _, value = line.partition("=")
                self.options.append((section, name, value))

    def values(self, name: str) -> list[str]:
        """Return the values of an option, of whichever section."""
        return [value for _, option, value in self.options if option == name]

    def commands(self) -> Iterator[Command]:
        """Yield what it starts."""
        env = dict(each.split("=", 1) for each in self.values("Environment"))
        for line in self.values("ExecStart"):
            program, *arguments = shlex.split(line)
            assert program == _PROGRAM, line
            yield Command(f"systemd: {self.path.name}", tuple(arguments), {**unit_env(), **env})


def unit_env() -> dict[str, str]:
    """Return the settings of the environment file that all units read."""
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names keep their case
    parser.read_string("[all]\n" + (DEPLOY / "systemd" / "ckm.env").read_text())
    return dict(parser["all"])


def unit_commands() -> Iterator[Command]:
    """Yield what the units start."""
    for path in UNITS:
        yield from Unit(path).commands()
