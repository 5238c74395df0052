"""
The examples, run as they are: as programs of their own, against the real ones.

What they print and what becomes of what they send is compared with what the service says of itself.
All but the publisher's run where ``ckm_stream`` cannot be imported.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, select

from ckm_stream.snapshots.tables import CLASS_HISTORY, CURRENT_SCORE
from ckm_stream.snapshots.tokens import Scope
from tests.e2e.conftest import Install, Simulated
from tests.support.examples import run_example
from tests.support.http import Gateway, running_gateway
from tests.support.installation import Installation
from tests.support.unreliable import unreliable

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def service(install: Install) -> Installation:
    """Give an installation with both workers."""
    running = install()
    running.start()
    return running


@pytest.fixture
def gateway(service: Installation) -> Iterator[Gateway]:
    """Give a gateway of it."""
    with running_gateway(service) as running:
        yield running


@pytest.fixture
def announced(service: Installation, simulated: Simulated) -> Installation:
    """Give an installation that has announced scores of 60 customers."""
    events = simulated(60, 700)
    service.publish(events)
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()
    return service


def publishing(gateway: Gateway) -> dict[str, str]:
    """Return the settings of the web back end."""
    return {"CKM_GATEWAY_URL": gateway.address, "CKM_TOKEN": gateway.token(Scope.PUBLISH)}


def consuming(service: Installation) -> dict[str, str]:
    """Return the settings of a consumer of score updates."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": service.settings.kafka.bootstrap_servers,
        "KAFKA_GROUP": f"{service.settings.kafka.topic_prefix}somebody-else",
        "KAFKA_TOPIC": service.topics.score_updated,
    }


def scores(engine: Engine) -> dict[str, tuple[float, str, int]]:
    """Return total, class and version of every customer in the store."""
    columns = CURRENT_SCORE.c
    with engine.connect() as connection:
        found = connection.execute(
            select(columns.customer_id, columns.total, columns.source_class, columns.version)
        )
        return {row[0]: (row[1], row[2], row[3]) for row in found}


def class_changes(engine: Engine) -> list[tuple[str, str, str]]:
    """Return (customer, class before, class) of every change in the store."""
    columns = CLASS_HISTORY.c
    with engine.connect() as connection:
        found = connection.execute(
            select(columns.customer_id, columns.previous_class, columns.source_class)
        )
        return sorted((row[0], str(row[1]), row[2]) for row in found)


def test_a_call_centres_records_become_calls_that_count_once(service: Installation) -> None:
    """Wrong ones are named with line and reason; sent twice, the others count once."""
    first = run_example("call_centre.py", "calls.jsonl", env=service.env, with_ours=True)
    again = run_example("call_centre.py", "calls.jsonl", env=service.env, with_ours=True)
    service.wait_until_consumed()
    service.wait_until_quiet()

    assert first == (
        1,
        "3 published, 1 refused\n",
        "line 3: out_of_range: satisfaction must be within 1..5\n",
    )
    assert again == first
    counts = service.metrics()
    # The calls, and what the employees who took them are told of each.
    assert counts["ckm_events_deduplicated_total"] >= 3
    assert counts.get("ckm_events_dead_lettered_total", 0) == 0
    assert {name: each[2] for name, each in scores(service.engine).items()} == {
        "c-1001": 2,
        "c-1002": 1,
    }


def test_a_web_back_end_sends_again_until_its_event_is_acknowledged(gateway: Gateway) -> None:
    """Of three tries one is refused and one's answer is lost; the customer has one event."""
    service = gateway.installation

    with unreliable(gateway.address) as front:
        ended = run_example(
            "web_backend.py",
            "c-7",
            "Let me pause a delivery.",
            env=publishing(gateway) | {"CKM_GATEWAY_URL": front.url},
        )
    service.wait_until_consumed()
    service.wait_until_quiet()
    with gateway.client(Scope.READ) as client:
        profile: Any = client.get("/v1/customers/c-7").json()

    assert ended.code == 0, ended.errors
    assert re.fullmatch(r"[0-9a-f-]{36} accepted\n", ended.output)
    tries = [line.partition(",")[0] for line in ended.errors.splitlines()]
    assert tries == ["status 503", "status 502"]
    assert front.ids == [ended.output.split()[0]] * 3
    assert service.metrics()["ckm_events_deduplicated_total"] == 1
    assert (profile["customer_id"], profile["version"]) == ("c-7", 1)
    assert [item["text"] for item in profile["from"]["items"]] == ["Let me pause a delivery."]


def test_a_web_back_end_tells_wrong_events_from_a_gateway_that_is_away(gateway: Gateway) -> None:
    """A wrong event, an unknown token and no gateway have exit codes and sentences of their own."""
    env = publishing(gateway)

    wrong = run_example("web_backend.py", " ", "Nobody said this.", env=env)
    stranger = run_example("web_backend.py", "c-8", "Hello.", env=env | {"CKM_TOKEN": "ckm_a_b"})
    gateway.service.stop()
    away = run_example("web_backend.py", "c-8", "Hello.", env=env | {"CKM_PATIENCE_S": "0.5"})

    assert wrong.code == 1, wrong
    assert wrong.errors.startswith("refused: $")
    assert stranger.code == 2, stranger
    assert stranger.errors.startswith("not authorised: ")
    assert away.code == 75, away
    assert away.errors.startswith("not acknowledged: 0 ")


def test_confluent_kafka_keeps_the_newest_score_of_each_customer(announced: Installation) -> None:
    """What it prints is what the store has, for every customer, greatest total first."""
    ended = run_example("consume_confluent.py", env=consuming(announced))

    assert ended.code == 0, ended.errors
    assert {
        each["customer_id"]: (each["total"], each["source_class"], each["version"])
        for each in ended.rows
    } == scores(announced.engine)
    totals = [each["total"] for each in ended.rows]
    assert len(totals) > 40
    assert totals == sorted(totals, reverse=True)


def test_kafka_python_tells_every_change_of_class_once(announced: Installation) -> None:
    """Two runs of one group together tell what the store's class history has, with reasons."""
    env = consuming(announced)

    first = run_example("consume_kafka_python.py", "--count", "5", env=env)
    second = run_example("consume_kafka_python.py", "--idle", "8", env=env)

    assert (first.code, second.code) == (0, 0), first.errors + second.errors
    assert len(first.rows) == 5
    told = first.rows + second.rows
    assert sorted((each["customer_id"], str(each["from"]), each["to"]) for each in told) == (
        class_changes(announced.engine)
    )
    reasons = [why for each in told for why in each["why"]]
    assert len(reasons) == 3 * len(told)
    assert [why for why in reasons if not re.fullmatch(r"[VWA][1-4] [+-]\d\.\d{3}", why)] == []


def test_control_an_example_that_imports_our_package_is_found_out() -> None:
    """The consumers' independence is really tested: the publisher's example fails like that."""
    ended = run_example("call_centre.py", "calls.jsonl", env={})

    assert ended.code == 1
    assert "ModuleNotFoundError" in ended.errors
