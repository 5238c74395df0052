"""Events for tests of the pure core: valid, with every field that a test does not name at rest."""

from typing import Any, Final

from hypothesis import strategies as st

from ckm_stream.domain.checks import check_event
from ckm_stream.domain.events import (
    MICROS,
    Call,
    CallOutcome,
    CampaignResponse,
    Channel,
    Direction,
    EmployeeContact,
    Feedback,
    FeedbackKind,
    FeedbackStage,
    Initiator,
    ProfileEvent,
    Purchase,
    PurchaseKind,
    PurchaseLine,
    Purpose,
    Referral,
    ReferralKind,
    Resolver,
    Reward,
    TextReading,
    Ticket,
    TicketAction,
)
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.slots import MILLE

DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
POLICY: Final = Policy()

#: Noon, 1,000 days after the landmark of the default policy.
T0_S: Final = POLICY.landmark_s + 1000 * DAY_S + DAY_S // 2


def head(event_id: str, at_s: int, **changes: Any) -> dict[str, Any]:
    """Return the fields that all touchpoints share."""
    return {
        "event_id": event_id,
        "source": "test",
        "customer_id": "c-1",
        "occurred_at": at_s * MICROS,
        "recorded_at": at_s * MICROS,
        **changes,
    }


def order(event_id: str = "order", at_s: int = T0_S, **changes: Any) -> Purchase:
    """Return an order of 100.00 at a margin of 40.00."""
    fields = {
        "order_id": event_id,
        "kind": PurchaseKind.ORDER,
        "currency": "EUR",
        "amount": 10_000,
        "cost": 6_000,
    }
    return Purchase(**head(event_id, at_s) | fields | changes)


def refund(event_id: str = "refund", at_s: int = T0_S, **changes: Any) -> Purchase:
    """Return the refund of the order above."""
    return order(event_id, at_s, **{"kind": PurchaseKind.REFUND} | changes)


def call(event_id: str = "call", at_s: int = T0_S, **changes: Any) -> Call:
    """Return an answered inbound call about nothing in particular."""
    fields = {"direction": Direction.INBOUND, "outcome": CallOutcome.ANSWERED}
    return Call(**head(event_id, at_s) | fields | changes)


def approach(
    outcome: CallOutcome, event_id: str = "approach", at_s: int = T0_S, **changes: Any
) -> Call:
    """Return a call by the company."""
    fields = {"direction": Direction.OUTBOUND, "initiated_by": Initiator.COMPANY}
    return call(event_id, at_s, **fields | {"outcome": outcome} | changes)


def ticket(event_id: str = "ticket", at_s: int = T0_S, **changes: Any) -> Ticket:
    """Return the opening of a ticket without words."""
    fields = {"ticket_id": "t-1", "action": TicketAction.OPENED}
    return Ticket(**head(event_id, at_s) | fields | changes)


def feedback(event_id: str = "feedback", at_s: int = T0_S, **changes: Any) -> Feedback:
    """Return an idea in words, about a product, novelty 0.4."""
    fields = {
        "feedback_id": "f-1",
        "kind": FeedbackKind.IDEA,
        "text": "a handle on the left",
        "product": "kettle",
        "novelty": 0.4,
    }
    return Feedback(**head(event_id, at_s) | fields | changes)


def referral(event_id: str = "referral", at_s: int = T0_S, **changes: Any) -> Referral:
    """Return the first order, at a margin of 40.00, of a customer whom c-1 referred."""
    fields = {"referred_customer_id": "c-2", "kind": ReferralKind.ORDER, "margin": 4_000}
    return Referral(**head(event_id, at_s) | fields | changes)


def reading(event_id: str = "words/0/text", at_s: int = T0_S, **changes: Any) -> TextReading:
    """Return what was read in a displeased customer's words about a bill."""
    return TextReading(
        **head(event_id, at_s) | {"sentiment": -600, "topics": ("billing",)} | changes
    )


def contact(event_id: str = "contact", at_s: int = T0_S, **changes: Any) -> EmployeeContact:
    """Return a contact that an employee handled and noted usably."""
    fields = head(event_id, at_s) | {"employee_id": "e-1", "note_usable": True} | changes
    del fields["customer_id"]
    return EmployeeContact(**fields)


_TEXTS = st.sampled_from([None, "", "it broke", "schön kaputt"])
_TOPICS = st.one_of(
    st.sampled_from([(), ("billing",), ("billing", "größe")]),
    # More than a state remembers, from several events together.
    st.integers(0, 40).map(lambda first: tuple(f"topic {n}" for n in range(first, first + 9))),
)
_SHARES = st.sampled_from([None, 0.0, 0.1, 0.3, 0.5, 0.8, 1.0])
_EMPLOYEES = st.sampled_from([None, "e-1", "e-2", "e-3", "e-40"])
_MAYBE = st.sampled_from([None, True, False])
_AMOUNTS = st.integers(0, 200_000)


