"""
Brokers for the whole suite, and which tests run on which.

``pytest`` runs everything that needs nothing but pip; tests of real Kafka are left out.
``pytest --broker=kafka`` runs the tests that use a broker, and those alone, on real Apache Kafka.
A broker starts when the first test asks for it and ends with the session, also after Ctrl-C.
"""

import os
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from ckm_stream.operations.embedded import EmbeddedBroker
from tests.support.broker import Broker, BrokerKind
from tests.support.databases import (  # noqa: F401 -- fixtures for all tests
    postgres_server,
    postgres_url,
    store,
    store_url,
)
from tests.support.kafka import KafkaServer

# No deadline, because a shared machine's pauses are nobody's fault.
settings.register_profile(
    "laws",
    max_examples=50,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("laws")

_KAFKA_START_S = 300  # the first start may have to fetch 45 MB of jars


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--broker``; the environment variable CKM_TEST_BROKER gives its default."""
    parser.addoption(
        "--broker",
        choices=[str(kind) for kind in BrokerKind],
        default=os.environ.get("CKM_TEST_BROKER", BrokerKind.EMBEDDED),
        help="what the tests that use a broker run on (default: embedded)",
    )
    parser.addoption(
        "--chaos",
        choices=["quick", "full"],
        help="run the chaos tier, and nothing else, at this scale",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by the brokers they ask for, and leave out those of the other broker."""
    on_kafka = _broker_kind(config) is BrokerKind.KAFKA
    chaos = config.getoption("--chaos")
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        names = getattr(item, "fixturenames", ())
        if "kafka_server" in names:
            item.add_marker(pytest.mark.kafka)
        if "embedded_broker" in names:
            item.add_marker(pytest.mark.embedded)
        needs_kafka = item.get_closest_marker("kafka") is not None
        # A first start on a new machine fetches the jars within the time limit of its test.
        if on_kafka and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_KAFKA_START_S))
        is_chaos = item.get_closest_marker("chaos") is not None
        if is_chaos or chaos is not None:
            is_long = item.get_closest_marker("only_full") is not None
            wanted = is_chaos and (chaos == "full" or (chaos == "quick" and not is_long))
        elif on_kafka:
            # What is of a browser or of HTTP alone is the same on any broker: once is enough.
            is_once = item.get_closest_marker("embedded") is not None
            wanted = needs_kafka or ("broker" in names and not is_once)
        else:
            wanted = not needs_kafka
        (kept if wanted else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[EmbeddedBroker]:
    """Give the embedded broker of this session."""
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """Give the real Kafka broker of this session; tests that ask for it are marked ``kafka``."""
    with KafkaServer() as server:
        yield server


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Broker:
    """Give the broker that ``--broker`` names; tests that ask for it run on either."""
    kind = _broker_kind(request.config)
    fixture = "kafka_server" if kind is BrokerKind.KAFKA else "embedded_broker"
    running: KafkaServer | EmbeddedBroker = request.getfixturevalue(fixture)
    return Broker(running.bootstrap_servers, kind)


@pytest.fixture
def topic_prefix() -> str:
    """Give a prefix for topics and groups that no other test has, such as ``t3f2a91c0.``."""
    return f"t{uuid.uuid4().hex[:8]}."


def _broker_kind(config: pytest.Config) -> BrokerKind:
    return BrokerKind(config.getoption("--broker"))
