# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
The newest event ids of a state, for dropping duplicates: twin of `domain.seen`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.hashes cimport bin_of, blake2b
from ckm_stream.native.touchpoint cimport Event
from ckm_stream.native.wire cimport Buffer, put_byte, put_raw

cdef enum:
    TIME_BYTES = 7
    DIGEST_BYTES = 8
    RECORD_BYTES = 15

# Where short-lived bytes are put together.
cdef Buffer SCRATCH


cdef uint64_t digest_of(const Event* event) except? 0:
    SCRATCH.size = 0
    put_raw(&SCRATCH, event.system.at, event.system.size)
    put_byte(&SCRATCH, 0)
    put_raw(&SCRATCH, event.event_id.at, event.event_id.size)
    return blake2b(SCRATCH.data, SCRATCH.size, DIGEST_BYTES)


cdef bint is_seen(bytes seen, uint64_t digest) noexcept:
    cdef const char* packed = PyBytes_AS_STRING(seen)
    cdef Py_ssize_t last = PyBytes_GET_SIZE(seen) - DIGEST_BYTES
    cdef Py_ssize_t place = TIME_BYTES
    while place <= last:
        if not memcmp(packed + place, &digest, DIGEST_BYTES):
            return True
        place += RECORD_BYTES
    return False


cdef bytes with_record(bytes seen, const Event* event, uint64_t digest, Choices choices):
    # The newest records of *seen* and the event's, as many as are kept.
    cdef uint64_t age_micros = event.occurred_at - choices.limits.landmark_at
    cdef const char* packed = PyBytes_AS_STRING(seen)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(seen)
    cdef Py_ssize_t cut, surplus
    cdef uint8_t record[RECORD_BYTES]
    cdef int each
    for each in range(TIME_BYTES):
        record[each] = <uint8_t>(age_micros >> 8 * (TIME_BYTES - 1 - each))
    memcpy(record + TIME_BYTES, &digest, DIGEST_BYTES)
    cut = place_of(record, packed, size)
    SCRATCH.size = 0
    put_raw(&SCRATCH, packed, cut)
    put_raw(&SCRATCH, record, RECORD_BYTES)
    put_raw(&SCRATCH, packed + cut, size - cut)
    surplus = max(0, SCRATCH.size - choices.seen_capacity * RECORD_BYTES)
    return PyBytes_FromStringAndSize(<char*>SCRATCH.data + surplus, SCRATCH.size - surplus)


cdef Py_ssize_t place_of(const uint8_t* record, const char* packed, Py_ssize_t size) noexcept:
    # Where the sorted records that are not less begin; nearly every event is the newest.
    cdef Py_ssize_t low = 0
    cdef Py_ssize_t high = size // RECORD_BYTES
    cdef Py_ssize_t middle
    if not size or memcmp(record, packed + size - RECORD_BYTES, RECORD_BYTES) > 0:
        return size
    while low < high:
        middle = (low + high) // 2
        if memcmp(packed + middle * RECORD_BYTES, record, RECORD_BYTES) < 0:
            low = middle + 1
        else:
            high = middle
    return low * RECORD_BYTES


def hashed(message: bytes) -> tuple[bytes, int, int]:
    """Return the digest that an id is seen by, the bit of a linear counter, and the bin."""
    cdef const uint8_t* at = message
    cdef Py_ssize_t size = len(message)
    cdef uint64_t digest = blake2b(at, size, DIGEST_BYTES)
    return digest.to_bytes(8, "little"), blake2b(at, size, 1), bin_of(at, size)
