"""The operations port: three paths, by GET, from threads of its own."""

import asyncio
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.embedded import is_port_free
from ckm_stream.operations.health import Health, Phase
from ckm_stream.operations.metrics import WorkerMetrics, new_registry
from ckm_stream.operations.ops_server import OpsServer
from ckm_stream.settings import HealthSettings

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def health() -> Health:
    """Give the health of a worker that starts."""
    return Health(HealthSettings())


@pytest.fixture(scope="module")
def server(health: Health) -> Iterator[OpsServer]:
    """Give a server of a worker's metrics and health; closing one takes half a second."""
    registry = new_registry()
    WorkerMetrics(registry)
    served = OpsServer(registry, health, host=HOST, port=0)
    yield served
    served.close()


def ask(server: OpsServer, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers and the body of an answer."""
    connection = HTTPConnection(HOST, server.port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_metrics_are_served_on_a_port_of_their_own(server: OpsServer) -> None:
    """A scrape gets the worker's metrics and the process's resources."""
    status, headers, body = ask(server, "/metrics")

    assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    assert b"ckm_build_info" in body
    assert b"process_resident_memory_bytes" in body
    assert b"_created" not in body


def test_closing_frees_the_port(health: Health) -> None:
    """Nothing is left behind."""
    server = OpsServer(CollectorRegistry(), health, host=HOST, port=0)

    server.close()

    assert is_port_free(server.port)


def test_health_is_a_status_and_a_document(server: OpsServer, health: Health) -> None:
    """503 until everything is well; a probe looks at the status, a person at the document."""
    health.enter(Phase.STARTING)
    starting = ask(server, "/readyz")
    health.enter(Phase.RUNNING)
    health.broker.answered()
    running = ask(server, "/readyz")

    def document(answer: tuple[int, dict[str, str], bytes]) -> Any:
        return json.loads(answer[2])

    assert (starting[0], document(starting)["status"]) == (503, "failing")
    assert (running[0], document(running)["status"]) == (200, "ok")
    assert document(starting)["checks"]["partitions"]["status"] == "failing"
    assert ask(server, "/livez")[0] == 200
    assert running[1]["Content-Type"] == "application/json"


async def test_health_is_answered_while_the_event_loop_does_not_run(server: OpsServer) -> None:
    """This test blocks the loop that it runs in, by asking."""
    assert asyncio.get_running_loop().is_running()

    assert ask(server, "/livez")[0] == 200


@pytest.mark.parametrize("path", ["/", "/metrics/", "/livez/x", "/favicon.ico", "/debug"])
def test_anything_else_is_not_found(server: OpsServer, path: str) -> None:
    """Three paths, no fourth."""
    assert ask(server, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz"])
def test_only_get_is_allowed(server: OpsServer, path: str, method: str) -> None:
    """Nothing can be changed through this port."""
    status, headers, body = ask(server, path, method)

    assert (status, headers["Allow"], body) == (405, "GET", b"")


def test_taken_port_is_refused_in_one_sentence(server: OpsServer, health: Health) -> None:
    """A second worker on the same port learns which port it is and what to set."""
    with pytest.raises(ConfigurationError) as caught:
        OpsServer(CollectorRegistry(), health, host=HOST, port=server.port)

    assert f"{HOST}:{server.port}" in str(caught.value)
    assert "CKM__METRICS__PROFILE_PORT" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_address_that_is_not_this_machine_s_is_refused(health: Health) -> None:
    """A name that nobody knows, too."""
    with pytest.raises(ConfigurationError, match=r"192\.0\.2\.1:0"):
        OpsServer(CollectorRegistry(), health, host="192.0.2.1", port=0)
