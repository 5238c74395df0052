# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
A customer's sums as a state's bytes have them: in 64-bit parts, without the bits that are idle.

Twin of what `codec.state` does with sums, to the byte.
"""

from cpython.long cimport (
    PyLong_AsLongLongAndOverflow,
    PyLong_AsUnsignedLongLongMask,
    PyLong_FromDouble,
    PyLong_FromLongLong,
    PyLong_FromUnsignedLongLong,
)
from cpython.number cimport PyNumber_Add, PyNumber_Lshift, PyNumber_Or, PyNumber_Rshift
from cpython.object cimport PyObject
from libc.math cimport ldexp
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from ckm_stream.domain.slots import INDICATOR_OF
from ckm_stream.native.choices cimport Choices
from ckm_stream.native.msgpack cimport (
    expect_array, fail, is_binary, pack_array, pack_bytes, pack_int, pack_one, pack_uint,
    read_binary, read_bits, read_uint,
)
from ckm_stream.native.profile cimport INDICATORS, SLOTS, Profile
from ckm_stream.native.wire cimport Cursor, Text, bytes_of

cdef extern from "Python.h":
    PyObject* PyList_GET_ITEM(object values, Py_ssize_t place)  # borrowed

cdef enum:
    DAY_S = 86_400
    MOST_IDLE_BITS = 1_024  # domain.policy.MAX_HALVINGS is 850; a damaged state may say more
    MOST_EXPONENT = 900  # so that no sum read by way of a double overflows

cdef uint64_t LOW_53 = (<uint64_t>1 << 53) - 1
cdef int64_t MOST_HIGH = <int64_t>1 << 41  # with 11 bits of the low part a double still holds it

cdef int _indicator_of[SLOTS]
_indicator_of[:] = INDICATOR_OF


cdef int find_idle_bits(int64_t* idle, int64_t first_s, Choices choices) except -1:
    # By indicator, the low bits that are 0 in all sums of a customer first seen then.
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


# Reading.


cdef void read_sums(Cursor* c, Sums* sums) noexcept:
    cdef Text slots = read_binary(c)
    cdef int place
    cdef bint negative
    sums.count = 0
    if slots.size > SLOTS:
        fail(c)
        return
    sums.count = <int>slots.size
    for place in range(sums.count):
        sums.slots[place] = slots.at[place]
        if slots.at[place] >= SLOTS:
            fail(c)
    expect_array(c, sums.count)
    for place in range(sums.count):
        sums.lows[place] = read_uint(c)
    expect_array(c, sums.count)
    for place in range(sums.count):
        sums.longer[place].at = NULL
        if is_binary(c):
            sums.longer[place] = read_binary(c)
        else:
            sums.highs[place] = read_bits(c, &negative)
            sums.positive[place] = not negative


cdef object sum_of(const Sums* sums, int place, int64_t idle):
    cdef uint64_t low = sums.lows[place]
    cdef int64_t high = <int64_t>sums.highs[place]
    cdef object above
    if sums.longer[place].at is not NULL:
        above = int.from_bytes(bytes_of(sums.longer[place]), "little", signed=True)
    elif not high:
        return shifted(low, idle)
    elif sums.positive[place] == (high > 0) and -MOST_HIGH < high < MOST_HIGH:
        return long_sum(low, high, idle)
    elif sums.positive[place]:
        above = PyLong_FromUnsignedLongLong(sums.highs[place])
    else:
        above = PyLong_FromLongLong(high)
    return PyNumber_Lshift(PyNumber_Or(PyNumber_Lshift(above, 64), low), idle)


cdef inline object shifted(uint64_t low, int64_t idle):
    # Where it loses nothing by way of a double, which saves the number before the shift.
    cdef uint64_t lowest = low & -low
    if idle < 64 and low <= <uint64_t>0x7FFFFFFFFFFFFFFF >> idle:
        return PyLong_FromLongLong(<int64_t>(low << idle))
    if idle < MOST_EXPONENT and (lowest > 0x7FF or low < lowest << 53):
        return PyLong_FromDouble(ldexp(<double>low, <int>idle))
    return PyNumber_Lshift(PyLong_FromUnsignedLongLong(low), idle)


cdef inline object long_sum(uint64_t low, int64_t high, int64_t idle):
    # Two doubles, of the low 53 bits and of up to 53 above, save four numbers on the way.
    if idle >= MOST_EXPONENT:
        return PyNumber_Lshift(PyNumber_Or(PyNumber_Lshift(high, 64), low), idle)
    above = PyLong_FromDouble(ldexp(<double>(high * 2048 + <int64_t>(low >> 53)), <int>idle + 53))
    return PyNumber_Add(above, PyLong_FromDouble(ldexp(<double>(low & LOW_53), <int>idle)))


cdef list unpack_sums(const Sums* sums, int64_t first_s, Choices choices):
    # None if the customer was first seen too early or too late for any policy.
    cdef int64_t idle[INDICATORS]
    cdef list values = [None] * SLOTS
    cdef int place, slot
    if 0 <= first_s < choices.landmark_s:
        return None
    find_idle_bits(idle, first_s, choices)
    for place in range(INDICATORS):
        if idle[place] > MOST_IDLE_BITS:
            return None
    for place in range(sums.count):
        slot = sums.slots[place]
        values[slot] = sum_of(sums, place, idle[_indicator_of[slot]])
    return values


# Writing.


cdef list split_sums(Sums* sums, Profile profile, Choices choices):
    # Fill *sums*; return the high parts, in their order, that do not fit 64 bits signed, None if
    # all do.
    cdef int64_t idle[INDICATORS]
    cdef list long_highs = None
    cdef PyObject* value
    cdef int slot
    cdef int count = 0
    find_idle_bits(idle, profile.first_s, choices)
    for slot in range(SLOTS):
        value = PyList_GET_ITEM(profile.sums, slot)
        if value is not <PyObject*>None:
            sums.slots[count] = slot
            high = split_sum(sums, count, <object>value, idle[_indicator_of[slot]])
            if high is not None:
                long_highs = [] if long_highs is None else long_highs
                long_highs.append(high)
            count += 1
    sums.count = count
    return long_highs


cdef inline object split_sum(Sums* sums, int place, object value, int64_t idle):
    cdef int overflow
    cdef int64_t bits
    if idle:
        value = PyNumber_Rshift(value, idle)
    bits = PyLong_AsLongLongAndOverflow(value, &overflow)
    sums.positive[place] = False
    if not overflow:
        sums.lows[place] = <uint64_t>bits
        sums.highs[place] = <uint64_t>(bits >> 63)
        return None
    sums.lows[place] = PyLong_AsUnsignedLongLongMask(value)
    value = PyNumber_Rshift(value, 64)
    sums.highs[place] = <uint64_t>PyLong_AsLongLongAndOverflow(value, &overflow)
    sums.positive[place] = overflow != 0
    return value if overflow else None


cdef list written_highs(list long_highs):
    # If one of them fits no 64-bit integer, all are written as bytes.
    cdef object high
    if all([0 < high < 1 << 64 for high in long_highs]):
        return long_highs
    return [
        high.to_bytes((high.bit_length() >> 3) + 1, "little", signed=True) for high in long_highs
    ]


cdef uint8_t* pack_sums(uint8_t* at, const Sums* sums, list long_highs) noexcept:
    cdef int place
    cdef int number = 0
    at = pack_one(at, 0xC4, sums.count)
    memcpy(at, sums.slots, sums.count)
    at = pack_array(at + sums.count, sums.count)
    for place in range(sums.count):
        at = pack_uint(at, sums.lows[place])
    at = pack_array(at, sums.count)
    for place in range(sums.count):
        if not sums.positive[place]:
            at = pack_int(at, <int64_t>sums.highs[place])
        elif isinstance(long_highs[number], bytes):
            at = pack_bytes(at, <bytes>long_highs[number])
            number += 1
        else:
            at = pack_uint(at, PyLong_AsUnsignedLongLongMask(long_highs[number]))
            number += 1
    return at
