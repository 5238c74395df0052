# What several kinds of events have in common: the evidence they give by taking place at all.

from libc.stdint cimport int32_t, int64_t

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.touchpoint cimport Event

cdef enum:
    MICROS = 1_000_000
    DAY_S = 86_400
    MILLE = 1000
    ADOPTED_MILLE = 750

cdef enum:
    # The worth of a contact.
    LEVEL_REPORT, LEVEL_QUESTION, LEVEL_CHASE, LEVEL_NOTHING

cdef double DEFAULT_NOVELTY

# Seconds since the landmark.
cdef int64_t age_of(const Event* event, Choices choices) noexcept

# Add so many weights of the slot's indicator; its sum is there from then on, also if it is 0.
cdef int add(
    Profile profile, const Event* event, Choices choices, int slot, int64_t times=*
) except -1
cdef int count(Profile profile, int counter, int64_t more=*) except -1
cdef int64_t total_of(int64_t one, int64_t other) noexcept

cdef int source_bin(const Event* event) noexcept
cdef int32_t day_of(const Event* event, Choices choices) noexcept
cdef int level_of(const Event* event, bint has_told) noexcept

# All of these return the bits of the indicators that the event fed.
cdef int fold_arrival(
    Profile profile, const Event* event, Choices choices, bint is_structured
) except -1
cdef int fold_handler(Profile profile, const Event* event, Choices choices) except -1
cdef int fold_consent(Profile profile, const Event* event, Choices choices) except -1
cdef int fold_response(
    Profile profile, const Event* event, Choices choices, int response
) except -1
cdef int fold_contact(Profile profile, const Event* event, Choices choices, int level) except -1
cdef int fold_item(
    Profile profile, const Event* event, Choices choices, bint is_related
) except -1
