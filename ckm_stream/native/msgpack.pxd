# Msgpack over plain memory, inlined where it is used: what `codec.state` needs of it.
#
# Reading is checked against the end, and whatever is bad leaves the cursor there, so that nothing
# more is read. Writing is not: the writer reserves room enough for the whole value beforehand.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int8_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from ckm_stream.native.wire cimport Cursor, Text, bytes_of


cdef inline void fail(Cursor* c) noexcept nogil:
    c.bad = True
    c.at = c.end


cdef inline uint64_t load_eight(const uint8_t* at) noexcept nogil:
    # Compilers see one instruction in this, and in `pack_eight`.
    return (
        <uint64_t>at[0] << 56 | <uint64_t>at[1] << 48 | <uint64_t>at[2] << 40
        | <uint64_t>at[3] << 32 | <uint64_t>at[4] << 24 | <uint64_t>at[5] << 16
        | <uint64_t>at[6] << 8 | at[7]
    )


cdef inline uint64_t load(const uint8_t* at, int size) noexcept nogil:
    # A big-endian number of 1, 2, 4 or 8 bytes.
    if size == 1:
        return at[0]
    if size == 2:
        return <uint64_t>at[0] << 8 | at[1]
    if size == 4:
        return <uint64_t>at[0] << 24 | <uint64_t>at[1] << 16 | <uint64_t>at[2] << 8 | at[3]
    return load_eight(at)


cdef inline uint64_t read_bits(Cursor* c, bint* negative) noexcept nogil:
    # An integer of any of msgpack's sizes, in two's complement.
    cdef uint8_t head = c.at[0] if c.at < c.end else 0xC1
    cdef int size, idle
    cdef uint64_t value
    negative[0] = head >= 0xE0
    if head < 0x80 or head >= 0xE0:
        c.at += 1
        return <uint64_t><int64_t><int8_t>head
    size = 1 << (head & 3)
    if head < 0xCC or head > 0xD3 or c.end - c.at <= size:
        fail(c)
        return 0
    value = load(c.at + 1, size)
    c.at += 1 + size
    if head >= 0xD0:
        idle = 64 - 8 * size
        value = <uint64_t>(<int64_t>(value << idle) >> idle)
        negative[0] = <int64_t>value < 0
    return value


cdef inline uint64_t read_uint(Cursor* c) noexcept nogil:
    cdef bint negative
    cdef uint64_t value = read_bits(c, &negative)
    if negative:
        fail(c)
    return value


cdef inline int64_t read_int(Cursor* c) noexcept nogil:
    cdef bint negative
    cdef int64_t value = <int64_t>read_bits(c, &negative)
    if value < 0 and not negative:
        fail(c)
    return value


cdef inline int64_t read_within(Cursor* c, int64_t least, int64_t most) noexcept nogil:
    cdef int64_t value = read_int(c)
    if not least <= value <= most:
        fail(c)
        return least
    return value


cdef inline double read_float(Cursor* c) noexcept nogil:
    cdef double value = 0.0
    cdef uint64_t bits
    if c.end - c.at < 9 or c.at[0] != 0xCB:
        fail(c)
        return value
    bits = load_eight(c.at + 1)
    memcpy(&value, &bits, 8)
    c.at += 9
    return value


cdef inline bint read_nil(Cursor* c) noexcept nogil:
    # Whether there is a null, which is then passed.
    if c.at < c.end and c.at[0] == 0xC0:
        c.at += 1
        return True
    return False


cdef inline Py_ssize_t read_size(
    Cursor* c, uint8_t fixed, uint8_t sizes, uint8_t sized, int least
) noexcept nogil:
    # The size in a head from *fixed*, of so many; or in the least, 2·least, … bytes behind a head
    # from *sized*. Never more than there are bytes: everything has at least one.
    cdef uint8_t head = c.at[0] if c.at < c.end else 0xC1
    cdef int width = 0
    cdef Py_ssize_t size = <uint8_t>(head - fixed)
    if size >= sizes:
        if sized <= head <= sized + 2:
            width = least << (head - sized)
        if not 0 < width <= 4 or c.end - c.at <= width:
            fail(c)
            return 0
        size = <Py_ssize_t>load(c.at + 1, width)
    c.at += 1 + width
    if size > c.end - c.at:
        fail(c)
        return 0
    return size


cdef inline Py_ssize_t read_array(Cursor* c) noexcept nogil:
    return read_size(c, 0x90, 16, 0xDC, 2)


cdef inline Py_ssize_t read_map(Cursor* c) noexcept nogil:
    return read_size(c, 0x80, 16, 0xDE, 2)


cdef inline void expect_array(Cursor* c, Py_ssize_t size) noexcept nogil:
    if read_array(c) != size:
        fail(c)


cdef inline bint is_binary(const Cursor* c) noexcept nogil:
    return c.at < c.end and 0xC4 <= c.at[0] <= 0xC6


cdef inline Text read_binary(Cursor* c) noexcept nogil:
    cdef Text text
    text.size = read_size(c, 0, 0, 0xC4, 1)
    text.at = c.at
    c.at += text.size
    return text


cdef inline Text read_string(Cursor* c) noexcept nogil:
    cdef Text text
    text.size = read_size(c, 0xA0, 32, 0xD9, 1)
    text.at = c.at
    c.at += text.size
    return text


