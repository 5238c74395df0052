# Which style of working with a source fits.

from libc.stdint cimport int64_t

cdef enum:
    DOUBTED = 6  # its place in `ADVICES`

# The place in `ADVICES` for a source of this class.
cdef int advise(
    int source_class, const int64_t* counts, double contacts_per_week, bint lead_user
) noexcept
