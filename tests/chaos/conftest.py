"""What a chaos run works on: a broker behind a proxy, PostgreSQL that syncs, and its scale."""

import gc
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ckm_stream.operations.embedded import LOOPBACK
from ckm_stream.simulation.customers import SimulationPlan
from tests.chaos.proxy import Proxy
from tests.chaos.schedule import Schedule, seed_of_run
from tests.chaos.world import Plan, World, running, verdict
from tests.support.installation import Installation
from tests.support.kafka import KafkaServer
from tests.support.load import simulated_in_order
from tests.support.ports import new_port
from tests.support.postgres import PostgresServer

_RESULTS = Path("var/chaos")
PARTITIONS = 6
# kafka-python 3.0.12 leaves sockets to the collector that could not connect: the load's, while the
# broker is away. They may be collected as late as in the tests that follow.
_LEFT_SOCKETS = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; take no socket of the load's client for a scenario's."""
    items.sort(key=lambda item: item.path.name != "test_soak.py")
    for item in items:
        if item.get_closest_marker("chaos") is not None:
            item.add_marker(_LEFT_SOCKETS)


@dataclass(frozen=True, slots=True)
class Site:
    """The servers of a chaos session; the proxied address leads to the same broker."""

    kafka: KafkaServer
    proxy: Proxy
    postgres: PostgresServer

    @property
    def proxied(self) -> dict[str, str]:
        """The setting that makes a program reach the broker through the proxy."""
        return {"CKM__KAFKA__BOOTSTRAP_SERVERS": self.proxy.address}


@pytest.fixture(scope="session")
def is_full(pytestconfig: pytest.Config) -> bool:
    """Whether the run has the numbers that are promised, or a tenth of them."""
    return bool(pytestconfig.getoption("--chaos") == "full")


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Give the servers."""
    port, inner = new_port(), new_port()
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(LOOPBACK, inner))
        kafka = KafkaServer(
            port=port,
            ready_timeout_s=120,  # one that was killed recovers its logs, on a machine at work
            properties={
                "listeners": f"PLAINTEXT://{LOOPBACK}:{port},PROXIED://{LOOPBACK}:{inner},"
                f"CONTROLLER://{LOOPBACK}:{new_port()}",
                "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port},PROXIED://{proxy.address}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,"
                "CONTROLLER:PLAINTEXT",
            },
        )
        yield Site(
            stack.enter_context(kafka), proxy, stack.enter_context(PostgresServer(fsync=True))
        )


#: Starts a run; its history is judged with ``judged`` when it has ended.
Run = Callable[[Plan], AbstractContextManager[World]]


@pytest.fixture
def run(site: Site, tmp_path: Path) -> Iterator[Run]:
    """Give the function that starts runs, each on an installation of its own."""
    with ExitStack() as stack:

        def start(plan: Plan) -> AbstractContextManager[World]:
            schedule = Schedule(plan.scenario, seed_of_run())
            service = Installation(
                bootstrap_servers=site.kafka.bootstrap_servers,
                prefix=f"c{uuid.uuid4().hex[:8]}.",
                guarantee=plan.guarantee,
                store_url=stack.enter_context(site.postgres.fresh_database()),
                folder=tmp_path,
                extra={"CKM__KAFKA__PARTITIONS": str(PARTITIONS), **plan.settings},
            )
            stack.callback(service.close)
            simulated = SimulationPlan(
                customers=plan.customers,
                seed=schedule.seed,
                events_per_customer=1.3 * plan.events / plan.customers,
            )
            events = simulated_in_order(simulated, plan.events)
            return running(plan, service, events, schedule=schedule, path=history_of(plan))

        yield start
    gc.collect()  # so that hardly any of them is left to the tests that follow, or to the end


def history_of(plan: Plan) -> Path:
    """Return where the history of *plan* is; what has to fail lies apart."""
    folder = _RESULTS / "controls" if plan.scenario.startswith("control") else _RESULTS
    return folder / f"{plan.scenario}.jsonl"


def judged(plan: Plan) -> dict[str, Any]:
    """Return the checker's verdict of the run of *plan*."""
    return verdict(history_of(plan))
