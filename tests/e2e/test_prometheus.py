"""
A real Prometheus scrapes the real programs: what each declares is there, and it moves.

The configuration is that of deploy/prometheus made fast, and the boards of deploy/grafana ask their
questions: none is refused, and what has something to show shows it. On real Kafka the gateway's
runbooks are followed too, as tests/e2e/test_runbooks.py does those of the workers.
"""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import Connection, NullPool, create_engine

from deploy.grafana.board import LAG_METRICS
from deploy.grafana.generate import BOARDS
from tests.e2e.conftest import Install, Simulated
from tests.e2e.test_health import black_hole, broker_pid  # noqa: F401 -- a fixture
from tests.support.declared import jobs, series_of
from tests.support.http import Gateway, running_gateway
from tests.support.installation import Installation
from tests.support.prometheus import Prometheus
from tests.support.promql import GRAFANA, filled
from tests.support.services import wait_until

pytestmark = pytest.mark.timeout(240)
_PATIENCE_S: Final = 90.0
#: Exported from the first time on that it happens, which it does not here.
_RARE: Final = re.compile(r"ckm_(events_dead_lettered|items_rejected)_total|process_max_fds")
#: Panels without a line as long as nothing is wrong, or nobody does it here, and why.
_EMPTY: Final = {
    "Set aside, by topic and reason": "no record is wrong",
    "Set aside": "no record is wrong, so there is no share of them",
    "Items that cannot be read": "every item can be",
    "Memory per customer": "the worker's customers are told with a delay",
}
_GATEWAY: Final = "ckm-gateway"
#: A limit that a test's storm is above, and seconds until a read or a batch is given up.
_SMALL: Final = {
    "CKM__GATEWAY__RATE_PER_S": "20",
    "CKM__GATEWAY__RATE_BURST": "20",
    "CKM__GATEWAY__QUERY_TIMEOUT_S": "2",
    "CKM__GATEWAY__ACK_TIMEOUT_S": "2",
    "CKM__GATEWAY__STORE_CONNECTIONS": "2",
    "CKM__HEALTH__SILENCE_S": "6",  # the tokens are read every 5 s
}


