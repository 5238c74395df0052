"""All rules that an event breaks, with the fields that break them."""

from typing import Any

import pytest

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EVENT_TYPES, EventCodec
from ckm_stream.codec.topics import Source, Topics
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.domain.policy import Policy
from ckm_stream.gateway.rules import Rules, _sound
from ckm_stream.gateway.verdicts import CLOUD_EVENT, JSON, judge
from ckm_stream.publishing.client import encode_checked

NOW_MS = 1_772_357_400_000
CODEC = EventCodec(Catalogue.load(), Topics("ckm"))
PURCHASE = {
    "type": "purchase",
    "event_id": "p-1",
    "source": "shop",
    "customer_id": "c-1",
    "occurred_at": "2026-03-01T09:30:00Z",
    "recorded_at": "2026-03-01T09:30:00Z",
    "order_id": "o-1",
    "kind": "ORDER",
    "currency": "EUR",
    "amount": 100,
}
LINE = {"sku": "s", "category": "c", "quantity": 1, "amount": 1}


def check(event: TouchpointEvent) -> bytes:
    """Check as a gateway does, at an hour of the test's."""
    return encode_checked(event, CODEC, Policy(), NOW_MS)


RULES = Rules(check, now_ms=lambda: NOW_MS)


@pytest.mark.parametrize("source", [Source.CALL, Source.TICKET, Source.PURCHASE, Source.FEEDBACK])
def test_what_fields_are_checked_in_is_sound(source: Source) -> None:
    """Of every type that can be sent."""
    assert check(_sound(EVENT_TYPES[source], NOW_MS * 1000))  # type: ignore[arg-type] # a touchpoint's


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"order_id": " "}, ["$.order_id"]),
        ({"amount": -5, "cost": -6, "order_id": ""}, ["$.order_id", "$.amount", "$.cost"]),
        (
            {"lines": [LINE, LINE | {"quantity": -1}, LINE | {"sku": "x" * 501}]},
            ["$.lines[1]", "$.lines[2]"],
        ),
        ({"occurred_at": 0, "event_id": "x" * 201}, ["$.event_id", "$.occurred_at"]),
        ({"recorded_at": 1 << 70}, ["$.recorded_at"]),
        ({"customer_id": "\ud800", "amount": -1}, ["$.customer_id", "$.amount"]),
    ],
    ids=str,
)
def test_every_rule_that_is_broken_is_told_with_its_field(
    change: dict[str, Any], paths: list[str]
) -> None:
    """Not the first one alone: a caller mends an event once."""
    errors = judge(0, PURCHASE | change, JSON, RULES).errors

    assert sorted(each.path for each in errors) == sorted(paths)
    assert not any("Error" in each.message for each in errors)


def test_paths_are_those_of_the_envelope() -> None:
    """Attributes and data are where they were sent."""
    sent = {
        "specversion": "1.0",
        "type": "org.ckm.touchpoint.feedback.v1",
        "id": " ",
        "source": "shop",
        "subject": "c-1",
        "time": "1970-01-01T00:00:00Z",
        "data": {"feedback_id": "", "kind": "IDEA"},
    }

    errors = judge(0, sent, CLOUD_EVENT, RULES).errors

    assert {each.path for each in errors} == {"$.id", "$.time", "$.data.feedback_id"}
