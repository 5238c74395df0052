# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Feedback: submissions, what the company made of them, rewards and perceived benefit.

Twin of `domain.folding.feedback`.
"""

from libc.math cimport rint
from libc.stdint cimport int64_t

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.evidence cimport (
    ADOPTED_MILLE, DEFAULT_NOVELTY, LEVEL_CHASE, LEVEL_QUESTION, LEVEL_REPORT, MICROS, MILLE, add,
    count, fold_arrival, fold_consent, fold_contact, fold_item, fold_response, level_of,
)
from ckm_stream.native.knowledge cimport has_content
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.slots cimport *
from ckm_stream.native.touchpoint cimport *

# From this share of the scale a rating speaks for trust, up to that one against it.
cdef double CONTENT_FROM = 0.8
cdef double DISCONTENT_TO = 0.4


cdef int fold_feedback(Profile profile, const Event* event, Choices choices) except -1:
    cdef int fed = 0
    cdef int mille
    if event.has_benefit:
        mille = <int>rint(event.benefit * MILLE)
        add(profile, event, choices, SLOT_BENEFIT, mille)
        add(profile, event, choices, SLOT_NO_BENEFIT, MILLE - mille)
        fed |= PERCEIVED
    if event.reward == REWARD_OFFERED:
        count(profile, COUNT_REWARDS)
        add(profile, event, choices, SLOT_REWARDS_OFFERED)
        fed |= PERCEIVED
    elif event.reward == REWARD_REDEEMED:
        add(profile, event, choices, SLOT_REWARDS_REDEEMED)
        fed |= PERCEIVED
    if event.stage == SUBMITTED:
        return fed | fold_submission(profile, event, choices)
    fed |= fold_stage(profile, event, choices)
    return fed | fold_consent(profile, event, choices)


cdef int fold_stage(Profile profile, const Event* event, Choices choices) except -1:
    cdef double novelty = event.novelty if event.has_novelty else DEFAULT_NOVELTY
    if event.stage == REJECTED:
        count(profile, COUNT_REJECTED)
        add(profile, event, choices, SLOT_REFUTED)
        return LEARNING
    if event.stage == REVIEWED:
        return 0
    add(profile, event, choices, SLOT_CONFIRMED)
    add(profile, event, choices, SLOT_BENEFIT, MILLE)
    if event.stage == ADOPTED:
        count(profile, COUNT_ADOPTED)
        value = <int64_t>rint(novelty * ADOPTED_MILLE)
        add(profile, event, choices, SLOT_ITEM_VALUE, value)
    return LEARNING | PERCEIVED


cdef int fold_submission(Profile profile, const Event* event, Choices choices) except -1:
    cdef bint has_told = has_content(event)
    cdef bint is_related = event.topics or event.product.size
    cdef int64_t t_s = event.occurred_at // MICROS
    cdef int fed
    if event.initiated_by == BY_COMPANY:
        response = OFFER_ACCEPTED if has_told else OFFER_NO_ANSWER
        fed = fold_response(profile, event, choices, response)
        if not has_told:
            return fed | fold_consent(profile, event, choices)
    else:
        fed = fold_contact(profile, event, choices, feedback_level(event, has_told))
    if has_told:
        fed |= fold_item(profile, event, choices, is_related)
    if event.feedback_kind == COMPLAINT and t_s > profile.last_complaint_s:
        profile.last_complaint_s = t_s
    fed |= fold_rating(profile, event, choices)
    return fed | fold_arrival(profile, event, choices, is_related or event.has_rating)


cdef int fold_rating(Profile profile, const Event* event, Choices choices) except -1:
    cdef double share
    if not event.has_rating or not event.has_rating_scale or event.rating_scale == 0.0:
        return 0
    share = event.rating / event.rating_scale
    if DISCONTENT_TO < share < CONTENT_FROM:
        return 0
    add(profile, event, choices, SLOT_TRUST if share >= CONTENT_FROM else SLOT_DISTRUST)
    return TRUST


cdef int feedback_level(const Event* event, bint has_told) noexcept:
    if event.purpose != OTHER:
        return level_of(event, has_told)
    if not has_told:
        return LEVEL_CHASE
    return LEVEL_QUESTION if event.feedback_kind == FEEDBACK_QUESTION else LEVEL_REPORT
