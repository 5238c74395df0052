"""Values for the Helm chart, and how its manifests are looked at."""

import copy
from collections.abc import Mapping
from typing import Any, Final

from tests.support.deployment import LEAST_VALUES, Document

PROGRAMS: Final = {"worker", "snapshots", "texts", "gateway"}
#: Everything turned on.
FULL_VALUES: Final[Mapping[str, Any]] = {
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
VALUES: Final[Mapping[str, Mapping[str, Any]]] = {"least": LEAST_VALUES, "full": FULL_VALUES}


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
