# From a profile to its score.

from libc.stdint cimport int64_t

from ckm_stream.native.choices cimport Choices, EpochNumbers
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.score cimport Score

# Score as of a Unix second, which is not before the newest event.
cdef int read_score(
    Score* score, Profile profile, int64_t as_of_s, Choices choices, EpochNumbers epoch
) except -1

# From a dimension's weighted mean to the dimension, and from the dimensions to the total.
cdef double clamp(double mean) noexcept
cdef double combine(const double* dimensions, EpochNumbers epoch) noexcept


# The mean of a dimension's indicators, which begin at *first*.
cdef inline double mean_of(const double* x, const double* u, int first) noexcept:
    x += first
    u += first
    return u[0] * x[0] + u[1] * x[1] + u[2] * x[2] + u[3] * x[3]