cdef inline bytes read_name(Cursor* c):
    # UTF-8 that Python, too, would read.
    cdef Text text = read_string(c)
    cdef uint8_t ones = 0
    cdef Py_ssize_t place
    for place in range(text.size):
        ones |= text.at[place]
    if ones >= 0x80:
        try:
            PyUnicode_DecodeUTF8(<char*>text.at, text.size, NULL)
        except UnicodeDecodeError:
            fail(c)
            return b""
    return bytes_of(text)


# Each writes at *at* and returns where the next value goes.


cdef inline uint8_t* pack_one(uint8_t* at, uint8_t head, uint64_t value) noexcept nogil:
    at[0], at[1] = head, <uint8_t>value
    return at + 2


cdef inline uint8_t* pack_two(uint8_t* at, uint8_t head, uint64_t value) noexcept nogil:
    at[0], at[1], at[2] = head, <uint8_t>(value >> 8), <uint8_t>value
    return at + 3


cdef inline uint8_t* pack_four(uint8_t* at, uint8_t head, uint64_t value) noexcept nogil:
    at[0] = head
    at[1], at[2] = <uint8_t>(value >> 24), <uint8_t>(value >> 16)
    at[3], at[4] = <uint8_t>(value >> 8), <uint8_t>value
    return at + 5


cdef inline uint8_t* pack_eight(uint8_t* at, uint8_t head, uint64_t value) noexcept nogil:
    at[0] = head
    at[1], at[2] = <uint8_t>(value >> 56), <uint8_t>(value >> 48)
    at[3], at[4] = <uint8_t>(value >> 40), <uint8_t>(value >> 32)
    at[5], at[6] = <uint8_t>(value >> 24), <uint8_t>(value >> 16)
    at[7], at[8] = <uint8_t>(value >> 8), <uint8_t>value
    return at + 9


cdef inline uint8_t* pack_uint(uint8_t* at, uint64_t value) noexcept nogil:
    # In as few bytes as msgpack has for it, as msgspec writes integers.
    if value < 0x80:
        at[0] = <uint8_t>value
        return at + 1
    if value > 0xFFFFFFFFu:
        return pack_eight(at, 0xCF, value)
    if value > 0xFFFF:
        return pack_four(at, 0xCE, value)
    if value > 0xFF:
        return pack_two(at, 0xCD, value)
    return pack_one(at, 0xCC, value)


cdef inline uint8_t* pack_int(uint8_t* at, int64_t value) noexcept nogil:
    if value >= 0:
        return pack_uint(at, <uint64_t>value)
    if value >= -32:
        at[0] = <uint8_t>value
        return at + 1
    if value >= -0x80:
        return pack_one(at, 0xD0, <uint64_t>value)
    if value >= -0x8000:
        return pack_two(at, 0xD1, <uint64_t>value)
    if value >= -<int64_t>0x80000000:
        return pack_four(at, 0xD2, <uint64_t>value)
    return pack_eight(at, 0xD3, <uint64_t>value)


cdef inline uint8_t* pack_double(uint8_t* at, double value) noexcept nogil:
    cdef uint64_t bits
    memcpy(&bits, &value, 8)
    return pack_eight(at, 0xCB, bits)


cdef inline uint8_t* pack_nil(uint8_t* at) noexcept nogil:
    at[0] = 0xC0
    return at + 1


cdef inline uint8_t* pack_array(uint8_t* at, Py_ssize_t size) noexcept nogil:
    if size < 16:
        at[0] = <uint8_t>(0x90 | size)
        return at + 1
    return pack_two(at, 0xDC, size) if size <= 0xFFFF else pack_four(at, 0xDD, size)


cdef inline uint8_t* pack_map(uint8_t* at, Py_ssize_t size) noexcept nogil:
    if size < 16:
        at[0] = <uint8_t>(0x80 | size)
        return at + 1
    return pack_two(at, 0xDE, size) if size <= 0xFFFF else pack_four(at, 0xDF, size)


cdef inline uint8_t* pack_string(uint8_t* at, const void* data, Py_ssize_t size) noexcept nogil:
    if size < 32:
        at[0] = <uint8_t>(0xA0 | size)
        at += 1
    elif size <= 0xFF:
        at = pack_one(at, 0xD9, size)
    elif size <= 0xFFFF:
        at = pack_two(at, 0xDA, size)
    else:
        at = pack_four(at, 0xDB, size)
    memcpy(at, data, size)
    return at + size


cdef inline uint8_t* pack_binary_head(uint8_t* at, Py_ssize_t size) noexcept nogil:
    if size <= 0xFF:
        return pack_one(at, 0xC4, size)
    return pack_two(at, 0xC5, size) if size <= 0xFFFF else pack_four(at, 0xC6, size)


cdef inline uint8_t* pack_binary(uint8_t* at, const void* data, Py_ssize_t size) noexcept nogil:
    at = pack_binary_head(at, size)
    memcpy(at, data, size)
    return at + size


cdef inline uint8_t* pack_bytes(uint8_t* at, bytes value) noexcept:
    return pack_binary(at, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))


cdef inline uint8_t* pack_name(uint8_t* at, bytes name) noexcept:
    return pack_string(at, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
