# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Knowledge items as rows of ``STAGED_ITEM``; twin of `codec.outputs` and `snapshots.packing`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from ckm_stream.native.copying cimport (
    begin_field, boolean_field, bytes_field, double_field, end_field, instant_field, is_instant, is_text,
    null_field, optional_text_field, put_json_text, put_short, text_field,
)
from ckm_stream.native.wire cimport (
    Buffer, Cursor, Text, put_byte, read_boolean, read_double, read_long, read_optional_text,
    read_symbol, read_text, release,
)

from ckm_stream.domain.knowledge import Form, Section

cdef enum:
    HEAD_BYTES = 5  # codec.framing.HEADER_BYTES
    COLUMNS = 15  # of STAGED_ITEM
    MAX_VALUE_BYTES = 12 << 20  # codec.formats.MAX_VALUE_BYTES

cdef int _SECTIONS = len(Section)
cdef int _FORMS = len(Form)
cdef list _SECTION = [each.value.encode() for each in Section]
cdef list _FORM = [each.value.encode() for each in Form]


cdef bint put_text_of(Buffer* out, Cursor* c):
    cdef Text text = read_text(c)
    if c.bad or not is_text(text):
        return False
    text_field(out, text)
    return True


cdef bint put_optional_text_of(Buffer* out, Cursor* c):
    cdef Text text = read_optional_text(c)
    if c.bad or not is_text(text):
        return False
    optional_text_field(out, text)
    return True


cdef bint put_topics_of(Buffer* out, Cursor* c):
    # One block, as our writers have it, as a document.
    cdef int64_t count = read_long(c)
    cdef int64_t place
    cdef Text text
    cdef Py_ssize_t begin = begin_field(out)
    if c.bad or count < 0:
        return False
    put_byte(out, 1)
    put_byte(out, c"[")
    for place in range(count):
        text = read_text(c)
        if c.bad or not is_text(text):
            return False
        if place:
            put_byte(out, c",")
        put_json_text(out, text)
    put_byte(out, c"]")
    end_field(out, begin)
    return count == 0 or read_long(c) == 0


cdef bint put_row(Buffer* out, Cursor* c):
    cdef int place
    cdef int64_t occurred_at
    put_short(out, COLUMNS)
    for place in range(4):  # the item's, the customer's and the event's id, the source
        if not put_text_of(out, c):
            return False
    occurred_at = read_long(c)
    if not is_instant(occurred_at):
        return False
    instant_field(out, occurred_at)
    bytes_field(out, _SECTION[read_symbol(c, _SECTIONS)])
    bytes_field(out, _FORM[read_symbol(c, _FORMS)])
    if not (put_text_of(out, c) and put_text_of(out, c)):  # kind and subject
        return False
    if not (put_optional_text_of(out, c) and put_optional_text_of(out, c)):  # text and product
        return False
    if not put_topics_of(out, c):
        return False
    if read_symbol(c, 2):
        double_field(out, read_double(c))
    else:
        null_field(out)
    if not put_text_of(out, c):  # stage
        return False
    boolean_field(out, read_boolean(c))
    return not c.bad and c.at == c.end


cdef class ItemRows:
    """The rows of one batch."""

    cdef Buffer out
    cdef bytes head

    def __cinit__(self, bytes head not None):
        self.head = head

    def __dealloc__(self):
        release(&self.out)

    def add(self, bytes value not None):
        """
        Add a framed knowledge item; False, and nothing is added, if it is not a plain one.

        Plain is what `codec.outputs` writes today.
        """
        cdef Cursor c
        cdef Py_ssize_t size = PyBytes_GET_SIZE(value)
        cdef Py_ssize_t before = self.out.size
        if not HEAD_BYTES < size <= MAX_VALUE_BYTES:
            return False
        if memcmp(PyBytes_AS_STRING(value), PyBytes_AS_STRING(self.head), HEAD_BYTES):
            return False
        c.at = <const uint8_t*>PyBytes_AS_STRING(value) + HEAD_BYTES
        c.end, c.bad = c.at + size - HEAD_BYTES, False
        if put_row(&self.out, &c):
            return True
        self.out.size = before
        return False

    def rows(self):
        """Return the rows so far."""
        return PyBytes_FromStringAndSize(<const char*>self.out.data, self.out.size)
