"""
What several kinds of events have in common: the evidence they give by taking place at all.

Every function returns the bits of the indicators that it fed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ckm_stream.domain import counters, slots
from ckm_stream.domain.days import day_of
from ckm_stream.domain.events import (
    MICROS,
    Call,
    CallOutcome,
    CampaignResponse,
    Feedback,
    Initiator,
    Purpose,
    Ticket,
    Touchpoint,
)
from ckm_stream.domain.knowledge import (
    DEFAULT_NOVELTY,
    Form,
    form_of,
    is_externalised,
)
from ckm_stream.domain.sketch import bin_of

if TYPE_CHECKING:
    from ckm_stream.domain.facts import Facts
    from ckm_stream.domain.policy import Policy

Weights = tuple[int, ...]

# Places of the indicators in the weights, and their bits.
V1, V2, V3, V4, W1, W2, W3, W4, A1, A2, A3, A4 = range(12)
BASE: Final = 1 << V1
GROWTH: Final = 1 << V2
NETWORKING: Final = 1 << V3
LEARNING: Final = 1 << V4
FREQUENCY: Final = 1 << W1
ACCEPTANCE: Final = 1 << W2
TRUST: Final = 1 << W3
PERCEIVED: Final = 1 << W4
DIVERSITY: Final = 1 << A1
COMPLEMENT: Final = 1 << A2
MOTIVATION: Final = 1 << A3
SUPPORT: Final = 1 << A4

# Shares of an item's value that its submission and its adoption are worth, in thousandths.
SUBMITTED_MILLE: Final = 250
ADOPTED_MILLE: Final = 750

REPORT, QUESTION, CHASE, NOTHING = 0, 1, 2, 3
_LEVEL: Final = {
    Purpose.REPORT: REPORT,
    Purpose.SUGGESTION: REPORT,
    Purpose.QUESTION: QUESTION,
    Purpose.STATUS_CHASE: CHASE,
    Purpose.REPEAT_UNRESOLVED: NOTHING,
    Purpose.OTHER: CHASE,
}

# Looked up once: on Python 3.11 a member costs 280 ns by its class and 30 ns by a global.
_CALL_ANSWERED: Final = CallOutcome.ANSWERED
_CALL_DECLINED: Final = CallOutcome.DECLINED
_OFFER_ACCEPTED: Final = CampaignResponse.ACCEPTED
_OFFER_DECLINED: Final = CampaignResponse.DECLINED
_FORM_TACIT: Final = Form.TACIT
_BY_CUSTOMER: Final = Initiator.CUSTOMER
_PURPOSE_OTHER: Final = Purpose.OTHER


def fold_arrival(
    facts: Facts, event: Touchpoint, w: Weights, policy: Policy, *, is_structured: bool
) -> int:
    """Add what every touchpoint says by taking place: its source, form, handler and consents."""
    sums = facts.sums
    fed = DIVERSITY | SUPPORT
    sums[slots.SOURCES + counters.source_bin(event)] += w[A1]
    delay = event.recorded_at - event.occurred_at
    is_in_time = delay <= policy.in_time_s * MICROS
    sums[slots.IN_FORM if is_structured and is_in_time else slots.OUT_OF_FORM] += w[A4]
    if event.employee_id:
        sums[slots.EMPLOYEES + bin_of(event.employee_id)] += w[A3]
        fed |= MOTIVATION
    if event.consent:
        sums[slots.TRUST if all(event.consent.values()) else slots.DISTRUST] += w[W3]
        fed |= TRUST
    return fed


def fold_consent(facts: Facts, event: Touchpoint, w: Weights) -> int:
    """Count a withdrawal against trust; a grant is only counted with a contact that took place."""
    if event.consent and not all(event.consent.values()):
        facts.sums[slots.DISTRUST] += w[W3]
        return TRUST
    return 0


def fold_response(facts: Facts, response: CampaignResponse | CallOutcome | None, w: Weights) -> int:
    """Add what the customer made of an approach of the company's; None if there was none."""
    if response is None:
        return 0
    if response is _OFFER_ACCEPTED or response is _CALL_ANSWERED:
        facts.sums[slots.ACCEPTED_TWICE] += 2 * w[W2]
    elif response is _OFFER_DECLINED or response is _CALL_DECLINED:
        facts.sums[slots.DECLINED_TWICE] += 2 * w[W2]
    else:
        facts.sums[slots.DECLINED_TWICE] += w[W2]
    return ACCEPTANCE


def fold_contact(facts: Facts, event: Touchpoint, level: int, policy: Policy) -> int:
    """Mark the day of a contact that the customer started, at its worth."""
    if event.initiated_by is not _BY_CUSTOMER or level == NOTHING:
        return 0
    facts.contact_days[level] |= 1 << day_of(event.occurred_s, policy.landmark_s)
    return FREQUENCY


def level_of(purpose: Purpose, *, has_told: bool) -> int:
    """Return the worth of a contact by its purpose; words or a note lift an unnamed one."""
    level = _LEVEL[purpose]
    if level == REPORT and not has_told:
        return CHASE
    if purpose is _PURPOSE_OTHER and has_told:
        return QUESTION
    return level


def fold_item(
    facts: Facts, event: Call | Ticket | Feedback, w: Weights, *, is_related: bool
) -> int:
    """Add a new item from the customer: what it may teach, and whether it fits what is known."""
    sums = facts.sums
    novelty = event.novelty if isinstance(event, Feedback) else None
    known = DEFAULT_NOVELTY if novelty is None else novelty
    sums[slots.ITEMS] += w[V4]
    sums[slots.ITEM_VALUE] += round(known * SUBMITTED_MILLE) * w[V4]
    # An inverted U: neither a copy (novelty 0) nor noise (1, or related to nothing) is absorbed.
    # Where the event does not say how new it is, it speaks half for and half against.
    fit = 0.5 if novelty is None else 4.0 * novelty * (1.0 - novelty)
    mille = round(fit * slots.MILLE) if is_related else 0
    if mille:
        sums[slots.COMPLEMENTARY] += mille * w[A2]
    if mille < slots.MILLE:
        sums[slots.NOT_COMPLEMENTARY] += (slots.MILLE - mille) * w[A2]
    form = counters.TACIT if form_of(event) is _FORM_TACIT else counters.EXPLICIT
    facts.counts[form] += 1
    if is_externalised(event):
        facts.counts[counters.EXTERNALISED] += 1
    return LEARNING | COMPLEMENT
