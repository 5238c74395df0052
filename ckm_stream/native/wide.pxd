# Signed integers of 128 bits: exact sums without an object of Python's for each.

from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    typedef __int128 ckm_wide;

    static inline int ckm_wide_add(ckm_wide one, ckm_wide other, ckm_wide *sum) {
        ckm_wide wrapped;
        if (__builtin_add_overflow(one, other, &wrapped)) return 1;
        *sum = wrapped;
        return 0;
    }

    /* GCC and Clang shift a signed number as its bits are, to the right with its sign. */
    static inline int ckm_wide_shift(ckm_wide value, long long bits, ckm_wide *shifted) {
        if (!value || bits == 0) { *shifted = value; return 0; }
        if (bits < 0) { *shifted = value >> (bits < -127 ? 127 : -bits); return 0; }
        if (bits > 126) return 1;
        if (value << bits >> bits != value) return 1;
        *shifted = value << bits;
        return 0;
    }
    """
    ctypedef long long wide "ckm_wide"
    # Both return whether the result needs more than 128 bits, and leave it alone then; a shift by
    # less than 0 is to the right, and rounds down.
    bint add_wide "ckm_wide_add" (wide one, wide other, wide* sum) noexcept nogil
    bint shift_wide "ckm_wide_shift" (wide value, int64_t bits, wide* shifted) noexcept nogil


cdef inline wide wide_of(uint64_t low, int64_t high) noexcept nogil:
    return <wide>high << 64 | low


cdef inline uint64_t low_of(wide value) noexcept nogil:
    return <uint64_t>value


cdef inline int64_t high_of(wide value) noexcept nogil:
    return <int64_t>(value >> 64)
