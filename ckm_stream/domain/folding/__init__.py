"""
What each event adds to the facts, by its own fields alone (SCORING rule 4).

Every function returns the bits of the indicators that the event is evidence of. A refund and a
declined or unanswered approach only ever lower: they add to no sum that raises a score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckm_stream.domain import counters
from ckm_stream.domain.events import (
    SIMULATED_SOURCE,
    Call,
    Feedback,
    Initiator,
    ProfileEvent,
    Purchase,
    Referral,
    TextReading,
)
from ckm_stream.domain.folding.evidence import Weights
from ckm_stream.domain.folding.feedback import fold_feedback
from ckm_stream.domain.folding.purchases import fold_purchase
from ckm_stream.domain.folding.referrals import fold_referral, fold_referrer
from ckm_stream.domain.folding.service import fold_call, fold_ticket
from ckm_stream.domain.folding.texts import fold_text
from ckm_stream.domain.mentions import note_mentions

if TYPE_CHECKING:
    from ckm_stream.domain.facts import Facts
    from ckm_stream.domain.policy import Policy

# Looked up once: on Python 3.11 a member costs 280 ns by its class and 30 ns by a global.
_BY_CUSTOMER = Initiator.CUSTOMER


def fold(facts: Facts, event: ProfileEvent, w: Weights, policy: Policy) -> int:
    """Add the event, whose decay weights are *w*; return the bits of the indicators it feeds."""
    if event.source == SIMULATED_SOURCE:
        facts.counts[counters.SIMULATED] += 1
    if isinstance(event, Referral):
        return fold_referral(facts, event, w)
    if isinstance(event, TextReading):
        return fold_text(facts, event, w)
    facts.counts[counters.source_bin(event)] += 1
    if event.referred_by:
        fold_referrer(facts, event)
    if event.topics and event.initiated_by is _BY_CUSTOMER:
        note_mentions(facts.mentions, event.topics, event.occurred_s)
    if isinstance(event, Purchase):
        return fold_purchase(facts, event, w, policy)
    if isinstance(event, Feedback):
        return fold_feedback(facts, event, w, policy)
    if isinstance(event, Call):
        return fold_call(facts, event, w, policy)
    return fold_ticket(facts, event, w, policy)
