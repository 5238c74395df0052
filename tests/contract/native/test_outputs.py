"""What events cause elsewhere, from C and from Python: the same bytes."""

from itertools import product
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.events import source_of
from ckm_stream.codec.topics import Source
from ckm_stream.domain.checks import MAX_AMOUNT
from ckm_stream.domain.events import (
    CallOutcome,
    CampaignResponse,
    Event,
    FeedbackKind,
    FeedbackStage,
    PurchaseKind,
    Purpose,
    Referral,
    Resolver,
    TicketAction,
)
from ckm_stream.domain.forwarding import forward
from ckm_stream.domain.knowledge import extract_items
from ckm_stream.publishing.simulate import Order, simulated_events
from ckm_stream.simulation.customers import SimulationPlan
from tests.support.touchpoints import (
    POLICY,
    call,
    contact,
    feedback,
    order,
    profile_events,
    ticket,
)
from tests.support.units import EVENTS, OUTPUTS

pytest.importorskip("ckm_stream.native.outputs", reason="the compiled core is not built")

from ckm_stream.native.choices import Choices
from ckm_stream.native.outputs import outputs_of

CHOICES: Final = Choices(POLICY)
HEADS: Final = (OUTPUTS.item_head, EVENTS.head(Source.REFERRAL), EVENTS.head(Source.EMPLOYEE))

Framed = tuple[bytes | None, bytes | None, bytes | None]

REFERRERS: Final = (None, "", "c-1", "c-9", "介绍人")
EMPLOYEES: Final = (None, "", "员工-7")
WORDS: Final = (None, "", "门把手坏了🙂" * 30)


def expected(event: Event) -> Framed:
    """Return what the reference makes of *event*."""
    items = [OUTPUTS.encode_item(item) for item in extract_items(event)]
    forwarded = forward(event, policy=POLICY)
    referrals = [EVENTS.encode(each) for each in forwarded if isinstance(each, Referral)]
    contacts = [EVENTS.encode(each) for each in forwarded if not isinstance(each, Referral)]
    assert max(len(items), len(referrals), len(contacts)) <= 1
    item, referral, contact = (next(iter(each), None) for each in (items, referrals, contacts))
    return item, referral, contact


def made(event: Event, value: bytes | None = None) -> Framed:
    """Return what C makes of it, or of other bytes of it."""
    value = EVENTS.encode(event) if value is None else value
    return outputs_of(source_of(event), value, HEADS, CHOICES)


def expect_same(event: Event) -> None:
    """Compare both."""
    assert made(event) == expected(event), event


@given(st.one_of(profile_events(), st.just(contact())))
def test_drawn_events_cause_the_same(event: Event) -> None:
    """Items, referrals and contacts of every event of the strategies are the reference's."""
    expect_same(event)


def test_simulated_events_cause_the_same() -> None:
    """So are those of thousands of simulated events, among which there are some of each."""
    caused = [0, 0, 0]
    for event in simulated_events(SimulationPlan(customers=200, seed=11), Order.CUSTOMER):
        outputs = made(event)
        assert outputs == expected(event)
        caused = [count + (each is not None) for count, each in zip(caused, outputs, strict=True)]
    assert min(caused) > 100


@pytest.mark.parametrize("purpose", Purpose)
def test_calls_of_any_outcome_cause_the_same(purpose: Purpose) -> None:
    """A note is an item, an answered call a contact, and no refusal credits a referrer."""
    choices = product(CallOutcome, WORDS, (None, True, False), REFERRERS, EMPLOYEES)
    for outcome, note, note_usable, referred_by, employee_id in choices:
        expect_same(
            call(
                purpose=purpose,
                outcome=outcome,
                note=note,
                note_usable=note_usable,
                referred_by=referred_by,
                employee_id=employee_id,
            )
        )


