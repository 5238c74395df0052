# Forward decay, as `domain.decay` has it.

from libc.stdint cimport int64_t

from ckm_stream.native.choices cimport Prior

# w(t) at a time since the landmark; of it, what is to be shifted by its whole half-lives.
cdef object weight(int64_t age_s, int64_t half_life_s)
cdef int64_t mantissa(int64_t age_s, int64_t half_life_s) noexcept

# 1/w(now) for one half-life, and for those of all indicators.
cdef double damping_of(int64_t age_s, int64_t half_life_s) noexcept
cdef void read_dampings(double* damping, int64_t age_s, const int64_t* half_life_s) noexcept

# The decayed length of the time since an instant so long ago.
cdef double exposure_s(int64_t age_s, int64_t half_life_s) noexcept


cdef inline double beta_mean(double supporting, double against, Prior prior) noexcept:
    return (prior.a + supporting) / (prior.a + prior.b + supporting + against)
