# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Customers' states as rows of ``STAGED_PROFILE``, with the sections that people read.

Twin of `snapshots.rows`, `domain.sections` and `snapshots.packing`, to the byte.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport INT32_MAX, int64_t, uint8_t, uint64_t
from libc.string cimport strlen

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.copying cimport (
    begin_field, boolean_field, bytes_field, end_field, instant_field, int_field, is_text,
    long_field, put_short, text_field,
)
from ckm_stream.native.days cimport Days
from ckm_stream.native.decoding cimport decode_profile
from ckm_stream.native.profile cimport BINS, Profile
from ckm_stream.native.wire cimport Buffer, Text, put_byte, put_raw, release

import msgspec

from ckm_stream.domain import counters
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.sketch import counter_estimate

cdef extern from *:
    int __builtin_popcountll(unsigned long long)

cdef enum:
    COLUMNS = 10  # of STAGED_PROFILE
    GROUPS = 4  # of channels
    KINDS = 4  # of touchpoints
    SHARES = 64

cdef int64_t _MICROS = MICROS
cdef int ORDERS = counters.ORDERS
cdef int REFUNDS = counters.REFUNDS
cdef int REFUND_AMOUNT = counters.REFUND_AMOUNT
cdef int REFERRALS = counters.REFERRALS
cdef int ANSWERS = counters.ANSWERS
cdef int ARTICLES = counters.ARTICLES
cdef int REWARDS = counters.REWARDS
cdef int EXPLICIT = counters.EXPLICIT
cdef int TACIT = counters.TACIT
cdef int EXTERNALISED = counters.EXTERNALISED
cdef int ADOPTED = counters.ADOPTED
cdef int REJECTED = counters.REJECTED
cdef int SIMULATED = counters.SIMULATED


def _by_name(names):
    """Return the places of *names* in the order of the names, as documents have their keys."""
    return [(name, names.index(name)) for name in sorted(names)]


cdef list _TYPES = [(f'"{name}":'.encode(), place) for name, place in _by_name(counters.TYPES)]
cdef list _CHANNELS = [
    (f'"{name}":'.encode(), place) for name, place in _by_name(counters.CHANNEL_GROUPS)
]
# What a counter with so many bits says.
cdef list _ESTIMATES = [round(counter_estimate((1 << ones) - 1)) for ones in range(257)]
# Shares of small numbers, as msgspec writes them: most are.
cdef list _SMALL = [
    [msgspec.json.encode(one / whole) if whole else b"" for one in range(SHARES)]
    for whole in range(SHARES)
]


cdef inline int put_name(Buffer* out, bytes name) except -1:
    return put_raw(out, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))


cdef inline int put_chars(Buffer* out, const char* text) except -1:
    return put_raw(out, text, strlen(text))


cdef int put_number(Buffer* out, int64_t value) except -1:
    cdef char digits[24]
    cdef int place = 24
    cdef uint64_t rest = <uint64_t>value
    if value < 0:
        rest = -rest
    while True:
        place -= 1
        digits[place] = c"0" + <char>(rest % 10)
        rest //= 10
        if not rest:
            break
    if value < 0:
        place -= 1
        digits[place] = c"-"
    return put_raw(out, digits + place, 24 - place)


cdef int put_known(Buffer* out, int64_t t_s) except -1:
    return put_number(out, t_s) if t_s >= 0 else put_chars(out, "null")


cdef int put_share(Buffer* out, int64_t one, int64_t whole) except -1:
    if 0 <= one < SHARES and 0 < whole < SHARES:
        return put_name(out, <bytes>(<list>_SMALL[whole])[one])
    return put_name(out, msgspec.json.encode(<object>one / <object>whole))


