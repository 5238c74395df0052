# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
The days with something on them, ascending, and what the recent ones are still worth.

Twin of `domain.days`, over numbers where that has bits.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport realloc
from libc.string cimport memmove

from ckm_stream.native.choices cimport Choices


cdef int reserve_days(Days* days, Py_ssize_t room) except -1:
    cdef int32_t* day = <int32_t*>realloc(days.day, room * sizeof(int32_t))
    if day is NULL:
        raise MemoryError
    days.day, days.room = day, <int>room
    return 0


cdef int add_day(Days* days, int32_t day) except -1:
    cdef int low = 0
    cdef int high = days.count
    cdef int middle
    if high and days.day[high - 1] < day:
        low = high  # nearly always: events come about in order
    while low < high:
        middle = (low + high) // 2
        if days.day[middle] < day:
            low = middle + 1
        else:
            high = middle
    if low < days.count and days.day[low] == day:
        return 0
    if days.count == days.room:
        reserve_days(days, 2 * days.room + 4)
    memmove(days.day + low + 1, days.day + low, (days.count - low) * sizeof(int32_t))
    days.day[low] = day
    days.count += 1
    return 0


cdef double decayed_days(const Days* kinds, int kind, int64_t today, Choices choices) noexcept:
    # The days with a contact of this kind and of no kind before it, the newest first.
    cdef double worth = 0.0
    cdef int before[3]
    cdef int place, other
    cdef int32_t day
    cdef int64_t age
    for other in range(kind):
        before[other] = kinds[other].count - 1
    for place in range(kinds[kind].count - 1, -1, -1):
        day = kinds[kind].day[place]
        age = today - day
        if age >= choices.contact_decay_days:
            break
        for other in range(kind):
            if walk_to(&kinds[other], &before[other], day):
                break
        else:
            worth += choices.contact_decay[age if age > 0 else 0]
    return worth


cdef inline bint walk_to(const Days* days, int* place, int32_t day) noexcept:
    # Go down from *place* to the day or below it; whether it is there.
    while place[0] >= 0 and days.day[place[0]] > day:
        place[0] -= 1
    return place[0] >= 0 and days.day[place[0]] == day
