"""The Helm chart, rendered by Helm's own engine: valid for Kubernetes, and run as it should be."""

import copy
import json
import tomllib
from pathlib import Path
from typing import Any, Final

import kubernetes_validate  # type: ignore[import-untyped] # it has no types
import pytest
import yaml

from ckm_stream.gateway.server import _DRAIN_S
from tests.support.charts import PROGRAMS, VALUES, of_kind, with_value
from tests.support.deployment import CHART, LEAST_VALUES, Document, helm, pods, render

_NEWEST: Final = kubernetes_validate.latest_version()
#: Of the custom resources of the Prometheus operator there is no schema here.
_FOREIGN: Final = {"ServiceMonitor"}
_WORKER_DRAIN_S: Final = 10


class TestValid:
    """For Helm, and for Kubernetes."""

    @pytest.mark.parametrize("values", list(VALUES.values()), ids=list(VALUES))
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


class TestRunning:
    """Probes, updates, ends."""

    def test_every_program_has_its_three_probes(self, manifests: list[Document]) -> None:
        """On its operations port; a start may take longer than the patience for a cluster."""
        for component in PROGRAMS:
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
        for component in PROGRAMS:
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
        assert set(budgets) == PROGRAMS
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
