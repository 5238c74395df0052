# A customer's and an employee's state in memory, as `domain.profile` and `domain.employee` have it.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ckm_stream.native.days cimport Days
from ckm_stream.native.delivery cimport Delivery
from ckm_stream.native.wide cimport wide

cdef enum:
    INDICATORS = 12
    SLOTS = 70  # domain.slots.COUNT
    COUNTERS = 29  # domain.counters.COUNT
    BINS = 16
    MOST_MENTIONS = 32  # domain.mentions.MOST_MENTIONS


cdef class Profile:
    cdef readonly Delivery delivery
    cdef bytes seen
    # By slot: whether any event has added to its sum, and the sum, without the idle bits of its
    # indicator; of those that 128 bits are too few for, the sum by slot, None if there are none.
    cdef uint8_t has_sum[SLOTS]
    cdef wide sums[SLOTS]
    cdef dict longer
    cdef int64_t idle[INDICATORS]
    cdef int64_t counts[COUNTERS]
    cdef Days purchase_days
    cdef Days contact_days[3]
    cdef int64_t first_value[3]
    cdef int64_t first_in_category[BINS]  # Unix seconds, -1 if never
    cdef uint64_t referred[4]
    cdef uint64_t referred_buyers[4]
    cdef int64_t first_s
    cdef int64_t last_at
    cdef int64_t first_purchase_s
    cdef int64_t last_purchase_s
    cdef int64_t last_complaint_s
    # The newest evidence of the indicators, newest first; the bits are disjoint.
    cdef int newest
    cdef int64_t newest_at[INDICATORS]
    cdef int newest_bits[INDICATORS]
    cdef list newest_ids  # of bytes, UTF-8
    # First mentions, in the order of their keys, with room for one too many.
    cdef int mentions
    cdef uint32_t mention_key[MOST_MENTIONS + 1]
    cdef int64_t mention_s[MOST_MENTIONS + 1]
    cdef int64_t referred_s  # -1 if nobody sent the customer
    cdef uint64_t referrer
    cdef uint64_t network_id


cdef class Employee:
    cdef readonly Delivery delivery
    cdef bytes seen
    cdef object handled
    cdef object noted
    cdef int64_t last_at


cdef Profile new_profile(int partition)
cdef Employee new_employee(int partition)


cdef inline void forget_firsts(Profile profile) noexcept:
    cdef int category
    for category in range(BINS):
        profile.first_in_category[category] = -1
