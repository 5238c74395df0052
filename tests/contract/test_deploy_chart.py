"""
The Helm chart, rendered by Helm's own engine: valid for Kubernetes, and restricted in every pod.

Restricted as the pod security standards have it; each field is asserted, in the defaults and with
everything turned on.
"""

import copy
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import kubernetes_validate  # type: ignore[import-untyped] # it has no types
import pytest
import yaml

from ckm_stream.gateway.server import _DRAIN_S
from tests.support.deployment import CHART, LEAST_VALUES, Document, helm, pods, render

_NEWEST: Final = kubernetes_validate.latest_version()
#: Of the custom resources of the Prometheus operator there is no schema here.
_FOREIGN: Final = {"ServiceMonitor"}
_WORKER_DRAIN_S: Final = 10
_PROGRAMS: Final = {"worker", "snapshots", "texts", "gateway"}
_FULL_VALUES: Final[Mapping[str, Any]] = {
    "image": {"digest": f"sha256:{'0a' * 32}"},
    "imagePullSecrets": [{"name": "pull"}],
    "kafka": {
        "bootstrapServers": "a:9093,b:9093",
        "security": {
            "protocol": "SASL_SSL",
            "username": "ckm",
            "existingSecret": "kafka",
            "tls": {
                "existingSecret": "kafka-tls",
                "files": {"ca": "ca.crt", "certificate": "tls.crt", "key": "tls.key"},
            },
        },
    },
    "registry": {"url": "https://registry", "username": "ckm", "existingSecret": "registry"},
    "store": {"existingSecret": "ckm-store"},
    "settings": {"CKM__LOG_LEVEL": "DEBUG", "CKM__KAFKA__UNIT_S": 0.2},
    "worker": {
        "settings": {"CKM__LOG_LEVEL": "WARNING"},
        "kafkaUser": {"username": "ckm-worker", "existingSecret": "kafka-worker"},
        "persistence": {"enabled": True, "storageClassName": "fast"},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "ckm", "operator": "Exists"}],
        "priorityClassName": "high",
    },
    "gateway": {"tls": {"existingSecret": "gateway-tls"}, "podAnnotations": {"a": "b"}},
    "networkPolicy": {
        "gatewayFrom": [{"namespaceSelector": {"matchLabels": {"ingress": "yes"}}}],
        "metricsFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
        "egress": {"kafka": {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [9093]}},
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
}
_VALUES: Final[Mapping[str, Mapping[str, Any]]] = {"least": LEAST_VALUES, "full": _FULL_VALUES}


@pytest.fixture(scope="module", params=list(_VALUES))
def manifests(request: pytest.FixtureRequest) -> list[Document]:
    """Give the manifests of the defaults, and those with everything turned on."""
    return render(_VALUES[request.param])


def of_kind(manifests: list[Document], kind: str) -> dict[str, Document]:
    """Return the manifests of one kind, by their component."""
    return {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each
        for each in manifests
        if each["kind"] == kind
    }


def with_value(path: str, value: Any) -> dict[str, Any]:
    """Return the least values, and one more at *path*, such as ``worker.replicas``."""
    values: dict[str, Any] = copy.deepcopy(dict(LEAST_VALUES))
    *groups, last = path.split(".")
    place = values
    for group in groups:
        place = place.setdefault(group, {})
    place[last] = value
    return values


def containers(pod: Mapping[str, Any]) -> list[Document]:
    """Return all containers of a pod, those that only prepare it included."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def env_of(container: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of a container: the value, or where it comes from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


class TestValid:
    """For Helm, and for Kubernetes."""

    @pytest.mark.parametrize("values", list(_VALUES.values()), ids=list(_VALUES))
    def test_helm_s_lint_has_nothing_to_say(self, values: dict[str, Any]) -> None:
        """Strictly; but for an icon, which it would like."""
        report = helm().chart.lint(CHART, values, strict=True)

        assert report["errors"] == []
        assert [each for each in report["messages"] if "icon" not in each["error"]] == []

    @pytest.mark.parametrize("version", ["1.29", _NEWEST])
    def test_kubernetes_takes_every_manifest(self, manifests: list[Document], version: str) -> None:
        """The oldest release that the chart is for, and the newest; no unknown field either."""
        kinds = {each["kind"] for each in manifests}
        for each in manifests:
            if each["kind"] not in _FOREIGN:
                kubernetes_validate.validate(each, version, strict=True)

        oldest = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]
        assert oldest.startswith(">=1.29.")
        assert kinds >= {"StatefulSet", "Deployment", "Job", "Service", "ServiceAccount"}
        assert kinds >= {"PodDisruptionBudget", "NetworkPolicy"}

    def test_control_kubernetes_would_refuse_an_unknown_field(self) -> None:
        """Such as a slip in a pod's security."""
        manifest = copy.deepcopy(of_kind(render(), "StatefulSet")["worker"])
        manifest["spec"]["template"]["spec"]["securityContext"]["runAsNotRoot"] = True

        with pytest.raises(kubernetes_validate.ValidationError, match="runAsNotRoot"):
            kubernetes_validate.validate(manifest, _NEWEST, strict=True)

    def test_no_two_manifests_have_one_name(self, manifests: list[Document]) -> None:
        """And no name is too long for a label, whatever the release is called."""
        names = [(each["kind"], each["metadata"]["name"]) for each in manifests]

        assert len(set(names)) == len(names)
        assert max(len(name) for _, name in names) <= 63

    def test_the_chart_is_of_the_release_of_the_package(self) -> None:
        """What it installs by default is the image of this version."""
        project = tomllib.loads((CHART.parents[2] / "pyproject.toml").read_text())["project"]
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

        assert chart["appVersion"] == project["version"]


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


