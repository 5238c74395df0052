"""Nothing that customers say or are, and no secret, is in a log line or a metric (promise P17)."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import Call, CallOutcome, Direction, Feedback, FeedbackKind
from ckm_stream.settings import CoreKind
from tests.e2e.conftest import Install
from tests.support.http import running_gateway
from tests.support.installation import Installation
from tests.support.producing import RawRecord, produce_raw
from tests.support.services import Service

#: In every field of an event that is text, each with its field's name.
_MARK = "zq7431"
_WHEN = 1_790_000_000_000_000
_SECRET = "zq7431-registry-password"


def marked(number: int) -> list[Call | Feedback]:
    """Return two events with a mark wherever there is room for words."""
    head: dict[str, Any] = {
        "source": f"{_MARK}-source",
        "customer_id": f"{_MARK}-customer-{number % 3}",
        "occurred_at": _WHEN + number,
        "recorded_at": _WHEN + number,
        "topics": (f"{_MARK}-topic",),
        "correlation_id": f"{_MARK}-correlation",
        "referred_by": f"{_MARK}-referrer",
        "employee_id": f"{_MARK}-employee",
    }
    call = Call(
        event_id=f"{_MARK}-call-{number}",
        direction=Direction.INBOUND,
        outcome=CallOutcome.ANSWERED,
        reason=f"{_MARK}-reason",
        note=f"{_MARK}-note",
        **head,
    )
    feedback = Feedback(
        event_id=f"{_MARK}-feedback-{number}",
        feedback_id=f"{_MARK}-id",
        kind=FeedbackKind.IDEA,
        text=f"{_MARK} text",
        product=f"{_MARK}-product",
        **head,
    )
    return [call, feedback]


def bad_records(installation: Installation) -> list[RawRecord]:
    """Return records that are set aside, with marks in key, value and headers."""
    topic = installation.topics.of(Source.CALL)
    (call, _) = marked(0)
    value = installation.codec.encode(call)
    mark = _MARK.encode()
    return [
        RawRecord(topic, mark, value, headers=((_MARK, mark),)),  # the key of somebody else
        RawRecord(topic, mark, mark),
        RawRecord(topic, mark, value[:-7]),
        RawRecord(topic, None, value),
    ]


def said(installation: Installation, services: Iterable[Service]) -> str:
    """Return all that the programs have logged, and all metrics that they export."""
    texts = []
    for each in services:
        texts += [each.log(), httpx.get(f"http://127.0.0.1:{each.port}/metrics").text]
    assert all(texts)
    installation.assert_running()
    return "".join(texts)


@pytest.mark.parametrize("core", [CoreKind.COMPILED, CoreKind.PYTHON])
def test_no_program_tells_what_it_works_on(install: Install, core: CoreKind) -> None:
    """All four at DEBUG, on good and bad records, with requests that go wrong."""
    installation = install(extra={"CKM__LOG_LEVEL": "DEBUG", "CKM__CORE": core})
    texts = installation.new_service("texts", own_port=True)
    installation.start()
    texts.start()
    with running_gateway(installation) as gateway, gateway.client() as client:
        installation.publish(event for number in range(30) for event in marked(number))
        produce_raw(installation.settings.kafka.bootstrap_servers, bad_records(installation))
        installation.wait_until_dead_lettered(4)
        installation.wait_until_consumed()
        answers = [
            client.post("/v1/events", json=[{"type": "call", "event_id": _MARK, _MARK: _MARK}]),
            client.get(f"/v1/customers/{_MARK}-customer-1"),
            client.get(f"/v1/customers/{_MARK}/score"),
        ]
        services = [installation.worker, installation.snapshots, texts, gateway.service]
        text = said(installation, services)

    assert answers[0].status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert _MARK not in text


def test_control_a_program_that_tells_is_found_out(install: Install) -> None:
    """One line that names a customer is enough."""
    installation = install(extra={"CKM__CORE": CoreKind.PYTHON})
    installation.worker = installation.new_faulty("worker", "without_discretion")
    installation.start()
    installation.publish(marked(1))
    installation.wait_until_consumed()

    assert _MARK in said(installation, [installation.worker])


def test_secrets_are_told_by_nobody(install: Install) -> None:
    """Neither by a program at DEBUG nor by what it says when it cannot start."""
    installation = install(extra={"CKM__LOG_LEVEL": "DEBUG"})
    worker = installation.new_service("worker")
    worker.env |= {
        "CKM__REGISTRY__URL": "https://127.0.0.1:9",
        "CKM__REGISTRY__USERNAME": "ckm",
        "CKM__REGISTRY__PASSWORD": _SECRET,
        "CKM__START_PATIENCE_S": "0",
    }
    worker.start()
    code = worker.wait(timeout_s=60)

    assert code != 0
    assert _SECRET not in worker.log()
