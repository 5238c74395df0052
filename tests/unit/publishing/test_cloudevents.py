"""CloudEvents headers in Kafka's binary mode."""

from ckm_stream.domain.events import (
    Call,
    CallOutcome,
    Direction,
    Purchase,
    PurchaseKind,
    Ticket,
    TicketAction,
)
from ckm_stream.publishing.cloudevents import cloud_event_headers

CALL = Call(
    event_id="c-1",
    source="Telefonie Süd/2",
    customer_id="customer-42",
    occurred_at=1_700_000_000_000_123,
    recorded_at=1_700_000_001_000_000,
    direction=Direction.INBOUND,
    outcome=CallOutcome.ANSWERED,
)


def test_headers_carry_the_required_attributes() -> None:
    """Id, source, type, version and time are there, as CloudEvents spells them."""
    assert cloud_event_headers(CALL) == [
        ("content-type", b"application/avro"),
        ("ce_specversion", b"1.0"),
        ("ce_type", b"org.ckm.touchpoint.call.v1"),
        ("ce_source", b"Telefonie%20S%C3%BCd/2"),
        ("ce_id", b"c-1"),
        ("ce_time", b"2023-11-14T22:13:20.000123Z"),
    ]


def test_whole_seconds_have_no_fraction() -> None:
    """RFC 3339 allows it, and so do all parsers."""
    event = Ticket(
        event_id="t-1",
        source="desk",
        customer_id="customer-42",
        occurred_at=0,
        recorded_at=0,
        ticket_id="t",
        action=TicketAction.OPENED,
    )

    headers = dict(cloud_event_headers(event))

    assert headers["ce_time"] == b"1970-01-01T00:00:00Z"
    assert headers["ce_type"] == b"org.ckm.touchpoint.ticket.v1"


def test_the_customer_is_in_no_header() -> None:
    """Headers are copied into logs and traces by tools; the key alone names the customer."""
    event = Purchase(
        event_id="p-1",
        source="shop",
        customer_id="customer-42",
        occurred_at=0,
        recorded_at=0,
        order_id="o",
        kind=PurchaseKind.ORDER,
        currency="USD",
        amount=1,
    )

    assert not any(b"customer-42" in value for _, value in cloud_event_headers(event))