class TestRunning:
    """Probes, updates, ends."""

    def test_every_program_has_its_three_probes(self, manifests: list[Document]) -> None:
        """On its operations port; a start may take longer than the patience for a cluster."""
        for component in _PROGRAMS:
            (container,) = pods(manifests)[component]["spec"]["containers"]
            probes = {
                kind: container[f"{kind}Probe"]["httpGet"]
                for kind in ("startup", "liveness", "readiness")
            }
            start = container["startupProbe"]

            assert probes == {
                "startup": {"path": "/livez", "port": "operations"},
                "liveness": {"path": "/livez", "port": "operations"},
                "readiness": {"path": "/readyz", "port": "operations"},
            }
            assert start["periodSeconds"] * start["failureThreshold"] > 2 * 30

    def test_a_program_has_longer_to_stop_than_it_takes(self, manifests: list[Document]) -> None:
        """The gateway also waits until everybody has heard that it leaves."""
        for component in _PROGRAMS:
            spec = pods(manifests)[component]["spec"]
            (container,) = spec["containers"]
            hook = container.get("lifecycle", {}).get("preStop", {}).get("exec", {})
            pause = int(hook["command"][1]) if hook else 0
            assert bool(hook) is (component == "gateway")
            drain = _DRAIN_S if component == "gateway" else _WORKER_DRAIN_S
            assert spec["terminationGracePeriodSeconds"] > pause + drain, component

    def test_workers_are_stateful_sets_and_the_gateway_a_deployment(
        self, manifests: list[Document]
    ) -> None:
        """Both are updated one by one, and a budget keeps evictions at that."""
        sets, deployments = of_kind(manifests, "StatefulSet"), of_kind(manifests, "Deployment")
        budgets = of_kind(manifests, "PodDisruptionBudget")

        assert set(sets) == {"worker", "snapshots", "texts"}
        assert set(deployments) == {"gateway"}
        assert set(budgets) == _PROGRAMS
        for component, each in sets.items():
            assert each["spec"]["updateStrategy"] == {"type": "RollingUpdate"}
            services = of_kind(manifests, "Service")
            assert each["spec"]["serviceName"] == services[component]["metadata"]["name"]
        for component, budget in budgets.items():
            assert budget["spec"]["maxUnavailable"] == 1
            workload = {**sets, **deployments}[component]
            assert budget["spec"]["selector"] == workload["spec"]["selector"]

    def test_every_selector_finds_the_pods_that_it_is_for(self, manifests: list[Document]) -> None:
        """Of services, monitors, policies and workloads."""
        labels = {name: pod["metadata"]["labels"] for name, pod in pods(manifests).items()}
        for component, each in of_kind(manifests, "Service").items():
            assert each["spec"]["selector"].items() <= labels[component].items()
            others = [labels[name] for name in labels if name != component]
            assert not any(each["spec"]["selector"].items() <= other.items() for other in others)

    def test_topics_and_tables_come_before_the_programs(self, manifests: list[Document]) -> None:
        """As hooks of an installation and of an upgrade; what has to be changed is not retried."""
        jobs = of_kind(manifests, "Job")

        assert set(jobs) == {"topics", "migrate"}
        for component, job in jobs.items():
            annotations = job["metadata"]["annotations"]
            (rule,) = job["spec"]["podFailurePolicy"]["rules"]
            assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
            assert rule == {
                "action": "FailJob",
                "onExitCodes": {"containerName": component, "operator": "In", "values": [2]},
            }
            assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
            # What is made with the release is not there yet.
            assert "serviceAccountName" not in job["spec"]["template"]["spec"]

    def test_nothing_but_the_jobs_is_a_hook(self, manifests: list[Document]) -> None:
        """A hook is not part of the release, and would stay behind."""
        hooks = {
            each["kind"]
            for each in manifests
            if "helm.sh/hook" in each["metadata"].get("annotations", {})
        }

        assert hooks == {"Job"}


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
            for component, pod in pods(render(_FULL_VALUES)).items()
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
        pod = pods(render(_FULL_VALUES))["worker"]
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
        for component, pod in pods(render(_FULL_VALUES)).items():
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
        every, gateway = self.policies(_FULL_VALUES)

        (scraped,) = every["ingress"]
        (asked,) = gateway["ingress"]
        assert scraped["ports"] == [{"port": "operations", "protocol": "TCP"}]
        assert scraped["from"] == _FULL_VALUES["networkPolicy"]["metricsFrom"]
        assert asked["ports"] == [{"port": "http", "protocol": "TCP"}]
        assert gateway["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"
        kafka = next(rule for rule in every["egress"] if rule["ports"][0]["port"] == 9093)
        assert kafka["to"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]

    def test_metrics_have_the_names_that_the_alerts_know(self) -> None:
        """Whatever the release is called."""
        jobs = {
            relabeling["replacement"]
            for each in of_kind(render(_FULL_VALUES), "ServiceMonitor").values()
            for endpoint in each["spec"]["endpoints"]
            for relabeling in endpoint["relabelings"]
            if relabeling["targetLabel"] == "job"
        }

        assert jobs == {f"ckm-{each}" for each in _PROGRAMS}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("image.tag", "latest"),
        ("kafka.bootstrapServers", "kafka"),
        ("kafka.partitions", 0),
        ("kafka.security.username", "who"),
        ("kafka.security.protocol", "SASL_PLAINTEXT"),
        ("registry.url", "https://who:pass@registry"),
        ("store.existingSecret", ""),
        ("store.url", "postgresql://ckm:secret@db/ckm"),
        ("settings.CKM__STORE__URL", "postgresql://ckm:secret@db/ckm"),
        ("settings.CKM__KAFKA__SECURITY__PASSWORD", "secret"),
        ("settings.CKM__METRICS__PROFILE_PORT", 1),
        ("settings.PATH", "/"),
        ("worker.replica", 3),
        ("worker.terminationGracePeriodSeconds", 5),
        ("worker.podDisruptionBudget.minAvailable", 1),
        ("worker.resources.limits.memory", None),
        ("gateway.service.type", "ExternalName"),
    ],
)
def test_a_value_that_cannot_be_is_refused(path: str, value: Any) -> None:
    """By the schema, before anything is rendered."""
    with pytest.raises(helm().HelmError):
        render(with_value(path, value))


