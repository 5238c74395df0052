"""
The Helm chart's pods are restricted as the pod security standards have it, and its network shut.

Each field is asserted, in the defaults and with everything turned on.
"""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.charts import FULL_VALUES, PROGRAMS, containers, env_of, of_kind, with_value
from tests.support.deployment import LEAST_VALUES, Document, pods, render


class TestRestricted:
    """Every pod, the jobs' too, keeps to the restricted profile and a little more."""

    def test_a_pod_runs_as_a_user_that_is_not_root(self, manifests: list[Document]) -> None:
        """A number, with the seccomp profile of the runtime, and nothing of the host."""
        for component, pod in pods(manifests).items():
            security = pod["spec"]["securityContext"]
            assert security["runAsNonRoot"] is True, component
            assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == 10001
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}, component
            assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(pod["spec"])
            volumes = {key for each in pod["spec"]["volumes"] for key in each} - {"name"}
            assert volumes <= {"emptyDir", "secret"}, component

    def test_a_container_can_gain_nothing(self, manifests: list[Document]) -> None:
        """No capability, no escalation, a root file system that is read, and limits."""
        for component, pod in pods(manifests).items():
            for container in containers(pod):
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "privileged": False,
                    "readOnlyRootFilesystem": True,
                    "runAsNonRoot": True,
                    "capabilities": {"drop": ["ALL"]},
                }, component
                assert container["resources"]["limits"]["memory"], component
                assert set(container["resources"]["requests"]) == {"cpu", "memory"}, component
                assert not any("hostPort" in port for port in container.get("ports", []))

    def test_a_pod_has_no_token_of_kubernetes(self, manifests: list[Document]) -> None:
        """It never talks to it; and no variables of other services confuse the settings."""
        for component, pod in pods(manifests).items():
            assert pod["spec"]["automountServiceAccountToken"] is False, component
            assert pod["spec"]["enableServiceLinks"] is False, component
        (account,) = of_kind(manifests, "ServiceAccount").values()
        assert account["automountServiceAccountToken"] is False

    def test_what_is_written_is_mounted(self, manifests: list[Document]) -> None:
        """The data folder and a small one for temporary files; all others are read."""
        for component, pod in pods(manifests).items():
            (container,) = pod["spec"]["containers"]
            writable = {
                each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")
            }
            data = env_of(container)["CKM__DATA_DIR"]
            assert writable == {data, "/tmp"}, component  # noqa: S108 -- a path in a container

    def test_no_image_is_of_a_tag_that_moves(self, manifests: list[Document]) -> None:
        """A version or a digest."""
        for pod in pods(manifests).values():
            for container in containers(pod):
                assert re.search(r"(:\d+\.\d+\.\d+|@sha256:[0-9a-f]{64})$", container["image"])


