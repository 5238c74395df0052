# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Texts in COPY's binary format; twin of `snapshots.packing`, with what is rare."""

from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from ckm_stream.native.wire cimport Buffer, Text, put_byte, put_raw

cdef const char* _HEX = "0123456789abcdef"
cdef const char* _REPLACEMENT = b"\xef\xbf\xbd"  # U+FFFD
# What follows the backslash of characters that have a short form, by their code.
cdef uint8_t _SHORT[128]
for _code in range(128):
    _SHORT[_code] = 0
_SHORT[8], _SHORT[9], _SHORT[10], _SHORT[12], _SHORT[13] = c"b", c"t", c"n", c"f", c"r"
_SHORT[34], _SHORT[92] = c'"', c"\\"


cdef int replaced_field(Buffer* b, Text text) except -1:
    cdef Py_ssize_t place
    cdef Py_ssize_t begin = begin_field(b)
    for place in range(text.size):
        if text.at[place]:
            put_byte(b, text.at[place])
        else:
            put_raw(b, _REPLACEMENT, 3)
    end_field(b, begin)
    return 0


cdef int put_json_text(Buffer* b, Text text) except -1:
    cdef Py_ssize_t place
    cdef Py_ssize_t begin = 0
    cdef uint8_t byte
    put_byte(b, c'"')
    for place in range(text.size):
        byte = text.at[place]
        if byte >= 32 and byte != c'"' and byte != c"\\":
            continue
        put_raw(b, text.at + begin, place - begin)
        begin = place + 1
        if byte == 0:
            put_raw(b, _REPLACEMENT, 3)
        elif _SHORT[byte]:
            put_byte(b, c"\\")
            put_byte(b, _SHORT[byte])
        else:
            put_raw(b, "\\u00", 4)
            put_byte(b, _HEX[byte >> 4])
            put_byte(b, _HEX[byte & 15])
    put_raw(b, text.at + begin, text.size - begin)
    return put_byte(b, c'"')


cdef bint is_text(Text text):
    cdef uint64_t word
    cdef Py_ssize_t place = 0
    cdef bint is_ascii = True
    while place + 8 <= text.size:
        memcpy(&word, text.at + place, 8)
        if word & <uint64_t>0x8080808080808080:
            is_ascii = False
            break
        place += 8
    while is_ascii and place < text.size:
        is_ascii = text.at[place] < 0x80
        place += 1
    if is_ascii:
        return True
    try:
        PyUnicode_DecodeUTF8(<const char*>text.at, text.size, NULL)
    except UnicodeDecodeError:
        return False
    return True