cdef int put_about(Buffer* out, Profile profile) except -1:
    cdef int64_t total = 0
    cdef int64_t sum
    cdef int kind, place
    cdef int categories = 0
    cdef bytes name
    for place in range(GROUPS * KINDS):
        total += profile.counts[place]
    put_chars(out, '{"first_seen_s":')
    put_known(out, profile.first_s)
    put_chars(out, ',"last_seen_s":')
    put_number(out, profile.last_at // _MICROS)
    put_chars(out, ',"days_silent":0.0,"touchpoints":')
    put_number(out, total)
    put_chars(out, ',"touchpoints_by_type":{')
    for kind in range(KINDS):
        name, place = <tuple>_TYPES[kind]
        if kind:
            put_byte(out, c",")
        put_name(out, name)
        sum = profile.counts[GROUPS * place] + profile.counts[GROUPS * place + 1]
        sum += profile.counts[GROUPS * place + 2] + profile.counts[GROUPS * place + 3]
        put_number(out, sum)
    put_chars(out, '},"channel_shares":{')
    for kind in range(GROUPS):
        name, place = <tuple>_CHANNELS[kind]
        if kind:
            put_byte(out, c",")
        put_name(out, name)
        sum = profile.counts[place] + profile.counts[GROUPS + place]
        sum += profile.counts[2 * GROUPS + place] + profile.counts[3 * GROUPS + place]
        put_share(out, sum, total) if total else put_chars(out, "0.0")
    put_chars(out, '},"orders":')
    put_number(out, profile.counts[ORDERS])
    put_chars(out, ',"order_amount":')
    put_number(out, profile.first_value[2])
    put_chars(out, ',"refunds":')
    put_number(out, profile.counts[REFUNDS])
    put_chars(out, ',"refund_amount":')
    put_number(out, profile.counts[REFUND_AMOUNT])
    put_chars(out, ',"first_purchase_s":')
    put_known(out, profile.first_purchase_s)
    put_chars(out, ',"last_purchase_s":')
    put_known(out, profile.last_purchase_s)
    put_chars(out, ',"purchase_days":')
    put_number(out, profile.purchase_days.count)
    for place in range(BINS):
        categories += profile.first_in_category[place] >= 0
    put_chars(out, ',"categories":')
    put_number(out, categories)
    return put_byte(out, c"}")


cdef int put_for(Buffer* out, Profile profile) except -1:
    put_chars(out, '{"answers":')
    put_number(out, profile.counts[ANSWERS])
    put_chars(out, ',"answers_from_knowledge_base":')
    put_number(out, profile.counts[ARTICLES])
    put_chars(out, ',"rewards_offered":')
    put_number(out, profile.counts[REWARDS])
    return put_byte(out, c"}")


cdef int put_from(Buffer* out, Profile profile) except -1:
    cdef int64_t items = profile.counts[EXPLICIT] + profile.counts[TACIT]
    put_chars(out, '{"items":')
    put_number(out, items)
    put_chars(out, ',"explicit":')
    put_number(out, profile.counts[EXPLICIT])
    put_chars(out, ',"tacit":')
    put_number(out, profile.counts[TACIT])
    put_chars(out, ',"externalised":')
    put_number(out, profile.counts[EXTERNALISED])
    put_chars(out, ',"tacit_share":')
    if items:
        put_share(out, profile.counts[TACIT] + profile.counts[EXTERNALISED], items)
    else:
        put_chars(out, "0.5")
    put_chars(out, ',"adopted":')
    put_number(out, profile.counts[ADOPTED])
    put_chars(out, ',"rejected":')
    put_number(out, profile.counts[REJECTED])
    put_chars(out, ',"days_with_contact":')
    put_number(out, days_of(profile.contact_days))
    put_chars(out, ',"last_complaint_s":')
    put_known(out, profile.last_complaint_s)
    put_chars(out, ',"referral_events":')
    put_number(out, profile.counts[REFERRALS])
    put_chars(out, ',"referred_customers":')
    put_number(out, estimate_of(profile.referred))
    put_chars(out, ',"referred_buyers":')
    put_number(out, estimate_of(profile.referred_buyers))
    return put_byte(out, c"}")


cdef int days_of(const Days* kinds) noexcept:
    # The days of any kind; each kind's ascend.
    cdef int place[3]
    cdef int kind, day
    cdef int days = 0
    place[0] = place[1] = place[2] = 0
    while True:
        day = INT32_MAX
        for kind in range(3):
            if place[kind] < kinds[kind].count:
                day = min(day, kinds[kind].day[place[kind]])
        if day == INT32_MAX:
            return days
        days += 1
        for kind in range(3):
            if place[kind] < kinds[kind].count and kinds[kind].day[place[kind]] == day:
                place[kind] += 1


cdef int64_t estimate_of(const uint64_t* words) except -1:
    cdef int ones = 0
    cdef int word
    for word in range(4):
        ones += __builtin_popcountll(words[word])
    return <object>_ESTIMATES[ones]


cdef class ProfileRows:
    """The rows of one batch; of each customer one state may be added."""

    cdef Buffer out
    cdef Choices choices

    def __cinit__(self, Choices choices not None):
        self.choices = choices

    def __dealloc__(self):
        release(&self.out)

    def add(self, bytes key not None, int partition, int64_t offset, bytes state not None):
        """
        Add the state of a changelog record; False, and nothing is added, if it is not a plain one.

        Plain is what `native.decoding` reads, of a customer with an event.
        """
        cdef Text customer_id
        cdef Profile profile = decode_profile(state, self.choices)
        customer_id.at = <const uint8_t*>PyBytes_AS_STRING(key)
        customer_id.size = PyBytes_GET_SIZE(key)
        if profile is None or profile.last_at < 0 or not is_text(customer_id):
            return False
        put_row(&self.out, customer_id, partition, offset, profile, state)
        return True

    def rows(self):
        """Return the rows so far."""
        return PyBytes_FromStringAndSize(<const char*>self.out.data, self.out.size)


cdef int put_row(
    Buffer* out, Text customer_id, int partition, int64_t offset, Profile profile, bytes state
) except -1:
    cdef Py_ssize_t begin
    put_short(out, COLUMNS)
    text_field(out, customer_id)
    int_field(out, partition)
    long_field(out, offset)
    long_field(out, profile.delivery.version)
    instant_field(out, profile.last_at)
    boolean_field(out, profile.counts[SIMULATED] > 0)
    begin = begin_document(out)
    put_about(out, profile)
    end_field(out, begin)
    begin = begin_document(out)
    put_for(out, profile)
    end_field(out, begin)
    begin = begin_document(out)
    put_from(out, profile)
    end_field(out, begin)
    return bytes_field(out, state)


cdef inline Py_ssize_t begin_document(Buffer* out) except -1:
    cdef Py_ssize_t begin = begin_field(out)
    put_byte(out, 1)  # the version of JSONB's text
    return begin
