# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Calls and tickets: contacts, service cost, verdicts, and what was noted.

Twin of `domain.folding.service`.
"""

from libc.math cimport rint
from libc.stdint cimport int64_t

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.evidence cimport (
    ADOPTED_MILLE, DEFAULT_NOVELTY, MILLE, add, count, fold_arrival, fold_consent, fold_contact,
    fold_handler, fold_item, fold_response, level_of,
)
from ckm_stream.native.knowledge cimport has_content
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.slots cimport *
from ckm_stream.native.touchpoint cimport *


cdef int fold_call(Profile profile, const Event* event, Choices choices) except -1:
    cdef int outcome = event.outcome
    cdef int fed = 0
    cdef bint has_told, is_structured
    if event.direction == OUTBOUND:
        if outcome != CALL_ABANDONED:
            fed = fold_response(profile, event, choices, response_of(outcome))
        if outcome != CALL_ANSWERED:
            return fed | fold_consent(profile, event, choices)
    elif outcome == CALL_DECLINED or outcome == CALL_NO_ANSWER:
        return fold_consent(profile, event, choices)
    has_told = has_content(event)
    is_structured = event.topics or event.reason.size
    if event.direction == INBOUND:
        fed |= fold_contact(profile, event, choices, level_of(event, has_told))
    if outcome == CALL_ANSWERED:
        add(profile, event, choices, SLOT_NET_MARGIN, -choices.call_cost)
        fed |= BASE
    if has_told:
        fed |= fold_item(profile, event, choices, is_structured)
    fed |= fold_verdict(profile, event, choices)
    return fed | fold_arrival(profile, event, choices, is_structured)


cdef int response_of(int outcome) noexcept:
    if outcome == CALL_ANSWERED:
        return OFFER_ACCEPTED
    return OFFER_DECLINED if outcome == CALL_DECLINED else OFFER_NO_ANSWER


cdef int fold_verdict(Profile profile, const Event* event, Choices choices) except -1:
    cdef int fed = 0
    # Four of five stars and more speak for trust, two and fewer against it.
    if event.satisfaction and not 2 < event.satisfaction < 4:
        add(profile, event, choices, SLOT_TRUST if event.satisfaction >= 4 else SLOT_DISTRUST)
        fed = TRUST
    if event.resolved_first_contact >= 0:
        slot = SLOT_BENEFIT if event.resolved_first_contact else SLOT_NO_BENEFIT
        add(profile, event, choices, slot, MILLE)
        fed |= PERCEIVED
    return fed


cdef int fold_ticket(Profile profile, const Event* event, Choices choices) except -1:
    cdef int fed = 0
    if event.action == TICKET_ANSWERED or event.action == TICKET_RESOLVED:
        count(profile, COUNT_ANSWERS)
        if event.article_id.size:
            count(profile, COUNT_ARTICLES)
    if event.action == TICKET_OPENED:
        return fold_opened_ticket(profile, event, choices)
    if event.action == TICKET_REOPENED:
        add(profile, event, choices, SLOT_DISTRUST)
        add(profile, event, choices, SLOT_NET_MARGIN, -choices.ticket_cost)
        fed = TRUST | BASE
    elif event.action == TICKET_RESOLVED and event.resolved_by == BY_EXPERT:
        add(profile, event, choices, SLOT_CONFIRMED)
        value = <int64_t>rint(DEFAULT_NOVELTY * ADOPTED_MILLE)
        add(profile, event, choices, SLOT_ITEM_VALUE, value)
        fed = LEARNING
    fed |= fold_handler(profile, event, choices)
    return fed | fold_consent(profile, event, choices)


cdef int fold_opened_ticket(Profile profile, const Event* event, Choices choices) except -1:
    cdef bint has_told = has_content(event)
    cdef bint is_related = event.topics or event.product.size or event.category.size
    cdef int fed = BASE
    add(profile, event, choices, SLOT_NET_MARGIN, -choices.ticket_cost)
    fed |= fold_contact(profile, event, choices, level_of(event, has_told))
    if has_told:
        fed |= fold_item(profile, event, choices, is_related)
    return fed | fold_arrival(profile, event, choices, is_related)