class TestSecrets:
    """They come from secrets that are there already, and nowhere else."""

    def test_no_manifest_holds_one(self, manifests: list[Document]) -> None:
        """Passwords and the store's URL are references."""
        assert not of_kind(manifests, "Secret")
        for pod in pods(manifests).values():
            for name, value in env_of(pod["spec"]["containers"][0]).items():
                if re.search(r"PASSWORD|STORE__URL", name):
                    assert set(value) == {"secretKeyRef"}, name

    def test_each_program_may_be_a_user_of_its_own(self) -> None:
        """Those that are not named are the common one."""
        users = {
            component: (
                env_of(pod["spec"]["containers"][0])["CKM__KAFKA__SECURITY__USERNAME"],
                env_of(pod["spec"]["containers"][0])["CKM__KAFKA__SECURITY__PASSWORD"][
                    "secretKeyRef"
                ]["name"],
            )
            for component, pod in pods(render(FULL_VALUES)).items()
            if component != "migrate"
        }

        assert users.pop("worker") == ("ckm-worker", "kafka-worker")
        assert set(users.values()) == {("ckm", "kafka")}

    def test_a_program_has_what_it_talks_to_and_no_more(self, manifests: list[Document]) -> None:
        """A profile worker knows no database; the migration no broker."""
        known = {
            component: {
                group
                for group in ("KAFKA", "STORE")
                if any(
                    name.startswith(f"CKM__{group}__")
                    for name in env_of(pod["spec"]["containers"][0])
                    if name != "CKM__KAFKA__UNIT_S"  # a setting of all
                )
            }
            for component, pod in pods(manifests).items()
        }

        assert known == {
            "worker": {"KAFKA"},
            "texts": {"KAFKA"},
            "topics": {"KAFKA"},
            "migrate": {"STORE"},
            "snapshots": {"KAFKA", "STORE"},
            "gateway": {"KAFKA", "STORE"},
        }

    def test_a_key_is_read_by_its_reader_alone(self) -> None:
        """Kubernetes lets a group read what it mounts, and the programs refuse that."""
        pod = pods(render(FULL_VALUES))["worker"]
        (first,) = pod["spec"]["initContainers"]
        env = env_of(pod["spec"]["containers"][0])
        mounts = {each["name"] for each in pod["spec"]["containers"][0]["volumeMounts"]}

        assert "install -m 0400" in first["command"][2]
        assert env["CKM__KAFKA__SECURITY__KEY_FILE"] == "/run/ckm/kafka/tls.key"
        assert "kafka-files" in mounts
        assert "kafka-secret" not in mounts

    def test_a_program_s_setting_wins_over_that_of_all(self) -> None:
        """And no variable is there twice."""
        levels = {}
        for component, pod in pods(render(FULL_VALUES)).items():
            (container,) = pod["spec"]["containers"]
            names = [each["name"] for each in container["env"]]
            assert len(set(names)) == len(names), component
            levels[component] = env_of(container)["CKM__LOG_LEVEL"]

        assert levels.pop("worker") == "WARNING"
        assert set(levels.values()) == {"DEBUG"}

    @pytest.mark.parametrize(
        ("given", "text"),
        [(15724800, "15724800"), (0.2, "0.2"), (3, "3"), ("[1.0, 0.5]", "[1.0, 0.5]")],
    )
    def test_a_number_is_written_as_it_was_given(self, given: object, text: str) -> None:
        """A large one too, which Helm would shorten to what no setting takes."""
        values = with_value("settings.CKM__SCORING__HALF_LIVES__TRUST", given)

        (container,) = pods(render(values))["worker"]["spec"]["containers"]

        assert env_of(container)["CKM__SCORING__HALF_LIVES__TRUST"] == text


class TestNetwork:
    """Shut both ways, but for what is asked for."""

    def policies(self, values: Mapping[str, Any]) -> list[Document]:
        """Return the network policies."""
        return [each["spec"] for each in render(values) if each["kind"] == "NetworkPolicy"]

    def test_by_default_nobody_gets_in(self) -> None:
        """And out go names, Kafka and the store."""
        (policy,) = self.policies(LEAST_VALUES)

        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert policy["ingress"] == []
        assert policy["podSelector"]["matchLabels"].keys() == {
            "app.kubernetes.io/name",
            "app.kubernetes.io/instance",
        }
        assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [
            [53, 53],
            [9092],
            [5432],
        ]

    def test_who_is_let_in_gets_to_one_port_alone(self) -> None:
        """Prometheus to the operations port, the ingress to the gateway."""
        every, gateway = self.policies(FULL_VALUES)

        (scraped,) = every["ingress"]
        (asked,) = gateway["ingress"]
        assert scraped["ports"] == [{"port": "operations", "protocol": "TCP"}]
        assert scraped["from"] == FULL_VALUES["networkPolicy"]["metricsFrom"]
        assert asked["ports"] == [{"port": "http", "protocol": "TCP"}]
        assert gateway["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"
        kafka = next(rule for rule in every["egress"] if rule["ports"][0]["port"] == 9093)
        assert kafka["to"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]

    def test_metrics_have_the_names_that_the_alerts_know(self) -> None:
        """Whatever the release is called."""
        jobs = {
            relabeling["replacement"]
            for each in of_kind(render(FULL_VALUES), "ServiceMonitor").values()
            for endpoint in each["spec"]["endpoints"]
            for relabeling in endpoint["relabelings"]
            if relabeling["targetLabel"] == "job"
        }

        assert jobs == {f"ckm-{each}" for each in PROGRAMS}
