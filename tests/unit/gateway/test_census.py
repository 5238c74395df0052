"""How many customers each class has, as Prometheus is told."""

from prometheus_client import CollectorRegistry

from ckm_stream.domain.score import SourceClass
from ckm_stream.gateway.census import Census
from ckm_stream.gateway.problems import unavailable
from ckm_stream.operations.metrics import GatewayMetrics
from ckm_stream.snapshots.stored import ClassSize


async def test_counts_are_told_as_long_as_they_are_known() -> None:
    """A class that nobody is in has 0; with the store away there is no series, not an old one."""
    registry = CollectorRegistry()
    store: dict[str, int] | None = None

    async def sizes() -> list[ClassSize]:
        if store is None:
            raise unavailable("away")
        return [ClassSize(source_class=name, customers=count) for name, count in store.items()]

    census = Census(sizes, GatewayMetrics(registry).customers)
    for store in ({"key_source": 3, "ordinary": 9}, {"ordinary": 12}):
        await census.count()
        assert _told(registry) == dict.fromkeys(SourceClass, 0) | store

    store = None
    await census.count()
    assert _told(registry) == {}


def _told(registry: CollectorRegistry) -> dict[str, float]:
    (family,) = [each for each in registry.collect() if each.name == "ckm_customers"]
    return {sample.labels["source_class"]: sample.value for sample in family.samples}
