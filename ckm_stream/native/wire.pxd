# Bytes in and out: Avro's scalars over plain memory, inlined where they are used.
#
# A cursor that has met anything but a plain value is `bad` and stays so; whoever reads looks once,
# at the end, and hands the record to the Python codec, which knows the reason.

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy


cdef struct Text:
    # UTF-8 inside somebody else's bytes; `at` is NULL where the value is null.
    const uint8_t* at
    Py_ssize_t size


cdef inline bytes bytes_of(Text text):
    return PyBytes_FromStringAndSize(<const char*>text.at, text.size)


cdef struct Cursor:
    const uint8_t* at
    const uint8_t* end
    bint bad


cdef inline int64_t read_long(Cursor* c) noexcept nogil:
    # A zigzag varint of at most ten bytes that fits 64 bits.
    cdef uint64_t number = 0
    cdef int shift = 0
    cdef uint8_t byte
    while c.at < c.end:
        byte = c.at[0]
        c.at += 1
        if shift == 63 and byte > 1:
            break
        number |= <uint64_t>(byte & 0x7F) << shift
        if byte < 0x80:
            return <int64_t>(number >> 1) ^ -<int64_t>(number & 1)
        shift += 7
        if shift > 63:
            break
    c.bad = True
    return 0


cdef inline int read_symbol(Cursor* c, int symbols) noexcept nogil:
    # The place of an enum's symbol or of a union's branch, below 64.
    if c.at < c.end and c.at[0] < 2 * symbols and not c.at[0] & 1:
        c.at += 1
        return c.at[-1] >> 1
    c.bad = True
    return 0


cdef inline bint read_boolean(Cursor* c) noexcept nogil:
    if c.at < c.end and c.at[0] <= 1:
        c.at += 1
        return c.at[-1]
    c.bad = True
    return False


cdef inline double read_double(Cursor* c) noexcept nogil:
    cdef double value = 0.0
    if c.end - c.at < 8:
        c.bad = True
    else:
        memcpy(&value, c.at, 8)  # little-endian, as every machine with a wheel is
        c.at += 8
    return value


cdef inline Text read_text(Cursor* c) noexcept nogil:
    cdef Text text
    cdef int64_t size = read_long(c)
    text.at = c.at
    text.size = 0
    if c.bad or size < 0 or size > c.end - c.at:
        c.bad = True
    else:
        text.size = <Py_ssize_t>size
        c.at += size
    return text


cdef inline Text read_optional_text(Cursor* c) noexcept nogil:
    cdef Text text
    if read_symbol(c, 2):
        return read_text(c)
    text.at = NULL
    text.size = 0
    return text


cdef struct Buffer:
    # Memory to write into; it grows as needed and is used again for the next value.
    uint8_t* data
    Py_ssize_t size
    Py_ssize_t room


cdef inline int reserve(Buffer* b, Py_ssize_t more) except -1:
    # Make room for so many bytes behind those written.
    cdef Py_ssize_t room = b.room
    cdef uint8_t* data
    if b.size + more > room:
        room = 2 * (b.size + more) + 256
        data = <uint8_t*>realloc(b.data, room)
        if data is NULL:
            raise MemoryError
        b.data, b.room = data, room
    return 0


cdef inline bytes taken(Buffer* b):
    # What was written; the buffer is empty then.
    cdef bytes value = PyBytes_FromStringAndSize(<const char*>b.data, b.size)
    b.size = 0
    return value


cdef inline void release(Buffer* b) noexcept:
    free(b.data)
    b.data, b.size, b.room = NULL, 0, 0


cdef inline int put_raw(Buffer* b, const void* data, Py_ssize_t size) except -1:
    reserve(b, size)
    memcpy(b.data + b.size, data, size)
    b.size += size
    return 0


cdef inline int put_byte(Buffer* b, uint8_t byte) except -1:
    reserve(b, 1)
    b.data[b.size] = byte
    b.size += 1
    return 0


cdef inline int put_long(Buffer* b, int64_t value) except -1:
    # Avro: a zigzag varint.
    cdef uint64_t number = (<uint64_t>value << 1) ^ <uint64_t>(value >> 63)
    reserve(b, 10)
    while number >= 0x80:
        b.data[b.size] = <uint8_t>(number & 0x7F) | 0x80
        b.size += 1
        number >>= 7
    b.data[b.size] = <uint8_t>number
    b.size += 1
    return 0


cdef inline int put_double(Buffer* b, double value) except -1:
    return put_raw(b, &value, 8)


cdef inline int put_text(Buffer* b, Text text) except -1:
    put_long(b, text.size)
    return put_raw(b, text.at, text.size)


cdef inline int put_optional_text(Buffer* b, Text text) except -1:
    if text.at is NULL:
        return put_byte(b, 0)
    put_byte(b, 2)
    return put_text(b, text)
