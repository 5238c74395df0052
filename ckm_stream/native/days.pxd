# The days with something on them, as `domain.days` has them.

from libc.stdint cimport int32_t, int64_t

from ckm_stream.native.choices cimport Choices


cdef struct Days:
    # Days since the landmark, ascending, each once.
    int32_t* day
    int count
    int room


# Make room for so many days in all.
cdef int reserve_days(Days* days, Py_ssize_t room) except -1

# Add a day if it is not there yet.
cdef int add_day(Days* days, int32_t day) except -1

# What the days of the kind at this place, and of no kind before it, are worth today.
cdef double decayed_days(const Days* kinds, int kind, int64_t today, Choices choices) noexcept
