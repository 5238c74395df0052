"""The compose file: by the specification's schema, and as shut as it says."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from ckm_stream.gateway.server import _DRAIN_S
from tests.support.deployment import COMPOSE, DEPLOY, compose, own_services

_SCHEMA: Final = Path(__file__).parents[1] / "data" / "compose" / "compose-spec.json"
_JOBS: Final = {"topics", "migrate"}
_SERVICES: Final[dict[str, Any]] = compose()["services"]
#: Services whose root cannot be read-only, and why.
_WRITABLE_ROOT: Final = {"kafka": "the image writes its configuration into its own root"}
#: docs/operations.md: a worker that does not end within 10 s may be killed.
_WORKER_DRAIN_S: Final = 10
_MAKE_SECRETS: Final = DEPLOY / "compose" / "make-secrets.sh"


def problems(document: Any) -> list[str]:
    """Return what the schema of the compose specification has against *document*."""
    schema = json.loads(_SCHEMA.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def seconds(duration: str) -> int:
    """Return a duration of the compose file, such as 30s, in seconds."""
    found = re.fullmatch(r"(\d+)s", duration)
    assert found is not None, duration
    return int(found[1])


def test_it_is_valid_by_the_specification() -> None:
    """All of it."""
    assert problems(compose()) == []


def test_control_a_key_that_there_is_not_would_be_noticed() -> None:
    """In a service, in its limits, and at the top."""
    service = {"services": {"a": {"imagee": "b"}}}
    limits = {"services": {"a": {"deploy": {"resources": {"limits": {"memmory": "1G"}}}}}}

    assert problems(service) != []
    assert problems(limits) != []
    assert problems({"servicess": {}}) != []


def test_it_has_everything_that_is_needed() -> None:
    """The programs, what they talk to, and what looks at them."""
    assert set(_SERVICES) == {
        *("kafka", "postgres", "topics", "migrate"),
        *("worker", "snapshots", "texts", "gateway"),
        *("prometheus", "grafana"),
    }


@pytest.mark.parametrize("name", list(_SERVICES))
class TestEveryService:
    """Whatever it runs."""

    def test_may_do_nothing_that_it_need_not(self, name: str) -> None:
        """No capability, no new privilege, no root, and a root file system that is not written."""
        service = _SERVICES[name]

        assert service["cap_drop"] == ["ALL"]
        assert "cap_add" not in service
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
        assert service["read_only"] is (name not in _WRITABLE_ROOT)
        if name != "kafka":  # whose image has a user of its own
            assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])

    def test_takes_no_more_than_its_share(self, name: str) -> None:
        """Of processors, memory and processes."""
        limits = _SERVICES[name]["deploy"]["resources"]["limits"]

        assert set(limits) == {"cpus", "memory", "pids"}

    def test_is_of_one_version(self, name: str) -> None:
        """A tag that says which, in a variable that may say another."""
        found = re.fullmatch(
            r"\$\{CKM_\w+:-([a-z-]+/)?[a-z-]+:v?\d+\.\d+[\w.-]*\}", _SERVICES[name]["image"]
        )

        assert found is not None, _SERVICES[name]["image"]

    def test_says_whether_it_is_well(self, name: str) -> None:
        """Or is a job, which ends."""
        check = _SERVICES[name].get("healthcheck", {})

        if name in _JOBS:
            assert check == {"disable": True}
            assert _SERVICES[name]["restart"] == "no"
        else:
            assert check["test"][0] == "CMD"
            assert seconds(check["timeout"]) <= seconds(check["interval"])
            assert _SERVICES[name]["restart"] == "unless-stopped"

    def test_has_no_secret_in_its_environment(self, name: str) -> None:
        """Passwords are files, each for one reader."""
        environment: dict[str, str] = _SERVICES[name].get("environment", {})

        for variable, value in environment.items():
            if re.search("PASSWORD|SECRET|TOKEN", variable):
                assert variable.endswith("FILE"), variable
                assert value.startswith("/run/secrets/"), variable
            assert not re.search(r"://[^/@\s]*:[^/@\s]*@", value), variable

    def test_reads_secrets_that_there_are(self, name: str) -> None:
        """By name, and where the variables look for them."""
        secrets = _SERVICES[name].get("secrets", [])
        named = re.findall(
            r"/run/secrets/([\w-]+)", json.dumps(_SERVICES[name].get("environment", {}))
        )

        assert set(secrets) == set(named)
        assert set(secrets) <= set(compose()["secrets"])

    def test_writes_to_volumes_that_there_are_and_reads_files_that_there_are(
        self, name: str
    ) -> None:
        """What is mounted from here is mounted to be read."""
        for volume in _SERVICES[name].get("volumes", []):
            if volume["type"] == "volume":
                assert volume["source"] in compose()["volumes"]
            else:
                assert volume["read_only"] is True
                assert (COMPOSE.parent / volume["source"]).exists(), volume["source"]


def test_topics_and_tables_come_before_those_who_need_them() -> None:
    """Nobody starts on a broker without topics, or on a store without tables."""
    before = {
        name: {other: each["condition"] for other, each in service.get("depends_on", {}).items()}
        for name, service in own_services().items()
    }
    done = "service_completed_successfully"

    assert before == {
        "topics": {"kafka": "service_healthy"},
        "migrate": {"postgres": "service_healthy"},
        "worker": {"topics": done},
        "snapshots": {"topics": done, "migrate": done},
        "texts": {"topics": done},
        "gateway": {"topics": done, "migrate": done},
    }


def test_a_program_has_longer_to_stop_than_it_takes() -> None:
    """So that it is never killed in the middle of its drain."""
    for name, service in own_services().items():
        assert seconds(service["stop_grace_period"]) > max(_WORKER_DRAIN_S, _DRAIN_S), name


def test_only_what_people_look_at_is_on_a_network_with_a_way_out() -> None:
    """Broker, database and workers are behind."""
    assert compose()["networks"]["backend"]["internal"] is True
    outside = {name for name, each in _SERVICES.items() if "frontend" in each["networks"]}

    assert outside == {"gateway", "prometheus", "grafana"}


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away, which only root may")
def test_the_passwords_are_made_each_for_its_reader(tmp_path: Path) -> None:
    """And stay what they were when it is run again; each belongs to the user of its container."""
    folder = tmp_path / "secrets"
    command = ["sh", str(_MAKE_SECRETS), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    before = {path.name: path.read_text() for path in folder.iterdir()}

    subprocess.run(command, check=True, capture_output=True)

    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert set(before) == set(compose()["secrets"])
    assert len(before["postgres-password"]) == 64
    assert before["postgres-password"] != before["grafana-password"]
    assert before["pgpass"] == f"postgres:5432:ckm:ckm:{before['postgres-password']}\n"
    readers = {
        secret: int(service["user"].split(":")[0])
        for service in _SERVICES.values()
        for secret in service.get("secrets", [])
    }
    for path in folder.iterdir():
        status = path.stat()
        assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (readers[path.name], 0o400)


def test_the_passwords_are_kept_out_of_the_repository() -> None:
    """The folder that they are made in is ignored by git."""
    default = re.search(r":-\./compose/(\w+)\}", compose()["secrets"]["pgpass"]["file"])

    assert default is not None
    assert f"{default[1]}/" in (DEPLOY / "compose" / ".gitignore").read_text().splitlines()
