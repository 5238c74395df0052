# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
A customer's exact sums, and how a state's bytes have them: without the bits that are idle.

Twin of what `domain.folding` adds, `domain.indicators` reads and `codec.state` writes, to the byte.
A sum that 128 bits are too few for is an int of Python's, in `Profile.longer`.
"""

from cpython.long cimport PyLong_AsDouble, PyLong_AsLongLongAndOverflow, PyLong_AsUnsignedLongLongMask
from libc.math cimport ldexp
from libc.stdint cimport int64_t, uint8_t, uint64_t

from ckm_stream.domain.slots import INDICATOR_OF
from ckm_stream.native.choices cimport Choices
from ckm_stream.native.decay cimport mantissa
from ckm_stream.native.msgpack cimport (
    expect_array, fail, is_binary, pack_array, pack_bytes, pack_int, pack_one, pack_uint,
    read_binary, read_bits, read_uint,
)
from ckm_stream.native.profile cimport INDICATORS, SLOTS, Profile
from ckm_stream.native.wide cimport add_wide, high_of, low_of, shift_wide, wide, wide_of
from ckm_stream.native.wire cimport Cursor, Text, bytes_of

cdef enum:
    DAY_S = 86_400

cdef int _indicator_of[SLOTS]
_indicator_of[:] = INDICATOR_OF


cdef int find_idle_bits(int64_t* idle, int64_t first_s, Choices choices) except -1:
    cdef int64_t age_s = first_s - choices.landmark_s if first_s >= 0 else 0
    cdef int place, earlier
    if age_s < 0:
        raise ValueError("a customer's first event lies before the landmark")
    age_s -= age_s % DAY_S
    for place in range(INDICATORS):
        for earlier in range(place):
            if choices.half_life_s[earlier] == choices.half_life_s[place]:
                idle[place] = idle[earlier]
                break
        else:
            idle[place] = age_s // choices.half_life_s[place]
    return 0


cdef int settle_sums(Profile profile, Choices choices) except -1:
    cdef int64_t idle[INDICATORS]
    cdef int place, slot
    find_idle_bits(idle, profile.first_s, choices)
    for slot in range(SLOTS):
        place = _indicator_of[slot]
        if profile.has_sum[slot] and profile.idle[place] != idle[place]:
            shift_sum(profile, slot, profile.idle[place] - idle[place])
    for place in range(INDICATORS):
        profile.idle[place] = idle[place]
    return 0


cdef int shift_sum(Profile profile, int slot, int64_t bits) except -1:
    if is_long(profile, slot) or shift_wide(profile.sums[slot], bits, &profile.sums[slot]):
        value = integer(profile, slot)
        keep_long(profile, slot, value << bits if bits > 0 else value >> -bits)
    return 0


cdef int add_weights(
    Profile profile, int slot, int64_t age_s, int64_t times, Choices choices
) except -1:
    cdef int indicator = _indicator_of[slot]
    cdef int64_t half_life_s = choices.half_life_s[indicator]
    cdef int64_t bits = age_s // half_life_s - profile.idle[indicator]
    cdef int64_t one = mantissa(age_s, half_life_s)
    cdef wide part
    profile.has_sum[slot] = True
    if (
        is_long(profile, slot)
        or shift_wide(<wide>one * times, bits, &part)  # 53 bits and 64
        or add_wide(profile.sums[slot], part, &profile.sums[slot])
    ):
        keep_long(profile, slot, integer(profile, slot) + (<object>one * <object>times << bits))
    return 0


cdef inline bint is_long(Profile profile, int slot) noexcept:
    return profile.longer is not None and slot in profile.longer


cdef int keep_long(Profile profile, int slot, object value) except -1:
    if profile.longer is None:
        profile.longer = {}
    profile.longer[slot] = value
    return 0


cdef object integer(Profile profile, int slot):
    if is_long(profile, slot):
        return profile.longer[slot]
    return <object>high_of(profile.sums[slot]) << 64 | <object>low_of(profile.sums[slot])


cdef double read_sum(Profile profile, int slot) except? -1.0:
    if is_long(profile, slot):
        return PyLong_AsDouble(profile.longer[slot])
    return <double>profile.sums[slot]


cdef double read_total(Profile profile, const int* slots, int count) except? -1.0:
    cdef wide total = 0
    cdef int place
    for place in range(count):
        if is_long(profile, slots[place]) or add_wide(total, profile.sums[slots[place]], &total):
            return PyLong_AsDouble(sum([integer(profile, slots[each]) for each in range(count)]))
    return <double>total


cdef double read_difference(Profile profile, int slot, int less) except? -1.0:
    cdef wide difference
    if (
        is_long(profile, slot)
        or is_long(profile, less)
        or add_wide(profile.sums[slot], -profile.sums[less], &difference)
    ):
        return PyLong_AsDouble(integer(profile, slot) - integer(profile, less))
    return <double>difference


cdef void unite(double* damping, Profile profile) noexcept:
    cdef int place
    for place in range(INDICATORS):
        damping[place] = united(damping[place], profile, place)


cdef double united(double damping, Profile profile, int indicator) noexcept:
    return ldexp(damping, <int>profile.idle[indicator])


# Bytes.


cdef int read_sums(Cursor* c, Profile profile) except -1:
    cdef Text slots = read_binary(c)
    cdef uint64_t lows[SLOTS]
    cdef uint64_t high
    cdef Py_ssize_t place
    cdef bint negative
    if slots.size > SLOTS:
        fail(c)
        return 0
    expect_array(c, slots.size)
    for place in range(slots.size):
        lows[place] = read_uint(c)
        if slots.at[place] >= SLOTS:
            fail(c)
    expect_array(c, slots.size)
    if c.bad:
        return 0
    for place in range(slots.size):
        slot = slots.at[place]
        profile.has_sum[slot] = True
        if is_binary(c):
            above = int.from_bytes(bytes_of(read_binary(c)), "little", signed=True)
            keep_long(profile, slot, above << 64 | <object>lows[place])
            continue
        high = read_bits(c, &negative)
        profile.sums[slot] = wide_of(lows[place], <int64_t>high)
        if not negative and high >> 63:
            keep_long(profile, slot, <object>high << 64 | <object>lows[place])
    return 0


cdef list long_highs(Profile profile):
    # What is above the low 64 bits of the long sums, in their order, where 64 bits signed are too
    # few for it; None if they never are. If 64 bits are too few for one of them, all are bytes.
    cdef list highs = None
    if profile.longer is not None:
        highs = [profile.longer[slot] >> 64 for slot in sorted(profile.longer)]
        highs = [high for high in highs if not -(1 << 63) <= high < 1 << 63]
        if not all([0 < high < 1 << 64 for high in highs]):
            highs = [
                high.to_bytes((high.bit_length() >> 3) + 1, "little", signed=True)
                for high in highs
            ]
    return highs


cdef uint8_t* pack_sums(uint8_t* at, Profile profile, list highs) except NULL:
    cdef int slot
    cdef int count = 0
    cdef int number = 0
    cdef uint8_t* slots = at + 2
    for slot in range(SLOTS):
        if profile.has_sum[slot]:
            slots[count] = slot
            count += 1
    at = pack_one(at, 0xC4, count)
    at = pack_array(at + count, count)
    for slot in range(SLOTS):
        if profile.has_sum[slot]:
            at = pack_uint(at, low_bits(profile, slot))
    at = pack_array(at, count)
    for slot in range(SLOTS):
        if not profile.has_sum[slot]:
            continue
        if highs is None or not is_long(profile, slot):
            at = pack_int(at, high_of(profile.sums[slot]))
        else:
            at = pack_long_high(at, profile.longer[slot] >> 64, highs, &number)
    return at


cdef inline uint64_t low_bits(Profile profile, int slot):
    if is_long(profile, slot):
        return PyLong_AsUnsignedLongLongMask(profile.longer[slot])
    return low_of(profile.sums[slot])


cdef uint8_t* pack_long_high(uint8_t* at, object high, list highs, int* number) except NULL:
    cdef int overflow
    cdef int64_t bits = PyLong_AsLongLongAndOverflow(high, &overflow)
    if not overflow:
        return pack_int(at, bits)
    high = highs[number[0]]
    number[0] += 1
    if isinstance(high, bytes):
        return pack_bytes(at, <bytes>high)
    return pack_uint(at, PyLong_AsUnsignedLongLongMask(high))
