# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Which events are the newest evidence of the indicators: twin of `domain.facts.note_newest`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t
from libc.string cimport memcmp, memmove

from ckm_stream.native.profile cimport Profile
from ckm_stream.native.touchpoint cimport Event


cdef int note_newest(Profile profile, const Event* event, int bits) except -1:
    cdef int place = 0
    cdef int each, left
    cdef bytes name
    while place < profile.newest and is_newer(profile, place, event) > 0:
        bits &= ~profile.newest_bits[place]
        place += 1
    if not bits:
        return 0
    if place < profile.newest and is_newer(profile, place, event) == 0:
        # The same time and id from another system.
        bits |= profile.newest_bits[place]
    each = place
    while each < profile.newest:
        left = profile.newest_bits[each] & ~bits
        if left:
            profile.newest_bits[each] = left
            each += 1
        else:
            shift_newest(profile, each + 1, -1)
            del profile.newest_ids[each]
    shift_newest(profile, place, 1)
    name = PyBytes_FromStringAndSize(<const char*>event.event_id.at, event.event_id.size)
    profile.newest_at[place], profile.newest_bits[place] = event.occurred_at, bits
    profile.newest_ids.insert(place, name)
    return 0


cdef int is_newer(Profile profile, int place, const Event* event) noexcept:
    # 1 if the entry is newer than the event, 0 if it has its time and id, -1 if it is older. Bytes
    # of UTF-8 compare as the texts do.
    cdef bytes name
    cdef Py_ssize_t size
    cdef int order
    if profile.newest_at[place] != event.occurred_at:
        return 1 if profile.newest_at[place] > event.occurred_at else -1
    name = profile.newest_ids[place]
    size = PyBytes_GET_SIZE(name)
    order = memcmp(PyBytes_AS_STRING(name), event.event_id.at, min(size, event.event_id.size))
    if not order:
        return (size > event.event_id.size) - (size < event.event_id.size)
    return 1 if order > 0 else -1


cdef int shift_newest(Profile profile, int place, int by) noexcept:
    # Move the entries from *place* on. There is room: their bits are disjoint.
    cdef size_t count = profile.newest - place
    memmove(&profile.newest_at[place + by], &profile.newest_at[place], count * sizeof(int64_t))
    memmove(&profile.newest_bits[place + by], &profile.newest_bits[place], count * sizeof(int))
    profile.newest += by
    return 0
