"""What `ckm check` tells without a broker: each thing as it should be, and as it should not."""

import socket
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from ckm_stream import native
from ckm_stream.codec import compatibility
from ckm_stream.operations import surroundings
from ckm_stream.operations.check import Program
from ckm_stream.operations.findings import Finding, Outcome, look_at
from ckm_stream.operations.health import Health
from ckm_stream.operations.ops_server import OpsServer
from ckm_stream.operations.schemas import register_schemas
from ckm_stream.settings import (
    CoreKind,
    HealthSettings,
    MetricsSettings,
    RegistrySettings,
    Settings,
)
from tests.support.registry import Registry


def found(check: str, settings: Settings | None = None) -> list[Finding]:
    """Return what one of the checks finds."""
    looks = surroundings.looks_around(settings or Settings(), [])
    return look_at(check, looks[check])


def only(check: str, settings: Settings | None = None) -> tuple[Outcome, str]:
    """Return the one finding of a check: how it is, and the sentence."""
    (finding,) = found(check, settings)
    return finding.outcome, finding.detail


class TestSettings:
    """The environment."""

    def test_every_variable_that_is_wrong_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not the first alone, and no value is repeated."""
        monkeypatch.setenv("CKM__KAFKA__PARTITIONS", "-771")
        monkeypatch.setenv("CKM__METRICS__PROFILE_PORT", "-772")
        monkeypatch.setenv("CKM__NONSENSE", "773")

        findings = surroundings.check_settings()

        sentences = " ".join(finding.detail for finding in findings)
        assert [finding.outcome for finding in findings] == [Outcome.FAILED] * 3
        for name in ("CKM__KAFKA__PARTITIONS", "CKM__METRICS__PROFILE_PORT", "CKM__NONSENSE"):
            assert name in sentences
        assert "77" not in sentences

    def test_good_ones_are_one_line(self) -> None:
        """The environment of the tests has none."""
        assert [each.outcome for each in surroundings.check_settings()] == [Outcome.OK]


class TestCore:
    """Which core would run."""

    @pytest.mark.parametrize(
        ("kind", "is_built", "outcome"),
        [
            (CoreKind.AUTO, True, Outcome.OK),
            (CoreKind.AUTO, False, Outcome.WARNING),
            (CoreKind.COMPILED, False, Outcome.FAILED),
            (CoreKind.PYTHON, False, Outcome.OK),
        ],
    )
    def test_a_core_that_was_not_built_is_told(
        self, kind: CoreKind, outcome: Outcome, *, is_built: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It fails if it was asked for, and is slow if it was not."""
        monkeypatch.setattr(native, "is_built", lambda: is_built)

        assert only("core", Settings(core=kind))[0] is outcome


class TestSchemas:
    """The catalogue."""

    def test_versions_that_do_not_read_one_another_are_told(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each with its subject."""
        finding = compatibility.Finding("ckm.x-value", "v2 has a field without a default")
        monkeypatch.setattr(surroundings, "check_catalogue", lambda _catalogue: [finding])

        outcome, sentence = only("schemas")

        assert outcome is Outcome.FAILED
        assert "ckm.x-value: v2 has a field without a default" in sentence


class TestRegistry:
    """A registry, if there is one."""

    @pytest.fixture
    def registry(self) -> Iterator[Registry]:
        """Give a registry without schemas."""
        with Registry().serving() as server:
            yield server

    def test_subjects_that_it_has_not_are_named_with_the_command(self, registry: Registry) -> None:
        """Each once, however many versions it lacks; once registered they are one line."""
        settings = Settings(registry=RegistrySettings(url=registry.url))

        missing = found("registry", settings)
        registered = register_schemas(settings)

        assert {finding.outcome for finding in missing} == {Outcome.FAILED}
        assert len(missing) == len({subject for subject, _ in registered})
        assert all("`ckm schemas register`" in finding.detail for finding in missing)
        assert only("registry", settings)[0] is Outcome.OK

    def test_one_that_is_away_is_unreachable(self) -> None:
        """Nobody listens there."""
        settings = Settings(registry=RegistrySettings(url="http://127.0.0.1:1"))

        assert only("registry", settings)[0] is Outcome.UNREACHABLE

    def test_without_one_nothing_is_asked(self) -> None:
        """The ids come from the catalogue."""
        assert "registry" not in surroundings.looks_around(Settings(), [])


class TestPort:
    """The port that a worker is going to serve on."""

    @staticmethod
    def settings(port: int) -> Settings:
        """Return settings with this port."""
        return Settings(metrics=MetricsSettings(profile_port=port))

    def test_a_free_port_is_well(self) -> None:
        """Nobody is listening."""
        assert only("worker's port", self.settings(0))[0] is Outcome.OK

    def test_a_port_of_somebody_else_is_told_with_the_variables(self) -> None:
        """It listens, and says nothing that a worker would."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

            outcome, sentence = only("worker's port", self.settings(port))

        assert outcome is Outcome.FAILED
        assert f"127.0.0.1:{port}" in sentence
        assert "CKM__METRICS__PROFILE_PORT" in sentence

    def test_a_worker_that_runs_there_is_no_obstacle(self) -> None:
        """The check may be run beside it."""
        health = Health(HealthSettings())
        server = OpsServer(CollectorRegistry(), health, host="127.0.0.1", port=0)

        outcome, sentence = only("worker's port", self.settings(server.port))
        server.close()

        assert outcome is Outcome.OK
        assert "a program of ours is running" in sentence


def test_a_publisher_needs_neither_core_nor_port() -> None:
    """Only what the named programs need is looked at."""
    assert set(surroundings.looks_around(Settings(), [Program.PUBLISHER])) == {"schemas"}
