"""Knowledge items: what is extracted, its direction, form and lineage."""

from typing import Any

import pytest

from ckm_stream.domain.events import (
    Event,
    FeedbackKind,
    FeedbackStage,
    Purpose,
    Resolver,
    TicketAction,
)
from ckm_stream.domain.knowledge import Form, KnowledgeItem, Section, extract_items
from tests.support.touchpoints import T0_S, call, contact, feedback, order, referral, ticket


def test_feedback_is_an_item_from_the_customer() -> None:
    """With all its lineage."""
    (item,) = extract_items(feedback("e-7", topics=("handles",)))

    assert item == KnowledgeItem(
        item_id="test/e-7/0",
        customer_id="c-1",
        event_id="e-7",
        source="test",
        occurred_at=T0_S * 1_000_000,
        section=Section.FROM,
        form=Form.EXPLICIT,
        kind="IDEA",
        subject_id="f-1",
        text="a handle on the left",
        product="kettle",
        topics=("handles",),
        novelty=0.4,
        stage="SUBMITTED",
        externalised=True,
    )


def test_a_replay_gives_the_same_ids() -> None:
    """Ids are derived from the event, never drawn."""
    assert extract_items(feedback()) == extract_items(feedback())


@pytest.mark.parametrize(
    ("event", "form", "externalised"),
    [
        (feedback(), Form.TACIT, False),
        (feedback(topics=("handles",)), Form.EXPLICIT, True),
        (feedback(text=None, rating=4.0), Form.EXPLICIT, False),
        (call(note="says so", note_usable=True), Form.EXPLICIT, True),
        (call(note="says so"), Form.TACIT, False),
        (call(note="noise", note_usable=False), Form.TACIT, False),
        (ticket(text="it broke"), Form.TACIT, False),
        (ticket(text="it broke", category="fault"), Form.EXPLICIT, True),
    ],
)
def test_free_words_are_tacit_until_tagged_or_noted(
    event: Event, form: Form, externalised: bool
) -> None:
    """Externalisation is the event that makes them explicit."""
    (item,) = extract_items(event)

    assert (item.form, item.externalised) == (form, externalised)
    assert item.section is Section.FROM


def test_an_answer_is_an_item_for_the_customer() -> None:
    """From the knowledge base it is explicit and no news."""
    answer = ticket(
        action=TicketAction.ANSWERED,
        resolved_by=Resolver.KNOWLEDGE_BASE,
        knowledge_article_id="kb-1",
    )

    (item,) = extract_items(answer)

    assert (item.section, item.form, item.kind) == (Section.FOR, Form.EXPLICIT, "ANSWER")
    assert item.subject_id == "t-1"
    assert not item.externalised


def test_an_experts_answer_that_became_an_article_is_externalised() -> None:
    """Tacit know-how written down, so that the next customer gets it at once."""
    answer = ticket(
        action=TicketAction.RESOLVED,
        resolved_by=Resolver.EXPERT,
        knowledge_article_id="kb-9",
    )

    (item,) = extract_items(answer)

    assert item.externalised


def test_stages_of_one_matter_share_their_subject() -> None:
    """A submission and its adoption are joined by the feedback's id."""
    told = extract_items(feedback("one"))[0]
    used = extract_items(feedback("two", stage=FeedbackStage.ADOPTED, text=None))[0]

    assert told.subject_id == used.subject_id
    assert (told.stage, used.stage) == ("SUBMITTED", "ADOPTED")
    assert told.item_id != used.item_id


def test_a_call_note_is_joined_by_its_correlation() -> None:
    """Or stands for itself."""
    note: dict[str, Any] = {"note": "says so", "purpose": Purpose.REPORT}

    assert extract_items(call("e", **note))[0].subject_id == "e"
    assert extract_items(call("e", **note, correlation_id="case"))[0].subject_id == "case"


@pytest.mark.parametrize(
    "event",
    [
        order(),
        referral(),
        contact(),
        call(),
        call(note=""),
        ticket(),
        ticket(text="closing", action=TicketAction.CLOSED),
        feedback(text=None, kind=FeedbackKind.SURVEY),
    ],
)
def test_what_tells_nothing_is_no_item(event: Event) -> None:
    """Purchases are facts, and empty contacts are empty."""
    assert extract_items(event) == ()
