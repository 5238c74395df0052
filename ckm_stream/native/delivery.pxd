# How far the delivery of a state has come, as `domain.profile.Delivery` has it.

from libc.stdint cimport int64_t, uint8_t

from ckm_stream.native.wire cimport Cursor

cdef enum:
    SOURCES = 6
    FIRST_SOURCES = 5  # of layouts 1 and 2


cdef struct Announced:
    # What was announced last. Classes are places in `domain.score.SourceClass`.
    bint ever
    int source_class
    int previous  # -1 before the second announcement
    double total
    int64_t as_of  # microseconds
    int64_t version
    int64_t epoch


cdef class Delivery:
    cdef readonly int64_t version
    cdef int partition
    cdef int sources  # how many of `applied` there are: 6 for a customer, 1 for an employee
    cdef int64_t applied[SOURCES]
    cdef Announced announced
    cdef bytes announced_event_id
    cdef readonly dict origins


cdef Delivery new_delivery(int partition, int sources)

# Its part of a state's bytes in a layout; for writing there must be room.
cdef Delivery read_delivery(Cursor* c, int sources, int layout)
cdef uint8_t* pack_delivery(uint8_t* at, Delivery delivery, int layout) except NULL
