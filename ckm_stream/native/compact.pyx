# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
States packed for memory: MessagePack with its commonest tokens in fewer bytes.

For the store alone: what is packed leaves no process. It knows what states are made of (small
numbers, zeros in a row, ids that begin alike, the list of seen events), not which part is which,
so it serves every layout; any bytes at all come back as they were.

A state of 20 events takes 747 bytes instead of 886. zstd with a dictionary trained for it does not
get further, in four times the time: most of a state is digests and sums, which nothing shortens.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from ckm_stream.domain.score import SourceClass

cdef enum:
    # Tokens. From C0 on they are MessagePack's own, but for a state's strings.
    PAIR = 0x00  # two numbers below 8
    SMALL = 0x40  # a number below 64
    ZEROS = 0x80  # 2 to 17 zeros
    INTEGER = 0x90  # a positive one of 1 to 8 bytes
    UUID = 0x98
    WORD = 0x99
    MAP = 0x9A
    SEEN = 0x9B
    ASCENDING = 0x9C
    HEAD = 0x9D
    ANCHOR = 0x9E
    ARRAY = 0xA0
    STRING = 0xB0  # with so many bytes at its beginning as in the string before

    MOST_ZEROS = 17
    MOST_SHARED = 15
    HEAD_BYTES = 10
    UUID_CHARACTERS = 36
    RECORD = 15  # of a seen event: 7 bytes of time, 8 of digest
    TIME = 7
    MOST_SEEN = 255
    BITMAP = 32
    MOST_WORDS = 16

    KEPT = 0  # the first byte: as it is, or packed, with the size in front
    PACKED = 1

# What the names of classes are shortened to is their place here.
cdef struct Word:
    const uint8_t* at
    Py_ssize_t size

cdef Word[MOST_WORDS] _WORDS
cdef int _word_count = 0
cdef list _words = [each.value.encode() for each in SourceClass]
for _each in _words:
    _WORDS[_word_count].at = <const uint8_t*>PyBytes_AS_STRING(_each)
    _WORDS[_word_count].size = PyBytes_GET_SIZE(_each)
    _word_count += 1

# Layout and policy, with which all states of a process begin; the first state that is packed tells.
cdef uint8_t[HEAD_BYTES] _HEAD
cdef bint _has_head = False

cdef uint8_t[256] _HEX  # the value of a lower-case digit, else 255
memset(_HEX, 255, 256)
cdef int _digit
for _digit in range(16):
    _HEX[<uint8_t>ord("0123456789abcdef"[_digit])] = _digit
cdef const char* _DIGITS = "0123456789abcdef"


cdef extern from *:
    uint64_t swapped "__builtin_bswap64"(uint64_t) nogil
    int zero_bits "__builtin_clzll"(uint64_t) nogil


cdef inline uint64_t first_of_8(const uint8_t* at, int size) noexcept nogil:
    # A number of 1 to 8 bytes, with something readable behind it that makes them 8.
    cdef uint64_t word
    memcpy(&word, at, 8)
    return swapped(word) >> (64 - 8 * size)


cdef inline void put_in_8(uint8_t* at, uint64_t number, int size) noexcept nogil:
    # Likewise; 8 bytes are written, the last of which are for something else.
    cdef uint64_t word = swapped(number << (64 - 8 * size))
    memcpy(at, &word, 8)


cdef inline uint64_t big_endian(const uint8_t* at, int size) noexcept nogil:
    cdef uint64_t number = 0
    cdef int place
    for place in range(size):
        number = number << 8 | at[place]
    return number


cdef inline void put_big_endian(uint8_t* at, uint64_t number, int size) noexcept nogil:
    cdef int place
    for place in range(size):
        at[place] = <uint8_t>(number >> 8 * (size - 1 - place))


cdef inline int width_of(uint64_t number) noexcept nogil:
    return 8 - (zero_bits(number | 1) >> 3)


cdef inline int exact_width(uint64_t number) noexcept nogil:
    # The bytes behind MessagePack's head of an unsigned number; 0 for one that is its own head.
    if number < 0x80:
        return 0
    if number < 0x100:
        return 1
    if number < 0x10000:
        return 2
    return 8 if number >> 32 else 4


cdef inline int payload_of(uint8_t token) noexcept nogil:
    # Bytes behind a token that stays itself; -1 for those that none of our states has.
    if 0xCC <= token <= 0xCF:
        return 1 << (token - 0xCC)
    if 0xD0 <= token <= 0xD3:
        return 1 << (token - 0xD0)
    if token == 0xC0 or token == 0xC2 or token == 0xC3 or token >= 0xE0:
        return 0
    if token == 0xCB:
        return 8
    if token == 0xDC:
        return 2
    return -1