@pytest.mark.parametrize("correlation_id", [None, "", "件-1"])
def test_a_calls_item_joins_its_correlation(correlation_id: str | None) -> None:
    """The subject of a call is its correlation, or the call itself."""
    expect_same(call(correlation_id=correlation_id, note="broken"))


@pytest.mark.parametrize("action", TicketAction)
def test_tickets_at_any_step_cause_the_same(action: TicketAction) -> None:
    """Answers are for the customer, what was opened in words is from them."""
    kinds: tuple[Any, ...] = ((None, *Resolver), (None, "", "kb-1"), ("", "fault"), ((), ("a",)))
    for resolved_by, article, category, topics in product(*kinds):
        for text, employee_id, purpose in zip(
            (*WORDS, *WORDS), (*EMPLOYEES, "e-1", None, "e-2"), Purpose, strict=True
        ):
            expect_same(
                ticket(
                    action=action,
                    resolved_by=resolved_by,
                    knowledge_article_id=article,
                    category=category,
                    topics=topics,
                    text=text,
                    employee_id=employee_id,
                    purpose=purpose,
                    product=category or None,
                    referred_by="c-9",
                )
            )


@pytest.mark.parametrize("kind", FeedbackKind)
def test_feedback_at_any_stage_causes_the_same(kind: FeedbackKind) -> None:
    """Later stages are items without content, and free words that nobody tagged are tacit."""
    choices = product(FeedbackStage, WORDS, WORDS, (None, 0.0, 3.0), ((), ("", "茶" * 40)))
    for stage, text, survey_response, rating, topics in choices:
        expect_same(
            feedback(
                kind=kind,
                stage=stage,
                text=text,
                survey_response=survey_response,
                rating=rating,
                topics=topics,
                novelty=rating and rating / 7,
                employee_id="e-1",
                referred_by="c-9",
            )
        )


@pytest.mark.parametrize("kind", PurchaseKind)
def test_purchases_cause_the_same(kind: PurchaseKind) -> None:
    """Margins of referred orders and refunds, losses among them, are the reference's."""
    amounts = (0, 1, 999, 10_000, MAX_AMOUNT)
    responses = (None, *CampaignResponse)
    for amount, cost, response, referred_by in product(amounts, amounts, responses, REFERRERS):
        expect_same(
            order(
                kind=kind,
                amount=amount,
                cost=cost,
                response=response,
                referred_by=referred_by,
                employee_id="e-1",
            )
        )


@given(st.text(min_size=1, max_size=100), st.integers(0, 2**62))
def test_texts_and_times_of_any_size_are_written_alike(text: str, occurred_at: int) -> None:
    """Sizes and times of one byte or more, whatever the derived ids add to them."""
    head = {"event_id": text, "source": text, "customer_id": text, "referred_by": "c-9"}
    event = feedback(
        text=text, feedback_id=text, product=text, topics=(text,) * 3, employee_id=text
    )
    expect_same(msgspec.structs.replace(event, occurred_at=occurred_at, **head))


def test_many_topics_are_written_alike() -> None:
    """A count of topics may take more than a byte."""
    expect_same(feedback(topics=tuple(map(str, range(1000)))))


def test_sizes_of_too_many_bytes_are_written_in_as_few_as_they_need() -> None:
    """A producer may write a size in more bytes than need be; the item has it in one."""
    event = feedback(topics=("ab",), text="")
    value = EVENTS.encode(event)
    longer = value.replace(b"\x02\x04ab\0", b"\x82\0\x84\0ab\0").replace(b"\x06f-1", b"\x86\0f-1")
    assert len(longer) == len(value) + 3
    assert made(event, longer) == expected(event)


def test_what_cannot_be_read_causes_an_error() -> None:
    """The tests' way in takes events only."""
    for value in (b"", EVENTS.encode(call())[:-1]):
        with pytest.raises(ValueError, match="not an event of this source"):
            outputs_of(Source.CALL, value, HEADS, CHOICES)
