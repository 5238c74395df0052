# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Score updates as rows of ``STAGED_SCORE``, without an object for anything in them.

Twin of `codec.outputs` and `snapshots.packing`, to the byte.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport INT32_MAX, INT32_MIN, int64_t, uint8_t
from libc.string cimport memcmp

from ckm_stream.native.copying cimport (
    DOUBLE_ID, LONG_ID, TEXT_ID, begin_field, boolean_field, bytes_field, double_field, end_field,
    instant_field, is_instant, is_text, list_head, long_field, null_field, optional_text_field, put_short,
    text_field,
)
from ckm_stream.native.wire cimport (
    Buffer, Cursor, Text, bytes_of, read_boolean, read_double, read_long,
    read_optional_text, read_symbol, read_text, release,
)

from ckm_stream.domain.score import Engagement, Indicator, SourceClass, UpdateReason

cdef enum:
    HEAD_BYTES = 5  # codec.framing.HEADER_BYTES
    COLUMNS = 29  # of STAGED_SCORE
    MOST_FACTORS = 32
    MAX_VALUE_BYTES = 12 << 20  # codec.formats.MAX_VALUE_BYTES

cdef int _REASONS = len(UpdateReason)
cdef int _CLASSES = len(SourceClass)
cdef int _ENGAGEMENTS = len(Engagement)
cdef list _REASON = [each.value.encode() for each in UpdateReason]
cdef list _CLASS = [each.value.encode() for each in SourceClass]
cdef list _ENGAGEMENT = [each.value.encode() for each in Engagement]
cdef frozenset _INDICATORS = frozenset(each.value.encode() for each in Indicator)
cdef bytes _NO_FACTORS = b"\x01[]"


cdef struct Factors:
    int count
    Text indicator[MOST_FACTORS]
    double value[MOST_FACTORS]
    double normalised[MOST_FACTORS]
    double weight[MOST_FACTORS]
    double contribution[MOST_FACTORS]
    int64_t half_life_s[MOST_FACTORS]
    double n_eff[MOST_FACTORS]
    Text event_id[MOST_FACTORS]


cdef struct Update:
    Text customer_id
    int64_t version
    int64_t as_of
    int reason
    double dimensions[3]
    double total
    double n_eff[3]
    int source_class
    int previous_class  # -1 for none
    bint lead_user
    int engagement
    Text engagement_reason
    int64_t epoch_id
    double reference_total
    Factors factors
    Text event_id


@cython.no_gc
@cython.freelist(64)
cdef class Newest:
    """The newest score of a customer so far, and where its row ends: with the mark."""

    cdef int64_t version
    cdef int64_t as_of
    cdef int64_t epoch_id
    cdef Py_ssize_t end


cdef bint read_factors(Cursor* c, Factors* factors):
    # One block, as our writers have it.
    cdef int64_t count = read_long(c)
    cdef int place
    if c.bad or count < 0 or count > MOST_FACTORS:
        return False
    factors.count = <int>count
    for place in range(factors.count):
        factors.indicator[place] = read_text(c)
        factors.value[place] = read_double(c)
        factors.normalised[place] = read_double(c)
        factors.weight[place] = read_double(c)
        factors.contribution[place] = read_double(c)
        factors.half_life_s[place] = read_long(c)
        factors.n_eff[place] = read_double(c)
        factors.event_id[place] = read_optional_text(c)
        if c.bad or bytes_of(factors.indicator[place]) not in _INDICATORS:
            return False
        if not is_text(factors.event_id[place]):
            return False
    return count == 0 or read_long(c) == 0


cdef bint read_update(Cursor* c, Update* update):
    cdef int place
    update.customer_id = read_text(c)
    update.version = read_long(c)
    update.as_of = read_long(c)
    update.reason = read_symbol(c, _REASONS)
    for place in range(3):
        update.dimensions[place] = read_double(c)
    update.total = read_double(c)
    for place in range(3):
        update.n_eff[place] = read_double(c)
    update.source_class = read_symbol(c, _CLASSES)
    update.previous_class = read_symbol(c, _CLASSES) if read_symbol(c, 2) else -1
    update.lead_user = read_boolean(c)
    update.engagement = read_symbol(c, _ENGAGEMENTS)
    update.engagement_reason = read_text(c)
    update.epoch_id = read_long(c)
    update.reference_total = read_double(c)
    if c.bad or not INT32_MIN <= update.epoch_id <= INT32_MAX or not is_instant(update.as_of):
        return False
    if not read_factors(c, &update.factors):
        return False
    update.event_id = read_text(c)
    return (
        not c.bad
        and c.at == c.end
        and is_text(update.customer_id)
        and is_text(update.engagement_reason)
        and is_text(update.event_id)
    )


