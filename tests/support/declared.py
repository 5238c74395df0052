"""What the programs' metrics are called and labelled, taken from their declarations."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics import MetricWrapperBase

from ckm_stream.operations.health import Verdict
from ckm_stream.operations.metrics import (
    GatewayMetrics,
    SnapshotMetrics,
    TextMetrics,
    WorkerMetrics,
    new_registry,
)
from ckm_stream.operations.scraping import PoolConnections, Readiness

#: What Prometheus adds of its own: to every series, and for every target.
ADDED_LABELS: Final = frozenset({"job", "instance"})
ADDED_SERIES: Final = frozenset({"up"})
#: The declarations of each program, by its job in deploy/prometheus/prometheus.yml.
_PROGRAMS: Final = {
    "ckm-worker": WorkerMetrics,
    "ckm-snapshots": SnapshotMetrics,
    "ckm-texts": TextMetrics,
    "ckm-gateway": GatewayMetrics,
}
_SUFFIXES: Final = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}


def registry_of(job: str) -> CollectorRegistry:
    """Return a registry with all that the program of *job* declares."""
    registry = new_registry()
    _PROGRAMS[job](registry)
    registry.register(Readiness(lambda: Verdict(())))
    if job == "ckm-gateway":
        registry.register(PoolConnections(in_use=int, idle=int))
    return registry


@cache
def series_of(job: str) -> Mapping[str, frozenset[str]]:
    """Return the name of every series that the program of *job* exports, with its own labels."""
    series: dict[str, frozenset[str]] = {}
    # The only place that tells the labels of a metric that has no value yet.
    for collector in list(registry_of(job)._collector_to_names):
        declared = collector if isinstance(collector, MetricWrapperBase) else None
        for family in collector.collect():
            labels = frozenset(_labels(family if declared is None else declared))
            for suffix in _SUFFIXES.get(family.type, ("",)):
                extra = {"le"} if suffix == "_bucket" else set()
                series[family.name + suffix] = labels | extra
    return series


@cache
def declared_series() -> Mapping[str, frozenset[str]]:
    """Return the name of every series of all programs, with the labels that it may have."""
    series: dict[str, frozenset[str]] = dict.fromkeys(ADDED_SERIES, ADDED_LABELS)
    for job in _PROGRAMS:
        for name, labels in series_of(job).items():
            series[name] = series.get(name, frozenset()) | labels | ADDED_LABELS
    return series


def jobs() -> tuple[str, ...]:
    """Return the jobs of deploy/prometheus/prometheus.yml that export something declared here."""
    return tuple(_PROGRAMS)


def family_of(series: str) -> str:
    """Return the declaration that *series* belongs to: its name without a histogram's suffix."""
    for suffix in ("_bucket", "_count", "_sum"):
        if series.endswith(suffix):
            return series.removesuffix(suffix)
    return series


def _labels(owner: Metric | MetricWrapperBase) -> tuple[str, ...]:
    return tuple(getattr(owner, "_labelnames", ()))
