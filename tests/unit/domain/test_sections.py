"""The three sections of a profile, as counted."""

import msgspec
import pytest

from ckm_stream.domain.events import (
    CallOutcome,
    Channel,
    FeedbackKind,
    FeedbackStage,
    ProfileEvent,
    ReferralKind,
    Reward,
    TicketAction,
)
from ckm_stream.domain.facts import Facts, add_event
from ckm_stream.domain.sections import ProfileView, sections
from tests.support.touchpoints import (
    DAY_S,
    POLICY,
    T0_S,
    approach,
    call,
    feedback,
    order,
    referral,
    refund,
    ticket,
)


def view_of(*events: ProfileEvent, now_s: int = T0_S) -> ProfileView:
    """Fold the events and read the sections."""
    facts = Facts.empty()
    for event in events:
        add_event(facts, event, POLICY)
    return sections(facts, as_of_s=now_s)


def test_about_counts_touchpoints_and_money() -> None:
    """Two orders on one day, a refund, a missed call; by type, channel group and amount."""
    about = view_of(
        order("a", T0_S, channel=Channel.WEB),
        order("b", T0_S + 60, channel=Channel.STORE),
        refund(at_s=T0_S + DAY_S, amount=2_500, channel=Channel.WEB),
        approach(CallOutcome.NO_ANSWER, at_s=T0_S + 2 * DAY_S, channel=Channel.PHONE),
        now_s=T0_S + 4 * DAY_S,
    ).about

    assert about.touchpoints_by_type == {"call": 1, "ticket": 0, "purchase": 3, "feedback": 0}
    assert about.channel_shares == {"voice": 0.25, "digital": 0.5, "in_person": 0.25, "other": 0.0}
    assert (about.touchpoints, about.orders, about.refunds) == (4, 2, 1)
    assert (about.order_amount, about.refund_amount) == (20_000, 2_500)
    assert (about.first_purchase_s, about.last_purchase_s) == (T0_S, T0_S + 60)
    assert (about.purchase_days, about.categories) == (1, 1)
    assert (about.first_seen_s, about.last_seen_s) == (T0_S, T0_S + 2 * DAY_S)
    assert about.days_silent == pytest.approx(2.0)


def test_for_counts_what_the_company_gave() -> None:
    """Answers, those that an article gave, and rewards."""
    given = view_of(
        ticket("a", action=TicketAction.ANSWERED, knowledge_article_id="kb-1"),
        ticket("b", action=TicketAction.RESOLVED),
        ticket("c", action=TicketAction.CLOSED),
        feedback(reward=Reward.OFFERED),
    ).for_

    assert (given.answers, given.answers_from_knowledge_base, given.rewards_offered) == (2, 1, 1)


def test_from_counts_items_their_form_and_fate() -> None:
    """Two tacit items, one of them externalised, one explicit; one adopted, one rejected."""
    told = view_of(
        feedback("tacit"),
        call("noted", T0_S + DAY_S, note="says so", note_usable=True),
        feedback("stars", text=None, rating=2.0, kind=FeedbackKind.COMPLAINT),
        feedback("used", stage=FeedbackStage.ADOPTED),
        feedback("not", stage=FeedbackStage.REJECTED),
        referral("r", kind=ReferralKind.CONTACT),
    ).from_

    assert (told.items, told.explicit, told.tacit, told.externalised) == (3, 2, 1, 1)
    assert told.tacit_share == pytest.approx(2 / 3)
    assert (told.adopted, told.rejected) == (1, 1)
    assert told.days_with_contact == 2
    assert told.last_complaint_s == T0_S
    assert (told.referral_events, told.referred_customers, told.referred_buyers) == (1, 1, 0)


def test_a_customer_without_events_has_an_empty_profile() -> None:
    """Dates are None, counts 0."""
    view = view_of()

    assert view.about.first_seen_s is None
    assert view.about.days_silent is None
    assert view.about.touchpoints == 0
    assert view.from_.items == 0


def test_sections_are_named_about_for_and_from() -> None:
    """Also where Python has the words for itself."""
    assert set(msgspec.to_builtins(view_of())) == {"about", "for", "from"}
