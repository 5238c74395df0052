# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
What several kinds of events have in common: the evidence they give by taking place at all.

Twin of `domain.folding.evidence`. Every fold returns the bits of the indicators that it fed.
"""

from libc.math cimport rint
from libc.stdint cimport INT64_MAX, int32_t, int64_t

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.days cimport add_day
from ckm_stream.native.hashes cimport bin_of
from ckm_stream.native.knowledge cimport is_externalised, is_tacit
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.slots cimport *
from ckm_stream.native.sums cimport add_weights
from ckm_stream.native.touchpoint cimport *
from ckm_stream.native.wire cimport Text

cdef enum:
    SUBMITTED_MILLE = 250

cdef int[13] GROUP_OF_CHANNEL = [0, 1, 1, 1, 1, 2, 2, 1, 1, 1, 2, 3, 3]
cdef int[6] LEVEL_OF_PURPOSE = [
    LEVEL_REPORT, LEVEL_REPORT, LEVEL_QUESTION, LEVEL_CHASE, LEVEL_NOTHING, LEVEL_CHASE
]
cdef double DEFAULT_NOVELTY = 0.5


cdef int64_t age_of(const Event* event, Choices choices) noexcept:
    return (event.occurred_at - choices.limits.landmark_at) // MICROS


cdef int add(
    Profile profile, const Event* event, Choices choices, int slot, int64_t times=1
) except -1:
    return add_weights(profile, slot, age_of(event, choices), times, choices)


cdef int count(Profile profile, int counter, int64_t more=1) except -1:
    profile.counts[counter] = total_of(profile.counts[counter], more)
    return 0


cdef int64_t total_of(int64_t one, int64_t other) noexcept:
    # Of two that are >= 0; totals stop at the greatest.
    return INT64_MAX if other > INT64_MAX - one else one + other


cdef int source_bin(const Event* event) noexcept:
    # The touchpoints are the first four sources.
    return event.source * 4 + GROUP_OF_CHANNEL[event.channel]


cdef int fold_arrival(
    Profile profile, const Event* event, Choices choices, bint is_structured
) except -1:
    cdef int fed = DIVERSITY | SUPPORT
    # An event is never before 1970, a record's own time may be: no difference may overflow.
    cdef int64_t recorded_at = event.recorded_at if event.recorded_at > 0 else 0
    cdef bint is_in_time = recorded_at - event.occurred_at <= choices.in_time_us
    add(profile, event, choices, SLOT_SOURCES + source_bin(event))
    slot = SLOT_IN_FORM if is_structured and is_in_time else SLOT_OUT_OF_FORM
    add(profile, event, choices, slot)
    fed |= fold_handler(profile, event, choices)
    if event.consents:
        add(profile, event, choices, SLOT_TRUST if event.all_granted else SLOT_DISTRUST)
        fed |= TRUST
    return fed


cdef int fold_handler(Profile profile, const Event* event, Choices choices) except -1:
    cdef Text handler = event.employee_id
    if not handler.size:
        return 0
    add(profile, event, choices, SLOT_EMPLOYEES + bin_of(handler.at, handler.size))
    return MOTIVATION


cdef int fold_consent(Profile profile, const Event* event, Choices choices) except -1:
    if not event.consents or event.all_granted:
        return 0
    add(profile, event, choices, SLOT_DISTRUST)
    return TRUST


cdef int fold_response(
    Profile profile, const Event* event, Choices choices, int response
) except -1:
    # *response* is a CampaignResponse, -1 if there was no approach.
    if response < 0:
        return 0
    if response == OFFER_ACCEPTED:
        add(profile, event, choices, SLOT_ACCEPTED_TWICE, 2)
    else:
        times = 2 if response == OFFER_DECLINED else 1
        add(profile, event, choices, SLOT_DECLINED_TWICE, times)
    return ACCEPTANCE


cdef int fold_contact(Profile profile, const Event* event, Choices choices, int level) except -1:
    if event.initiated_by != BY_CUSTOMER or level == LEVEL_NOTHING:
        return 0
    add_day(&profile.contact_days[level], day_of(event, choices))
    return FREQUENCY


cdef int32_t day_of(const Event* event, Choices choices) noexcept:
    return <int32_t>(age_of(event, choices) // DAY_S)


cdef int level_of(const Event* event, bint has_told) noexcept:
    cdef int level = LEVEL_OF_PURPOSE[event.purpose]
    if level == LEVEL_REPORT and not has_told:
        return LEVEL_CHASE
    if event.purpose == OTHER and has_told:
        return LEVEL_QUESTION
    return level


cdef int fold_item(Profile profile, const Event* event, Choices choices, bint is_related) except -1:
    cdef bint has_novelty = event.source == FEEDBACK and event.has_novelty
    cdef double known = event.novelty if has_novelty else DEFAULT_NOVELTY
    cdef double fit = 4.0 * known * (1.0 - known) if has_novelty else 0.5
    cdef int mille = <int>rint(fit * MILLE) if is_related else 0
    add(profile, event, choices, SLOT_ITEMS)
    add(profile, event, choices, SLOT_ITEM_VALUE, <int64_t>rint(known * SUBMITTED_MILLE))
    if mille:
        add(profile, event, choices, SLOT_COMPLEMENTARY, mille)
    if mille < MILLE:
        add(profile, event, choices, SLOT_NOT_COMPLEMENTARY, MILLE - mille)
    count(profile, COUNT_TACIT if is_tacit(event) else COUNT_EXPLICIT)
    if is_externalised(event):
        count(profile, COUNT_EXTERNALISED)
    return LEARNING | COMPLEMENT
