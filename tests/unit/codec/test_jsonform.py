"""Events as JSON."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from ckm_stream.codec.events import source_of
from ckm_stream.codec.jsonform import JsonFormError, event_from_json, event_to_json
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import Channel, Event, Purchase, PurchaseKind, PurchaseLine
from ckm_stream.errors import Reason
from tests.support.values import events

PURCHASE: dict[str, Any] = {
    "event_id": "e-1",
    "source": "shop",
    "customer_id": "c-1",
    "occurred_at": "2024-05-01T10:00:00+02:00",
    "recorded_at": 1_714_550_400_000_000,
    "order_id": "o-1",
    "kind": "ORDER",
    "currency": "EUR",
    "amount": 1999,
    "lines": [{"sku": "s", "category": "books", "quantity": 1, "amount": 1999}],
}


def errors_of(obj: object, source: Source = Source.PURCHASE) -> list[tuple[str, str]]:
    """Convert what must be refused and return the errors."""
    with pytest.raises(JsonFormError) as caught:
        event_from_json(obj, source)
    assert caught.value.reason is Reason.UNDECODABLE
    return caught.value.errors


@given(events())
def test_event_comes_back_from_its_json(event: Event) -> None:
    """JSON text and back changes nothing, also for times beyond the calendar."""
    text = json.dumps(event_to_json(event))

    assert event_from_json(json.loads(text), source_of(event)) == event


def test_object_becomes_the_event() -> None:
    """Fields that are left out have their defaults; times are instants, whatever their offset."""
    assert event_from_json(PURCHASE, Source.PURCHASE) == Purchase(
        event_id="e-1",
        source="shop",
        customer_id="c-1",
        occurred_at=1_714_550_400_000_000,
        recorded_at=1_714_550_400_000_000,
        channel=Channel.OTHER,
        order_id="o-1",
        kind=PurchaseKind.ORDER,
        currency="EUR",
        amount=1999,
        lines=(PurchaseLine(sku="s", category="books", quantity=1, amount=1999),),
    )


def test_times_are_written_in_utc_with_microseconds() -> None:
    """What we write, every RFC 3339 reader reads."""
    event = msgspec.structs.replace(event_from_json(PURCHASE, Source.PURCHASE), recorded_at=1)

    obj = event_to_json(event)

    assert obj["occurred_at"] == "2024-05-01T08:00:00.000000+00:00"
    assert obj["recorded_at"] == "1970-01-01T00:00:00.000001+00:00"


def test_all_errors_are_found_with_their_paths() -> None:
    """A caller mends an object once, not error by error."""
    bad = PURCHASE | {
        "amount": "19.99",
        "kind": "GIFT",
        "mood": "fine",
        "occurred_at": "2024-05-01T10:00:00",
        "recorded_at": "yesterday",
        "lines": [{"sku": "s", "category": "books", "quantity": "x", "amount": 1}],
    }
    del bad["order_id"]

    assert errors_of(bad) == [
        ("$.mood", "unknown field"),
        ("$.occurred_at", "Expected an RFC 3339 time with an offset, such as Z"),
        ("$.recorded_at", "Expected an RFC 3339 time"),
        ("$.order_id", "missing"),
        ("$.kind", "must be one of ORDER, REFUND"),
        ("$.amount", "Expected `int`, got `str`"),
        ("$.lines[0].quantity", "Expected `int`, got `str`"),
    ]


@pytest.mark.parametrize("obj", [None, 1, "text", [PURCHASE]])
def test_what_is_no_object_is_refused(obj: object) -> None:
    """An event is an object."""
    assert [path for path, _ in errors_of(obj)] == ["$"]


@pytest.mark.parametrize("value", [True, 1.5, None, [1]])
def test_time_of_another_type_is_refused(value: object) -> None:
    """A time is a string or an integer; true is neither."""
    assert errors_of(PURCHASE | {"occurred_at": value})[0][0] == "$.occurred_at"
