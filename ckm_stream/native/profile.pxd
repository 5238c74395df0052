# A customer's and an employee's state in memory, as `domain.profile` and `domain.employee` have it.

from libc.stdint cimport int32_t, int64_t, uint64_t

from ckm_stream.native.choices cimport Choices

cdef enum:
    SOURCES = 5
    INDICATORS = 12
    SLOTS = 68  # domain.slots.COUNT
    COUNTERS = 29  # domain.counters.COUNT
    BINS = 16


cdef struct Days:
    # Days since the landmark, ascending, each once.
    int32_t* day
    int count
    int room


cdef struct Announced:
    # What was announced last. Classes are places in `domain.score.SourceClass`.
    bint ever
    int source_class
    int previous  # -1 before the second announcement
    double total
    int64_t as_of  # microseconds
    int64_t version


cdef class Delivery:
    cdef readonly int64_t version
    cdef int partition
    cdef int sources  # how many of `applied` there are: 5 for a customer, 1 for an employee
    cdef int64_t applied[SOURCES]
    cdef Announced announced
    cdef bytes announced_event_id
    cdef readonly dict origins


cdef class Profile:
    cdef readonly Delivery delivery
    cdef bytes seen
    cdef list sums  # by slot an int, or None if no event has added to it
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


cdef class Employee:
    cdef readonly Delivery delivery
    cdef bytes seen
    cdef object handled
    cdef object noted
    cdef int64_t last_at


cdef Profile new_profile(int partition)
cdef Employee new_employee(int partition)

# Add a day if it is not there yet.
cdef int add_day(Days* days, int32_t day) except -1

# Read the newest layout, written under these choices; None if the bytes are anything else: the
# Python codec then reads them or knows why not.
cdef Profile decode_profile(bytes data, Choices choices)
cdef Employee decode_employee(bytes data, Choices choices)

# The bytes of `codec.state`, to the byte.
cdef bytes encode_profile(Profile profile, Choices choices)
cdef bytes encode_employee(Employee employee, Choices choices)
