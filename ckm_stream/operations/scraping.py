"""Metrics that are computed when they are asked for, instead of being counted."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import Counter, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ckm_stream.operations.health import Verdict


class PoolConnections(Collector):
    """Tells at each scrape how many connections to the store there are."""

    def __init__(self, in_use: Callable[[], int], idle: Callable[[], int]) -> None:
        self._states = {"in_use": in_use, "idle": idle}

    def collect(self) -> Iterable[Metric]:
        """Yield the connections of each state."""
        family = GaugeMetricFamily(
            "ckm_db_pool_connections",
            "Connections to the store.",
            labels=("state",),
        )
        for state, count in self._states.items():
            family.add_metric((state,), count())
        yield family


class Conservation(Collector):
    """
    Computes the conservation law at each scrape (promise P6).

    Args:
        consumed: Counts what was consumed, by topic among others.
        verdicts: Count what became of it, likewise.
    """

    def __init__(self, consumed: Counter, verdicts: Sequence[Counter]) -> None:
        self._consumed = consumed
        self._verdicts = verdicts

    def collect(self) -> Iterable[Metric]:
        """Yield consumed minus applied, deduplicated and dead-lettered, per topic."""
        family = GaugeMetricFamily(
            "ckm_events_unaccounted",
            "Consumed records without a verdict; anything but 0 is a defect.",
            labels=("topic",),
        )
        # Verdicts first: a unit committed meanwhile shows as waiting, never as counted twice.
        verdicts = [_by_topic(counter) for counter in self._verdicts]
        for topic, consumed in _by_topic(self._consumed).items():
            family.add_metric((topic,), consumed - sum(each.get(topic, 0.0) for each in verdicts))
        yield family


class Readiness(Collector):
    """Tells at each scrape what ``/readyz`` would say, check by check."""

    def __init__(self, ready: Callable[[], Verdict]) -> None:
        self._ready = ready

    def collect(self) -> Iterable[Metric]:
        """Yield whether each check is well."""
        family = GaugeMetricFamily(
            "ckm_ready",
            "1 if this check of the readiness is well, else 0; ready if all are.",
            labels=("check",),
        )
        for check in self._ready().checks:
            family.add_metric((check.name,), float(check.ok))
        yield family


def _by_topic(counter: Counter) -> dict[str, float]:
    sums: dict[str, float] = {}
    for family in counter.collect():
        for sample in family.samples:
            topic = sample.labels["topic"]
            sums[topic] = sums.get(topic, 0.0) + sample.value
    return sums