@st.composite
def _heads(draw: st.DrawFn) -> dict[str, Any]:
    at = POLICY.landmark_s * MICROS + draw(st.integers(0, 2000 * DAY_S)) * MICROS
    at += draw(st.sampled_from([0, 1, 999_999]))
    return {
        "event_id": draw(st.text("abc/-ü", min_size=1, max_size=5)),
        "source": draw(st.sampled_from(["shop", "desk"])),
        "customer_id": "c-1",
        "occurred_at": at,
        "recorded_at": at + draw(st.sampled_from([-1, 0, 10, 100 * DAY_S])) * MICROS,
        "channel": draw(st.sampled_from(Channel)),
        "initiated_by": draw(st.sampled_from(Initiator)),
        "purpose": draw(st.sampled_from(Purpose)),
        "employee_id": draw(_EMPLOYEES),
        "referred_by": draw(st.sampled_from([None, "c-1", "c-8", "c-9"])),
        "topics": draw(_TOPICS),
        "consent": draw(st.sampled_from([{}, {"ads": True}, {"ads": True, "calls": False}])),
    }


_LINES = st.lists(
    st.builds(
        PurchaseLine,
        sku=st.just("s"),
        category=st.sampled_from(["", "music", "books", "games", "garden"]),
        quantity=st.integers(0, 3),
        amount=_AMOUNTS,
    ),
    max_size=3,
).map(tuple)


@st.composite
def purchases(draw: st.DrawFn) -> Purchase:
    """Draw an order, a refund or the answer to an offer."""
    return Purchase(
        **draw(_heads()),
        order_id="o",
        kind=draw(st.sampled_from(PurchaseKind)),
        currency="EUR",
        amount=draw(_AMOUNTS),
        cost=draw(_AMOUNTS),
        lines=draw(_LINES),
        response=draw(st.sampled_from([None, *CampaignResponse])),
    )


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """Draw a call of any direction and outcome."""
    return Call(
        **draw(_heads()),
        direction=draw(st.sampled_from(Direction)),
        outcome=draw(st.sampled_from(CallOutcome)),
        resolved_first_contact=draw(_MAYBE),
        satisfaction=draw(st.sampled_from([None, 1, 2, 3, 4, 5])),
        reason=draw(st.sampled_from(["", "bill"])),
        note=draw(_TEXTS),
        note_usable=draw(_MAYBE),
    )


@st.composite
def tickets(draw: st.DrawFn) -> Ticket:
    """Draw any step of a ticket."""
    return Ticket(
        **draw(_heads()),
        ticket_id="t",
        action=draw(st.sampled_from(TicketAction)),
        category=draw(st.sampled_from(["", "fault"])),
        product=draw(st.sampled_from([None, "kettle"])),
        text=draw(_TEXTS),
        knowledge_article_id=draw(st.sampled_from([None, "kb-1"])),
        resolved_by=draw(st.sampled_from([None, *Resolver])),
    )


@st.composite
def feedbacks(draw: st.DrawFn) -> Feedback:
    """Draw feedback at any stage."""
    return Feedback(
        **draw(_heads()),
        feedback_id="f",
        kind=draw(st.sampled_from(FeedbackKind)),
        rating=draw(st.sampled_from([None, 0.0, 2.0, 3.0, 4.0])),
        rating_scale=draw(st.sampled_from([None, 5.0])),
        text=draw(_TEXTS),
        product=draw(st.sampled_from([None, "kettle"])),
        stage=draw(st.sampled_from(FeedbackStage)),
        benefit=draw(_SHARES),
        novelty=draw(_SHARES),
        reward=draw(st.sampled_from([None, *Reward])),
    )


def _made_heads() -> st.SearchStrategy[dict[str, Any]]:
    """Draw the fields that events have too which no channel publishes."""
    names = ("event_id", "source", "customer_id", "occurred_at", "recorded_at")
    return _heads().map(lambda fields: {name: fields[name] for name in names})


@st.composite
def referrals(draw: st.DrawFn) -> Referral:
    """Draw what a referred customer did."""
    return Referral(
        **draw(_made_heads()),
        referred_customer_id=draw(st.sampled_from(["c-1", "c-2", "c-3", "c-4"])),
        kind=draw(st.sampled_from(ReferralKind)),
        margin=draw(_AMOUNTS),
    )


@st.composite
def readings(draw: st.DrawFn) -> TextReading:
    """Draw what was read in a customer's words."""
    return TextReading(
        **draw(_made_heads()),
        sentiment=draw(st.integers(-MILLE, MILLE)),
        topics=draw(_TOPICS),
    )


def _identity(event: ProfileEvent) -> tuple[str, str]:
    return event.source, event.event_id


def profile_events() -> st.SearchStrategy[ProfileEvent]:
    """Draw an event of any type that a customer's profile takes in."""
    return st.one_of(purchases(), calls(), tickets(), feedbacks(), referrals(), readings())


def histories(max_size: int = 12) -> st.SearchStrategy[list[ProfileEvent]]:
    """Draw events of one customer, in any order, each id once; all pass the checks."""
    return st.lists(profile_events().map(_checked), max_size=max_size, unique_by=_identity)


def _checked(event: ProfileEvent) -> ProfileEvent:
    check_event(event, record_timestamp_ms=event.occurred_at // 1000 + 1, policy=POLICY)
    return event
