"""Installations for the end-to-end tests: each with topics, groups and a store of its own."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.settings import Guarantee
from ckm_stream.simulation.customers import SimulationPlan
from tests.support.broker import Broker, BrokerKind
from tests.support.installation import Installation
from tests.support.load import simulated_in_order
from tests.support.postgres import PostgresServer

#: Of a parameter ``transport``: Faust's stock one takes its turn on real Kafka.
TRANSPORTS = ["ckm", pytest.param("kafka", marks=pytest.mark.kafka)]


class Install(Protocol):
    """Makes an installation; it is stopped when the test ends."""

    def __call__(
        self,
        guarantee: Guarantee | None = None,
        *,
        store: str | None = None,
        transport: str = "ckm",
        extra: dict[str, str] | None = None,
    ) -> Installation:
        """
        Make an installation with its topics provisioned and its store migrated.

        On Kafka, it is one for production unless told otherwise: transactions and PostgreSQL.
        """


@pytest.fixture(params=list(Guarantee), ids=str)
def guarantee(request: pytest.FixtureRequest, broker: Broker) -> Guarantee:
    """Give each guarantee that the session's broker has."""
    wanted = Guarantee(request.param)
    if wanted not in broker.guarantees:
        pytest.skip(f"the {broker.kind} broker has no transactions: no {wanted}")
    return wanted


@pytest.fixture
def install(
    broker: Broker, topic_prefix: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Install]:
    """Give the function that makes installations on the session's broker."""
    with ExitStack() as stack:

        def make(
            guarantee: Guarantee | None = None,
            *,
            store: str | None = None,
            transport: str = "ckm",
            extra: dict[str, str] | None = None,
        ) -> Installation:
            is_kafka = broker.kind is BrokerKind.KAFKA
            if (store or ("postgresql" if is_kafka else "sqlite")) == "postgresql":
                server: PostgresServer = request.getfixturevalue("postgres_server")
                store_url = stack.enter_context(server.fresh_database())
            else:
                store_url = f"sqlite:///{tmp_path}/ckm.db"
            installation = Installation(
                bootstrap_servers=broker.bootstrap_servers,
                prefix=topic_prefix,
                guarantee=guarantee or broker.guarantees[0],
                store_url=store_url,
                folder=tmp_path,
                transport=transport,
                extra={**_limits_of(broker), **(extra or {})},
            )
            stack.callback(installation.close)
            return installation

        yield make


def _limits_of(broker: Broker) -> dict[str, str]:
    """Return the settings that a broker calls for; the embedded one knows no producer ids."""
    if broker.kind is not BrokerKind.EMBEDDED:
        return {}
    # The first member of its groups waits half the session timeout for others.
    return {"CKM__KAFKA__IDEMPOTENCE": "false", "CKM__KAFKA__SESSION_TIMEOUT_S": "2"}


Simulated = Callable[[int, int], list[TouchpointEvent]]


@pytest.fixture
def simulated() -> Simulated:
    """Give the function that simulates the events of some customers, in time order."""

    def make(customers: int, events: int) -> list[TouchpointEvent]:
        plan = SimulationPlan(
            customers=customers,
            seed=int(os.environ.get("CKM_TEST_SEED", "7")),
            events_per_customer=2.0 * events / customers,
        )
        return simulated_in_order(plan, events)

    return make
