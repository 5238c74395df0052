# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Where a forwarded event came from, so that one that is sent twice counts once.

Twin of `pipeline.origin`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t

from ckm_stream.native.delivery cimport Delivery, new_delivery

from ckm_stream.pipeline import origin as reference

cdef enum:
    PARTITION_DIGITS = 4
    OFFSET_DIGITS = 18

cdef str _HEADER = reference.HEADER
cdef int _SOURCES = reference._SOURCES


cdef bint advance(Delivery delivery, object headers) except -1:
    cdef int64_t stream, offset
    for name, value in headers:
        if name == _HEADER and read_origin(value, &stream, &offset):
            if offset <= delivery.origins.get(stream, -1):
                return False
            delivery.origins[stream] = offset
            return True
    return True


cdef tuple headers_of(int source, int partition, int64_t offset):
    return ((_HEADER, b"%d:%d:%d" % (source, partition, offset)),)


cdef bint read_origin(object value, int64_t* stream, int64_t* offset) except -1:
    # From source:partition:offset, each in decimal digits.
    cdef bytes text = value
    cdef const char* at = PyBytes_AS_STRING(text)
    cdef const char* end = at + PyBytes_GET_SIZE(text)
    cdef int64_t source, partition
    at = read_digits(at, end, 1, &source)
    if at is NULL or source >= _SOURCES or at == end or at[0] != c':':
        return False
    at = read_digits(at + 1, end, PARTITION_DIGITS, &partition)
    if at is NULL or at == end or at[0] != c':':
        return False
    stream[0] = partition * _SOURCES + source
    return read_digits(at + 1, end, OFFSET_DIGITS, offset) == end


cdef const char* read_digits(
    const char* at, const char* end, int most, int64_t* number
) noexcept:
    # Return what is behind the digits; NULL if there are none, or more than so many.
    cdef const char* start = at
    number[0] = 0
    while at < end and c'0' <= at[0] <= c'9':
        if at - start == most:
            return NULL
        number[0] = number[0] * 10 + (at[0] - c'0')
        at += 1
    return NULL if at == start else at


def advanced(origins: dict[int, int], headers: object) -> bool:
    """Note the origin of *headers* in *origins*, as a delivery does. For tests."""
    cdef Delivery delivery = new_delivery(0, 1)
    delivery.origins = origins
    return advance(delivery, headers)
