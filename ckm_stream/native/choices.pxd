# The policy and the epoch as plain numbers, read once.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from ckm_stream.native.touchpoint cimport Limits


cdef struct Prior:
    double a
    double b


cdef struct Topics:
    # First mentions by topic, as `domain.topics.TopicTable` has them.
    int count
    uint32_t* key  # rising
    int* first  # by topic, the place of its first second, and behind the last
    int64_t* seconds  # of all topics


cdef class Choices:
    cdef readonly bytes fingerprint
    cdef readonly int layout  # that states are written in
    cdef Limits limits
    cdef int64_t landmark_s
    cdef int64_t in_time_us
    cdef int64_t new_category_after_s
    cdef int seen_capacity
    cdef int64_t half_life_s[12]  # V1 to A4
    cdef int64_t default_margin_permille
    cdef int64_t call_cost
    cdef int64_t ticket_cost
    cdef double referred_margin
    cdef double referrer_share
    cdef double kappas[3]
    cdef double* contact_decay
    cdef int contact_decay_days  # entries of contact_decay
    cdef double n0
    cdef double epsilon
    cdef double lead_user_from


cdef class EpochNumbers:
    cdef readonly int64_t epoch_id
    cdef int64_t effective_from  # microseconds
    # The scale: tables of quantiles, or saturation of some indicators.
    cdef double* knots  # values of all tables, then their shares; NULL without tables
    cdef int first_knot[13]  # of each table, and behind the last
    cdef int saturating  # how many indicators saturate
    cdef int place[12]
    cdef double half_point[12]
    cdef double within[12]
    cdef double between[3]
    cdef double high[3]
    cdef double reference[12]
    cdef double reference_means[3]
    cdef double weights[12]
    cdef Topics topics
    cdef int rates  # 0, or 16 employee rates
    cdef double rate[16]
    # What referrals bring beyond the first step, by network ids, which rise.
    cdef Py_ssize_t network
    cdef uint64_t* network_id
    cdef double* network_value
    cdef int64_t as_of_s
    cdef Prior new_categories
    cdef Prior referred_buyers
    cdef Prior credibility
    cdef Prior contact_frequency
    cdef Prior acceptance_rate
    cdef Prior trust
    cdef Prior perceived_benefit
    cdef Prior source_diversity
    cdef Prior complementarity
    cdef Prior employee_motivation
    cdef Prior it_support
