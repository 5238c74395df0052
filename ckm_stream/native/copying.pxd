# Fields of PostgreSQL's COPY in its binary format, as `snapshots.packing` has them: a size, then the
# value, all numbers big-endian.

from libc.stdint cimport INT64_MIN, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from ckm_stream.native.wire cimport Buffer, Text, put_raw, reserve

cdef extern from *:
    uint16_t __builtin_bswap16(uint16_t)
    uint32_t __builtin_bswap32(uint32_t)
    uint64_t __builtin_bswap64(uint64_t)

cdef enum:
    EPOCH_S = 946_684_800  # 2000-01-01, from which instants are counted
    TEXT_ID = 25  # types of lists, by their object identifiers
    LONG_ID = 20
    DOUBLE_ID = 701


cdef inline int put_short(Buffer* b, int16_t value) except -1:
    cdef uint16_t turned = __builtin_bswap16(<uint16_t>value)
    return put_raw(b, &turned, 2)


cdef inline int put_int(Buffer* b, int32_t value) except -1:
    cdef uint32_t turned = __builtin_bswap32(<uint32_t>value)
    return put_raw(b, &turned, 4)


cdef inline int put_wide(Buffer* b, int32_t size, uint64_t bits) except -1:
    # A size and eight bytes.
    reserve(b, 12)
    cdef uint32_t turned = __builtin_bswap32(<uint32_t>size)
    cdef uint64_t wide = __builtin_bswap64(bits)
    memcpy(b.data + b.size, &turned, 4)
    memcpy(b.data + b.size + 4, &wide, 8)
    b.size += 12
    return 0


cdef inline int long_field(Buffer* b, int64_t value) except -1:
    return put_wide(b, 8, <uint64_t>value)


cdef inline int instant_field(Buffer* b, int64_t micros) except -1:
    return put_wide(b, 8, <uint64_t>(micros - <int64_t>EPOCH_S * 1_000_000))


cdef inline bint is_instant(int64_t micros) noexcept:
    # Whether it can be counted from there.
    return micros >= INT64_MIN + <int64_t>EPOCH_S * 1_000_000


cdef inline int double_field(Buffer* b, double value) except -1:
    cdef uint64_t bits
    memcpy(&bits, &value, 8)
    return put_wide(b, 8, bits)


cdef inline int int_field(Buffer* b, int32_t value) except -1:
    put_int(b, 4)
    return put_int(b, value)


cdef inline int boolean_field(Buffer* b, bint value) except -1:
    put_int(b, 1)
    cdef uint8_t byte = 1 if value else 0
    return put_raw(b, &byte, 1)


cdef inline int null_field(Buffer* b) except -1:
    return put_int(b, -1)


cdef inline int bytes_field(Buffer* b, bytes value) except -1:
    put_int(b, <int32_t>PyBytes_GET_SIZE(value))
    return put_raw(b, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))


cdef inline int text_field(Buffer* b, Text text) except -1:
    # U+0000 is replaced; it is rare.
    if text.size and memchr(text.at, 0, text.size) is not NULL:
        return replaced_field(b, text)
    put_int(b, <int32_t>text.size)
    return put_raw(b, text.at, text.size)


cdef inline int optional_text_field(Buffer* b, Text text) except -1:
    return null_field(b) if text.at is NULL else text_field(b, text)


# The place of a size that is not known yet, and writing it there.
cdef inline Py_ssize_t begin_field(Buffer* b) except -1:
    put_int(b, 0)
    return b.size


cdef inline void end_field(Buffer* b, Py_ssize_t begin) noexcept:
    cdef uint32_t turned = __builtin_bswap32(<uint32_t>(b.size - begin))
    memcpy(b.data + begin - 4, &turned, 4)


cdef inline int list_head(Buffer* b, int32_t identifier, int32_t size, bint has_null) except -1:
    # Of an array of one dimension, or of none if it is empty.
    put_int(b, 1 if size else 0)
    put_int(b, has_null if size else 0)
    put_int(b, identifier)
    if size:
        put_int(b, size)
        put_int(b, 1)
    return 0


cdef int replaced_field(Buffer* b, Text text) except -1

# A text as JSON, as msgspec writes it.
cdef int put_json_text(Buffer* b, Text text) except -1

# Whether it is UTF-8 without surrogates; otherwise it is left to the Python codec.
cdef bint is_text(Text text)