@pytest.mark.parametrize("missing", ["kafka", "store"])
def test_what_has_to_be_given_is_asked_for(missing: str) -> None:
    """Brokers and store have no default."""
    values = {name: each for name, each in LEAST_VALUES.items() if name != missing}

    with pytest.raises(helm().HelmError, match=missing):
        render(values)


def test_what_can_be_left_out_is_left_out() -> None:
    """Text workers, the gateway, the jobs, the account and the network policy."""
    values = copy.deepcopy(dict(LEAST_VALUES)) | {
        "texts": {"enabled": False},
        "gateway": {"enabled": False},
        "jobs": {"topics": {"enabled": False}, "migrate": {"enabled": False}},
        "serviceAccount": {"create": False},
        "networkPolicy": {"enabled": False},
    }

    manifests = render(values)

    assert set(pods(manifests)) == {"worker", "snapshots"}
    assert {each["kind"] for each in manifests} == {
        "StatefulSet",
        "Service",
        "PodDisruptionBudget",
    }


def test_every_value_has_a_place_in_the_schema() -> None:
    """So that no default is refused later, and none is unknown to it."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    assert set(values) | {"global"} == set(schema["properties"])


def test_nothing_else_lies_in_the_chart() -> None:
    """What is packaged is what is tested."""
    files = {str(path.relative_to(CHART)) for path in CHART.rglob("*") if path.is_file()}

    assert files == {
        *("Chart.yaml", "values.yaml", "values.schema.json", ".helmignore"),
        *(
            f"templates/{Path(name)}"
            for name in (
                *("_helpers.tpl", "NOTES.txt", "workers.yaml", "gateway.yaml", "jobs.yaml"),
                *("budgets.yaml", "networkpolicy.yaml", "serviceaccount.yaml"),
                "servicemonitor.yaml",
            )
        ),
    }
