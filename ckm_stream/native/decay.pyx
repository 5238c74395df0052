# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Forward decay: what an event's evidence weighs, and what a sum is multiplied with to be read.

Twin of `domain.decay`: the same operations in the same order, so the same bits.
"""

from libc.math cimport ldexp, pow
from libc.stdint cimport int64_t, uint64_t

from ckm_stream.native.profile cimport INDICATORS

import math

from ckm_stream.domain import decay

cdef enum:
    MANTISSAS_KEPT = 256


cdef struct Instant:
    # What a mantissa depends on.
    int64_t age_s
    int64_t half_life_s


# Numbers that the reference works with. Read at run time: a compiler that knows the arguments
# may take another function (exp2 for pow), a last bit off.
cdef double _TWO = math.ldexp(1.0, 1)
cdef double _LN2 = decay._LN2
cdef double _MANTISSA = decay._MANTISSA

# By their instant: an event needs each several times, live events share their seconds.
cdef Instant[MANTISSAS_KEPT] KEPT_INSTANTS
cdef int64_t[MANTISSAS_KEPT] KEPT_MANTISSAS


cdef object weight(int64_t age_s, int64_t half_life_s):
    return <object>mantissa(age_s, half_life_s) << <object>(age_s // half_life_s)


cdef int64_t mantissa(int64_t age_s, int64_t half_life_s) noexcept:
    cdef uint64_t place = (
        <uint64_t>age_s * 0x9E3779B97F4A7C15u + <uint64_t>half_life_s * 0xC2B2AE3D27D4EB4Fu
    ) >> 56
    cdef double share
    if KEPT_INSTANTS[place].age_s != age_s or KEPT_INSTANTS[place].half_life_s != half_life_s:
        share = <double>(age_s % half_life_s) / <double>half_life_s
        KEPT_INSTANTS[place].age_s, KEPT_INSTANTS[place].half_life_s = age_s, half_life_s
        KEPT_MANTISSAS[place] = <int64_t>(pow(_TWO, share) * _MANTISSA)
    return KEPT_MANTISSAS[place]


cdef double damping_of(int64_t age_s, int64_t half_life_s) noexcept:
    cdef double grown = pow(_TWO, <double>(age_s % half_life_s) / <double>half_life_s)
    return ldexp(1.0 / <double><int64_t>(grown * _MANTISSA), -<int>(age_s // half_life_s))


cdef void read_dampings(double* damping, int64_t age_s, const int64_t* half_life_s) noexcept:
    cdef int place, same
    for place in range(INDICATORS):
        same = 0
        while half_life_s[same] != half_life_s[place]:
            same += 1
        if same < place:
            damping[place] = damping[same]
        else:
            damping[place] = damping_of(age_s, half_life_s[place])


cdef double exposure_s(int64_t age_s, int64_t half_life_s) noexcept:
    if age_s <= 0:
        return 0.0
    cdef double left = pow(_TWO, -<double>age_s / <double>half_life_s)
    return <double>half_life_s / _LN2 * (1.0 - left)


def weighed(age_s: int, half_life_s: int) -> int:
    """Return the decay weight at a time since the landmark."""
    return weight(age_s, half_life_s)