cdef Py_ssize_t pack(const uint8_t* data, Py_ssize_t size, uint8_t* to) noexcept nogil:
    cdef Py_ssize_t taken = pack_tokens(data, size, to + 5)
    if 0 <= taken < size - 5:
        to[0] = PACKED
        memcpy(to + 1, &size, 4)  # little-endian, as every machine with a wheel is
        return taken + 5
    to[0] = KEPT
    memcpy(to + 1, data, size)
    return size + 1


cdef Py_ssize_t pack_tokens(
    const uint8_t* data, Py_ssize_t size, uint8_t* to
) noexcept nogil:
    # -1 if there is something that is not understood.
    global _has_head
    cdef const uint8_t* at = data
    cdef const uint8_t* end = data + size
    cdef const uint8_t* text = NULL
    cdef Py_ssize_t text_size = 0
    cdef uint8_t* start = to
    cdef uint64_t anchor = 0
    cdef uint64_t number
    cdef uint8_t token
    cdef Py_ssize_t count, shared
    cdef int width, place
    if size > 0x7FFFFFFF:
        return -1
    # A head ends where a token does: an array's head, the layout, and four bytes of fingerprint.
    if (
        size > HEAD_BYTES
        and data[0] == 0xDC
        and data[3] < 0x80
        and data[4] == 0xC4
        and data[5] == 4
    ):
        if not _has_head:
            memcpy(_HEAD, data, HEAD_BYTES)
            _has_head = True
        if not memcmp(data, _HEAD, HEAD_BYTES):
            to[0] = HEAD
            to += 1
            at += HEAD_BYTES
    while at < end:
        token = at[0]
        if token < 0x80:
            if token == 0:
                count = 1
                while count < MOST_ZEROS and count < end - at and at[count] == 0:
                    count += 1
                if count > 2:
                    to[0] = <uint8_t>(ZEROS + count - 2)
                    to += 1
                    at += count
                    continue
            if token < 8 and end - at > 1 and at[1] < 8:
                to[0] = PAIR | token << 3 | at[1]
                to += 1
                at += 2
            elif token < 64:
                to[0] = SMALL | token
                to += 1
                at += 1
            else:
                to[0], to[1] = INTEGER, token
                to += 2
                at += 1
        elif 0xCC <= token <= 0xCF:
            width = 1 << (token - 0xCC)
            if end - at <= width:
                return -1
            number = first_of_8(at + 1, width) if end - at > 8 else big_endian(at + 1, width)
            if exact_width(number) != width:  # somebody else's, longer than it had to be
                memcpy(to, at, width + 1)
                to += width + 1
            elif number >> 40 and number == anchor:
                to[0] = ANCHOR
                to += 1
            else:
                if number >> 40 and not anchor:
                    anchor = number
                place = width_of(number)
                to[0] = <uint8_t>(INTEGER + place - 1)
                put_in_8(to + 1, number, place)
                to += place + 1
            at += width + 1
        elif 0x90 <= token <= 0x9F:
            to[0] = ARRAY | (token & 15)
            to += 1
            at += 1
        elif token <= 0x8F:
            to[0], to[1] = MAP, token & 15
            to += 2
            at += 1
        elif token <= 0xBF or token == 0xD9:
            if token == 0xD9:
                if end - at < 2 or at[1] < 32:
                    return -1
                count = at[1]
                at += 2
            else:
                count = token & 31
                at += 1
            if end - at < count:
                return -1
            place = word_of(at, count)
            if place >= 0:
                to[0], to[1] = WORD, <uint8_t>place
                to += 2
            elif count == UUID_CHARACTERS and is_uuid(at):
                to[0] = UUID
                to = put_uuid(to + 1, at)
            else:
                shared = 0
                while (
                    shared < MOST_SHARED
                    and shared < count
                    and shared < text_size
                    and at[shared] == text[shared]
                ):
                    shared += 1
                to[0], to[1] = <uint8_t>(STRING | shared), <uint8_t>(count - shared)
                memcpy(to + 2, at + shared, count - shared)
                to += 2 + count - shared
                text, text_size = at, count
            at += count
        elif token == 0xC4 or token == 0xC5:
            width = token - 0xC3
            if end - at <= width:
                return -1
            count = <Py_ssize_t>big_endian(at + 1, width)
            at += 1 + width
            if end - at < count or (width == 2 and count < 0x100):
                return -1
            if is_seen(at, count):
                to = put_seen(to, at, count // RECORD)
            elif is_ascending(at, count):
                to = put_ascending(to, at, count)
            else:
                memcpy(to, at - 1 - width, 1 + width + count)
                to += 1 + width + count
            at += count
        else:
            width = payload_of(token)
            if width < 0 or end - at <= width:
                return -1
            memcpy(to, at, width + 1)
            to += width + 1
            at += width + 1
    return to - start


cdef inline int word_of(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    cdef int place
    for place in range(_word_count):
        if _WORDS[place].size == size and not memcmp(_WORDS[place].at, at, size):
            return place
    return -1


cdef inline bint is_uuid(const uint8_t* at) noexcept nogil:
    cdef int place
    for place in range(UUID_CHARACTERS):
        if place == 8 or place == 13 or place == 18 or place == 23:
            if at[place] != 0x2D:
                return False
        elif _HEX[at[place]] == 255:
            return False
    return True


cdef inline uint8_t* put_uuid(uint8_t* to, const uint8_t* at) noexcept nogil:
    cdef int place = 0
    while place < UUID_CHARACTERS:
        if at[place] == 0x2D:
            place += 1
        to[0] = _HEX[at[place]] << 4 | _HEX[at[place + 1]]
        to += 1
        place += 2
    return to


cdef inline uint8_t* write_uuid(uint8_t* to, const uint8_t* at) noexcept nogil:
    cdef int place
    for place in range(16):
        if place == 4 or place == 6 or place == 8 or place == 10:
            to[0] = 0x2D
            to += 1
        to[0], to[1] = <uint8_t>_DIGITS[at[place] >> 4], <uint8_t>_DIGITS[at[place] & 15]
        to += 2
    return to


cdef inline bint is_seen(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t place = RECORD
    if size < 2 * RECORD or size % RECORD or size > MOST_SEEN * RECORD:
        return False
    while place < size:
        if memcmp(at + place - RECORD, at + place, TIME) > 0:
            return False
        place += RECORD
    return True


cdef inline uint8_t* put_seen(uint8_t* to, const uint8_t* at, Py_ssize_t count) noexcept nogil:
    # The first record; then how many bytes the later times lie behind those before them, two such
    # numbers to a byte; then these bytes and the digests.
    cdef uint8_t* widths
    cdef uint64_t time = first_of_8(at, TIME)
    cdef uint64_t next_time, gap
    cdef Py_ssize_t number
    cdef int width
    to[0], to[1] = SEEN, <uint8_t>count
    memcpy(to + 2, at, RECORD)
    widths = to + 2 + RECORD
    to = widths + count // 2
    memset(widths, 0, count // 2)
    for number in range(count - 1):
        at += RECORD
        next_time = first_of_8(at, TIME)
        gap = next_time - time
        width = width_of(gap)
        widths[number >> 1] |= width << (4 if number & 1 else 0)
        put_in_8(to, gap, width)
        memcpy(to + width, at + TIME, RECORD - TIME)
        to += width + RECORD - TIME
        time = next_time
    return to


cdef inline bint is_ascending(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t place
    if size < 2 or size < at[size - 1] // 8 + 2:  # a bitmap would not be shorter
        return False
    for place in range(1, size):
        if at[place - 1] >= at[place]:
            return False
    return True


cdef inline uint8_t* put_ascending(uint8_t* to, const uint8_t* at, Py_ssize_t size) noexcept nogil:
    cdef int width = at[size - 1] // 8 + 1
    cdef Py_ssize_t place
    to[0], to[1] = ASCENDING, <uint8_t>width
    memset(to + 2, 0, width)
    for place in range(size):
        to[2 + at[place] // 8] |= 1 << (at[place] & 7)
    return to + 2 + width


cdef Py_ssize_t unpacked_size(const uint8_t* packed, Py_ssize_t size) noexcept nogil:
    cdef uint32_t before = 0
    if packed[0] == KEPT:
        return size - 1
    memcpy(&before, packed + 1, 4)
    return before


cdef void unpack(const uint8_t* packed, Py_ssize_t size, uint8_t* to) noexcept nogil:
    cdef const uint8_t* at = packed + 5
    cdef const uint8_t* end = packed + size
    cdef const uint8_t* text = NULL
    cdef const uint8_t* text_before
    cdef uint64_t anchor = 0
    cdef uint64_t number
    cdef uint8_t token
    cdef Py_ssize_t count, shared
    cdef int width
    if packed[0] == KEPT:
        memcpy(to, packed + 1, size - 1)
        return
    while at < end:
        token = at[0]
        at += 1
        if token < SMALL:
            to[0], to[1] = token >> 3, token & 7
            to += 2
        elif token < ZEROS:
            to[0] = token & 63
            to += 1
        elif token < INTEGER:
            count = token - ZEROS + 2
            memset(to, 0, count)
            to += count
        elif token < UUID or token == ANCHOR:
            if token == ANCHOR:
                number = anchor
            else:
                width = token - INTEGER + 1
                number = first_of_8(at, width) if end - at >= 8 else big_endian(at, width)
                at += width
                if number >> 40 and not anchor:
                    anchor = number
            to = write_number(to, number)
        elif token == UUID:
            to[0], to[1] = 0xD9, UUID_CHARACTERS
            to = write_uuid(to + 2, at)
            at += 16
        elif token == WORD:
            count = _WORDS[at[0]].size
            to = write_size(to, count)
            memcpy(to, _WORDS[at[0]].at, count)
            to += count
            at += 1
        elif token == MAP:
            to[0] = 0x80 | at[0]
            to += 1
            at += 1
        elif token == SEEN:
            to = write_seen(to, &at)
        elif token == ASCENDING:
            to = write_ascending(to, &at)
        elif token == HEAD:
            memcpy(to, _HEAD, HEAD_BYTES)
            to += HEAD_BYTES
        elif ARRAY <= token < STRING:
            to[0] = 0x90 | (token & 15)
            to += 1
        elif STRING <= token < 0xC0:
            shared, count = token & 15, at[0]
            to = write_size(to, shared + count)
            text_before, text = text, to
            if shared:
                memcpy(to, text_before, shared)
            memcpy(to + shared, at + 1, count)
            to += shared + count
            at += 1 + count
        else:
            if token == 0xC4 or token == 0xC5:
                width = token - 0xC3
                width += <int>big_endian(at, width)
            else:
                width = payload_of(token)
            to[0] = token
            memcpy(to + 1, at, width)
            to += 1 + width
            at += width


cdef inline uint8_t* write_number(uint8_t* to, uint64_t number) noexcept nogil:
    cdef int width = exact_width(number)
    if not width:
        to[0] = <uint8_t>number
        return to + 1
    to[0] = 0xCC if width == 1 else 0xCD if width == 2 else 0xCE if width == 4 else 0xCF
    put_big_endian(to + 1, number, width)
    return to + 1 + width


cdef inline uint8_t* write_size(uint8_t* to, Py_ssize_t size) noexcept nogil:
    if size < 32:
        to[0] = <uint8_t>(0xA0 | size)
        return to + 1
    to[0], to[1] = 0xD9, <uint8_t>size
    return to + 2


cdef inline uint8_t* write_binary_size(uint8_t* to, Py_ssize_t size) noexcept nogil:
    if size < 0x100:
        to[0], to[1] = 0xC4, <uint8_t>size
        return to + 2
    to[0] = 0xC5
    put_big_endian(to + 1, size, 2)
    return to + 3


cdef inline uint8_t* write_seen(uint8_t* to, const uint8_t** packed) noexcept nogil:
    cdef const uint8_t* at = packed[0]
    cdef Py_ssize_t count = at[0]
    cdef const uint8_t* widths = at + 1 + RECORD
    cdef uint64_t time = first_of_8(at + 1, TIME)
    cdef Py_ssize_t number
    cdef int width
    to = write_binary_size(to, count * RECORD)
    memcpy(to, at + 1, RECORD)
    to += RECORD
    at = widths + count // 2
    for number in range(count - 1):
        width = widths[number >> 1] >> (4 if number & 1 else 0) & 15
        time += first_of_8(at, width)
        put_in_8(to, time, TIME)
        memcpy(to + TIME, at + width, RECORD - TIME)
        to += RECORD
        at += width + RECORD - TIME
    packed[0] = at
    return to


cdef inline uint8_t* write_ascending(uint8_t* to, const uint8_t** packed) noexcept nogil:
    cdef const uint8_t* at = packed[0]
    cdef int width = at[0]
    cdef uint8_t[256] found
    cdef Py_ssize_t count = 0
    cdef int place
    for place in range(8 * width):
        if at[1 + place // 8] >> (place & 7) & 1:
            found[count] = <uint8_t>place
            count += 1
    to = write_binary_size(to, count)
    memcpy(to, found, count)
    packed[0] = at + 1 + width
    return to + count


def packed(bytes data not None):
    """Return *data* as the store keeps it."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    cdef uint8_t* to = <uint8_t*>malloc(room_to_pack(size))
    if to is NULL:
        raise MemoryError
    try:
        size = pack(<const uint8_t*>PyBytes_AS_STRING(data), size, to)
        return PyBytes_FromStringAndSize(<const char*>to, size)
    finally:
        free(to)


def unpacked(bytes data not None):
    """Return what *data* was packed from, in this process."""
    cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    cdef bytes whole = PyBytes_FromStringAndSize(NULL, unpacked_size(at, size))
    unpack(at, size, <uint8_t*>PyBytes_AS_STRING(whole))
    return whole