cdef int put_doubles(Buffer* out, const double* values, int count) except -1:
    cdef Py_ssize_t begin = begin_field(out)
    cdef int place
    list_head(out, DOUBLE_ID, count, False)
    for place in range(count):
        double_field(out, values[place])
    end_field(out, begin)
    return 0


cdef int put_longs(Buffer* out, const int64_t* values, int count) except -1:
    cdef Py_ssize_t begin = begin_field(out)
    cdef int place
    list_head(out, LONG_ID, count, False)
    for place in range(count):
        long_field(out, values[place])
    end_field(out, begin)
    return 0


cdef int put_texts(Buffer* out, const Text* values, int count) except -1:
    cdef Py_ssize_t begin = begin_field(out)
    cdef int place
    cdef bint has_null = False
    for place in range(count):
        has_null = has_null or values[place].at is NULL
    list_head(out, TEXT_ID, count, has_null)
    for place in range(count):
        optional_text_field(out, values[place])
    end_field(out, begin)
    return 0


cdef int put_row(Buffer* out, const Update* update) except -1:
    cdef const Factors* factors = &update.factors
    cdef int place
    put_short(out, COLUMNS)
    text_field(out, update.customer_id)
    long_field(out, update.version)
    instant_field(out, update.as_of)
    long_field(out, update.epoch_id)
    bytes_field(out, _REASON[update.reason])
    double_field(out, update.total)
    for place in range(3):
        double_field(out, update.dimensions[place])
    for place in range(3):
        double_field(out, update.n_eff[place])
    bytes_field(out, _CLASS[update.source_class])
    if update.previous_class < 0:
        null_field(out)
    else:
        bytes_field(out, _CLASS[update.previous_class])
    boolean_field(out, update.lead_user)
    bytes_field(out, _ENGAGEMENT[update.engagement])
    text_field(out, update.engagement_reason)
    double_field(out, update.reference_total)
    bytes_field(out, _NO_FACTORS)
    text_field(out, update.event_id)
    put_texts(out, factors.indicator, factors.count)
    put_doubles(out, factors.value, factors.count)
    put_doubles(out, factors.normalised, factors.count)
    put_doubles(out, factors.weight, factors.count)
    put_doubles(out, factors.contribution, factors.count)
    put_longs(out, factors.half_life_s, factors.count)
    put_doubles(out, factors.n_eff, factors.count)
    put_texts(out, factors.event_id, factors.count)
    return boolean_field(out, False)


cdef class ScoreRows:
    """The rows of one batch."""

    cdef Buffer out
    cdef bytes head
    cdef dict newest  # by customer

    def __cinit__(self, bytes head not None):
        self.head = head
        self.newest = {}

    def __dealloc__(self):
        release(&self.out)

    def add(self, bytes value not None):
        """
        Add a framed score update; False, and nothing is added, if it is not a plain one.

        Plain is what `codec.outputs` writes today.
        """
        cdef Cursor c
        cdef Update update
        cdef Py_ssize_t size = PyBytes_GET_SIZE(value)
        if not HEAD_BYTES < size <= MAX_VALUE_BYTES:
            return False
        if memcmp(PyBytes_AS_STRING(value), PyBytes_AS_STRING(self.head), HEAD_BYTES):
            return False
        c.at = <const uint8_t*>PyBytes_AS_STRING(value) + HEAD_BYTES
        c.end, c.bad = c.at + size - HEAD_BYTES, False
        if not read_update(&c, &update):
            return False
        put_row(&self.out, &update)
        self.mark(&update)
        return True

    cdef int mark(self, const Update* update) except -1:
        # The mark of the newest row is its last byte.
        cdef bytes customer_id = bytes_of(update.customer_id)
        cdef Newest newest = self.newest.get(customer_id)
        if newest is None:
            newest = self.newest[customer_id] = Newest.__new__(Newest)
        elif is_newer(update, newest):
            self.out.data[newest.end - 1] = 0
        else:
            return 0
        newest.version, newest.as_of = update.version, update.as_of
        newest.epoch_id, newest.end = update.epoch_id, self.out.size
        self.out.data[self.out.size - 1] = 1
        return 0

    def rows(self):
        """Return the rows so far."""
        return PyBytes_FromStringAndSize(<const char*>self.out.data, self.out.size)


cdef bint is_newer(const Update* update, Newest newest) noexcept:
    if update.version != newest.version:
        return update.version > newest.version
    if update.as_of != newest.as_of:
        return update.as_of > newest.as_of
    return update.epoch_id > newest.epoch_id
