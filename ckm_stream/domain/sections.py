"""
The three sections of a profile (CKM.md): about, for and from the customer, as plain counts.

For people and for the store; no score is made from them.
"""

import msgspec

from ckm_stream.domain import counters
from ckm_stream.domain.days import DAY_S
from ckm_stream.domain.engagement import tacit_share
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.sketch import counter_estimate


class About(msgspec.Struct, frozen=True):
    """Knowledge about the customer: times are Unix seconds, money is in minor units."""

    first_seen_s: int | None
    last_seen_s: int | None
    days_silent: float | None
    touchpoints: int
    touchpoints_by_type: dict[str, int]
    channel_shares: dict[str, float]
    orders: int
    order_amount: int
    refunds: int
    refund_amount: int
    first_purchase_s: int | None
    last_purchase_s: int | None
    purchase_days: int
    categories: int


class For(msgspec.Struct, frozen=True):
    """Knowledge and thanks for the customer: what the company gave."""

    answers: int
    answers_from_knowledge_base: int
    rewards_offered: int


class From(msgspec.Struct, frozen=True):
    """Knowledge from the customer: items told, their form, and what became of them."""

    items: int
    explicit: int
    tacit: int
    externalised: int
    tacit_share: float
    adopted: int
    rejected: int
    days_with_contact: int
    last_complaint_s: int | None
    referral_events: int
    referred_customers: int
    referred_buyers: int


class ProfileView(msgspec.Struct, frozen=True, rename={"for_": "for", "from_": "from"}):
    """A profile for reading; encoded, the sections are named ``about``, ``for`` and ``from``."""

    about: About
    for_: For
    from_: From


def sections(facts: Facts, *, as_of_s: int) -> ProfileView:
    """Return the sections of a profile as of an instant, in Unix seconds."""
    counts = facts.counts
    return ProfileView(
        about=_about(facts, as_of_s),
        for_=For(
            answers=counts[counters.ANSWERS],
            answers_from_knowledge_base=counts[counters.ARTICLES],
            rewards_offered=counts[counters.REWARDS],
        ),
        from_=_from(facts),
    )


def _about(facts: Facts, as_of_s: int) -> About:
    counts = facts.counts
    groups = len(counters.CHANNEL_GROUPS)
    touchpoints = counts[: groups * len(counters.TYPES)]
    total = sum(touchpoints)
    last_seen_s = _seconds(facts.last_at)
    return About(
        first_seen_s=_known(facts.first_s),
        last_seen_s=last_seen_s,
        days_silent=None if last_seen_s is None else max(0, as_of_s - last_seen_s) / DAY_S,
        touchpoints=total,
        touchpoints_by_type={
            name: sum(touchpoints[groups * place : groups * (place + 1)])
            for place, name in enumerate(counters.TYPES)
        },
        channel_shares={
            name: sum(touchpoints[place::groups]) / total if total else 0.0
            for place, name in enumerate(counters.CHANNEL_GROUPS)
        },
        orders=counts[counters.ORDERS],
        order_amount=facts.first_value[2],
        refunds=counts[counters.REFUNDS],
        refund_amount=counts[counters.REFUND_AMOUNT],
        first_purchase_s=_known(facts.first_purchase_s),
        last_purchase_s=_known(facts.last_purchase_s),
        purchase_days=facts.purchase_days.bit_count(),
        categories=len(facts.first_in_category),
    )


def _from(facts: Facts) -> From:
    counts = facts.counts
    reports, questions, chases = facts.contact_days
    return From(
        items=counts[counters.EXPLICIT] + counts[counters.TACIT],
        explicit=counts[counters.EXPLICIT],
        tacit=counts[counters.TACIT],
        externalised=counts[counters.EXTERNALISED],
        tacit_share=tacit_share(counts),
        adopted=counts[counters.ADOPTED],
        rejected=counts[counters.REJECTED],
        days_with_contact=(reports | questions | chases).bit_count(),
        last_complaint_s=_known(facts.last_complaint_s),
        referral_events=counts[counters.REFERRALS],
        referred_customers=round(counter_estimate(facts.referred)),
        referred_buyers=round(counter_estimate(facts.referred_buyers)),
    )


def _seconds(micros: int) -> int | None:
    return micros // MICROS if micros >= 0 else None


def _known(t_s: int) -> int | None:
    return t_s if t_s >= 0 else None