@contextmanager
def asked(
    gateway: Gateway, request: Callable[[httpx.Client], Any], *, threads: int = 4
) -> Iterator[None]:
    """Let callers ask without a pause, each with a token of its own, while the block runs."""
    ended = threading.Event()
    failures: list[Exception] = []

    def ask() -> None:
        with gateway.client() as client:
            while not ended.is_set():
                try:
                    request(client)
                except httpx.TimeoutException as error:
                    failures.append(error)
                ended.wait(0.02)

    callers = [threading.Thread(target=ask) for _ in range(threads)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        ended.set()
        for caller in callers:
            caller.join()
    assert failures == []  # the gateway answers whatever is away


@contextmanager
def forgotten_session(service: Installation) -> Iterator[Connection]:
    """Give a session of somebody else, which has a transaction open for as long as it likes."""
    engine = create_engine(service.settings.store.url.get_secret_value(), poolclass=NullPool)
    with engine.connect() as connection, connection.begin():
        yield connection


def feedback(number: int) -> dict[str, Any]:
    """Return an event with a number of its own."""
    return {
        "type": "feedback",
        "event_id": f"f-{number}",
        "source": "webshop",
        "customer_id": f"c-{number % 20}",
        "occurred_at": "2026-03-01T09:30:00Z",
        "recorded_at": "2026-03-01T09:30:02Z",
        "channel": "WEB",
        "feedback_id": f"fb-{number}",
        "kind": "SUGGESTION",
        "text": "Let me pause a delivery.",
        "topics": ["delivery"],
        "novelty": 0.6,
    }


def publish(client: httpx.Client, number: int) -> httpx.Response:
    """Publish one event by HTTP."""
    return client.post("/v1/events", json=feedback(number))


def test_prometheus_has_what_every_program_declares_and_the_boards_show_it(
    install: Install, simulated: Simulated, tmp_path: Path
) -> None:
    """Worker, snapshots, texts and gateway: the series are there, their values are those of us."""
    events = simulated(30, 300)
    service = install()
    texts = service.new_service("texts")
    service.start()
    texts.start()
    for program in (service.worker, service.snapshots, texts):
        program.wait_until_ready(timeout_s=_PATIENCE_S)

    with running_gateway(service) as gateway, gateway.client() as client:
        programs = {
            "ckm-worker": [service.worker],
            "ckm-snapshots": [service.snapshots],
            "ckm-texts": [texts],
            _GATEWAY: [gateway.service],
        }
        with Prometheus(tmp_path, programs) as prometheus:
            prometheus.wait_until_known("ckm_score_updates_total")
            before = prometheus.value("sum(ckm_score_updates_total)")
            service.publish(events)
            accepted = [publish(client, number).status_code for number in range(20)]
            refused = client.post("/v1/events", json={"type": "call"}).status_code
            reads = [client.get("/v1/overview").status_code for _ in range(5)]
            service.wait_until_consumed(timeout_s=_PATIENCE_S)
            moved_to(prometheus, "sum(ckm_events_consumed_total)", service)
            scraped = {job: prometheus.series(f'{{job="{job}"}}') for job in programs}
            empty = wait_for_lines(prometheus)
            seen = {
                expr: prometheus.value(expr)
                for expr in (
                    "sum(ckm_score_updates_total)",
                    'ckm_http_events_total{outcome="accepted"}',
                    'ckm_http_events_total{outcome="refused"}',
                    'sum(ckm_http_requests_total{route="/v1/overview", status="200"})',
                    "sum(ckm_events_unaccounted)",
                    "count(up == 1)",
                    "count(ckm_ready == 0) or vector(0)",
                )
            }

    assert set(programs) == set(jobs())
    for job in programs:
        missing = {name for name in series_of(job) if not _RARE.match(name)} - scraped[job]
        assert missing == set(), job
    assert (set(accepted), refused, set(reads)) == ({202}, 422, {200})
    assert before == 0
    assert seen.pop("sum(ckm_score_updates_total)") > 0  # type: ignore[operator] # it is known
    assert list(seen.values()) == [20, 1, 5, 0, 4, 0]
    assert empty <= set(_EMPTY)


def moved_to(prometheus: Prometheus, expression: str, service: Installation) -> None:
    """Wait until Prometheus has scraped what the worker has counted by now."""
    counted = service.metrics()["ckm_events_consumed_total"]
    assert counted > 0
    wait_until(
        lambda: prometheus.value(expression) == counted,
        timeout_s=_PATIENCE_S,
        what=lambda: f"{expression} = {counted}; it is {prometheus.value(expression)}",
    )


def wait_for_lines(prometheus: Prometheus) -> set[str]:
    """Wait until each panel has what it is to have; a rate is there with the second scrape."""
    empty: set[str] = set()

    def are_there() -> bool:
        empty.clear()
        empty.update(empty_panels(prometheus))
        return empty <= set(_EMPTY)

    wait_until(
        are_there, timeout_s=_PATIENCE_S, what=lambda: f"lines in {sorted(empty - set(_EMPTY))}"
    )
    return empty


def empty_panels(prometheus: Prometheus) -> set[str]:
    """
    Ask what all boards ask; return the titles of the panels without any line.

    Raises:
        ValueError: If Prometheus refuses a question.
    """
    empty: set[str] = set()
    values = {**GRAFANA, "$__rate_interval": "5m", "$lag_metric": LAG_METRICS[0]}
    for board in BOARDS:
        for panel in board.build().panels or []:
            targets = getattr(panel, "targets", None) or []
            found = 0
            for target in targets:
                found += prometheus.count(filled(target.expr, values))
            if targets and not found:
                empty.add(str(panel.title))
    return empty


def test_control_a_query_that_prometheus_refuses_would_be_noticed(
    install: Install, tmp_path: Path
) -> None:
    """PromQL that parses may still mean nothing, such as two series on one side."""
    service = install()
    service.worker.start()
    service.worker.wait_until_ready(timeout_s=_PATIENCE_S)

    with Prometheus(tmp_path, {"ckm-worker": [service.worker]}) as prometheus:
        prometheus.wait_until_known("ckm_ready")
        assert prometheus.count("ckm_ready") > 1
        with pytest.raises(ValueError, match=r"many-to-many|duplicate"):
            prometheus.count("ckm_ready * on (job) ckm_ready")


@pytest.mark.kafka
def test_a_gateway_whose_store_is_locked_is_told_and_gets_over_it(
    install: Install, tmp_path: Path
) -> None:
    """CkmStreamGatewayErrors, CkmStreamGatewaySlow, CkmStreamPoolExhausted: end the session."""
    service = install(store="postgresql")

    def read(client: httpx.Client) -> None:
        client.get("/v1/key-sources")

    with (
        running_gateway(service, **_SMALL | {"CKM__GATEWAY__RATE_PER_S": "1000"}) as gateway,
        Prometheus(tmp_path, {_GATEWAY: [gateway.service]}) as prometheus,
        asked(gateway, read),
    ):
        prometheus.wait_until_known('ckm_http_requests_total{status="200"}')
        with forgotten_session(service) as connection:
            connection.exec_driver_sql("LOCK TABLE current_score IN ACCESS EXCLUSIVE MODE")
            prometheus.wait_until_fires(
                ("CkmStreamGatewayErrors", _GATEWAY),
                ("CkmStreamGatewaySlow", _GATEWAY),
                ("CkmStreamPoolExhausted", _GATEWAY),
                ("CkmStreamNotReady", "store"),
            )
            check = service.run("check", "--as", "gateway")
        prometheus.wait_until_silent(
            "CkmStreamGatewayErrors", "CkmStreamGatewaySlow", "CkmStreamPoolExhausted"
        )

    print(check.stdout, gateway.service.log()[-3000:])
    assert "gateway.store_unavailable" in gateway.service.log()


@pytest.mark.kafka
def test_a_gateway_without_acknowledgements_and_one_in_a_storm_are_told(
    install: Install,
    broker_pid: int,  # noqa: F811 -- the fixture
    tmp_path: Path,
) -> None:
    """CkmStreamIngestUnacknowledged: bring the broker back. CkmStreamRateLimited: fewer calls."""
    service = install(store="postgresql")
    numbers = count()
    # Far below what four callers get through, however busy the machine is.
    few = {"CKM__GATEWAY__RATE_PER_S": "4", "CKM__GATEWAY__RATE_BURST": "4"}

    def send(client: httpx.Client) -> None:
        publish(client, next(numbers))

    with (
        running_gateway(service, **_SMALL | few) as gateway,
        Prometheus(tmp_path, {_GATEWAY: [gateway.service]}) as prometheus,
        gateway.client() as client,
    ):
        with asked(gateway, send):
            prometheus.wait_until_known('ckm_http_events_total{outcome="accepted"} > 0')
            prometheus.wait_until_fires(("CkmStreamRateLimited", _GATEWAY))
        prometheus.wait_until_silent("CkmStreamRateLimited")
        with asked(gateway, send), black_hole(broker_pid):
            prometheus.wait_until_fires(("CkmStreamIngestUnacknowledged", _GATEWAY))
            read = client.get("/v1/overview").status_code
        with asked(gateway, send, threads=1):
            prometheus.wait_until_silent("CkmStreamIngestUnacknowledged")

    assert read == httpx.codes.OK  # reads need no broker
    assert "gateway.unacknowledged" in gateway.service.log()
