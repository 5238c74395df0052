"""Forwarding: what an event says about the referrer and the employee."""

from typing import Any

import pytest

from ckm_stream.domain.checks import MAX_ID_CHARS, check_event
from ckm_stream.domain.events import (
    CallOutcome,
    CampaignResponse,
    EmployeeContact,
    Event,
    FeedbackStage,
    Referral,
    ReferralKind,
    TicketAction,
)
from ckm_stream.domain.forwarding import forward
from tests.support.touchpoints import (
    POLICY,
    T0_S,
    approach,
    call,
    contact,
    feedback,
    order,
    referral,
    refund,
    ticket,
)

BY: dict[str, Any] = {"referred_by": "c-9"}


def test_a_referred_order_is_told_to_the_referrer() -> None:
    """With its margin, and an id of its own."""
    assert forward(order("e", **BY), policy=POLICY) == (
        Referral(
            event_id="e/referral",
            source="test",
            customer_id="c-9",
            occurred_at=T0_S * 1_000_000,
            recorded_at=T0_S * 1_000_000,
            referred_customer_id="c-1",
            kind=ReferralKind.ORDER,
            margin=4_000,
        ),
    )


@pytest.mark.parametrize(
    ("event", "kind", "margin"),
    [
        (refund(**BY), ReferralKind.REFUND, 4_000),
        (order(cost=90_000, **BY), ReferralKind.ORDER, 0),
        (call(**BY), ReferralKind.CONTACT, 0),
        (feedback(**BY), ReferralKind.CONTACT, 0),
        (order(amount=0, cost=0, response=CampaignResponse.ACCEPTED, **BY), "CONTACT", 0),
    ],
)
def test_what_came_of_a_referral_is_told(event: Event, kind: str, margin: int) -> None:
    """A contact, an order or a refund; never a negative margin."""
    (told,) = forward(event, policy=POLICY)

    assert isinstance(told, Referral)
    assert (told.kind, told.margin) == (kind, margin)


@pytest.mark.parametrize(
    "event",
    [
        order(),
        order(referred_by="c-1"),
        approach(CallOutcome.DECLINED, **BY),
        approach(CallOutcome.NO_ANSWER, **BY),
        order(amount=0, response=CampaignResponse.DECLINED, **BY),
        order(employee_id="e-1"),
        approach(CallOutcome.NO_ANSWER, employee_id="e-1"),
        feedback(stage=FeedbackStage.REVIEWED, employee_id="e-1"),
        referral(),
        contact(),
    ],
)
def test_nothing_is_told_of_oneself_of_refusals_or_twice(event: Event) -> None:
    """Nor does an employee note a purchase, a missed call or a later stage."""
    assert forward(event, policy=POLICY) == ()


@pytest.mark.parametrize(
    ("event", "note_usable"),
    [
        (call("e", employee_id="e-1"), False),
        (call("e", employee_id="e-1", note="says so", note_usable=True), True),
        (call("e", employee_id="e-1", note="says so"), False),
        (ticket("e", employee_id="e-1", action=TicketAction.RESOLVED), False),
        (
            ticket(
                "e", employee_id="e-1", action=TicketAction.RESOLVED, knowledge_article_id="kb-1"
            ),
            True,
        ),
        (feedback("e", employee_id="e-1"), False),
        (feedback("e", employee_id="e-1", topics=("handles",)), True),
    ],
)
def test_a_handled_contact_is_told_to_the_employee(event: Event, note_usable: bool) -> None:
    """And whether knowledge was captured."""
    assert forward(event, policy=POLICY) == (
        EmployeeContact(
            event_id="e/employee",
            source="test",
            employee_id="e-1",
            occurred_at=T0_S * 1_000_000,
            recorded_at=T0_S * 1_000_000,
            note_usable=note_usable,
        ),
    )


def test_one_event_may_be_told_to_both() -> None:
    """In a fixed order."""
    told = forward(call(employee_id="e-1", **BY), policy=POLICY)

    assert [type(each) for each in told] == [Referral, EmployeeContact]


def test_forwarded_events_pass_the_checks() -> None:
    """Also those of the longest id that passes itself."""
    event = call("x" * MAX_ID_CHARS, employee_id="e-1", **BY)

    for told in forward(event, policy=POLICY):
        check_event(told, record_timestamp_ms=T0_S * 1000, policy=POLICY)
