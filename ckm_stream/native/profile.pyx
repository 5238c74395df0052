# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
A customer's and an employee's state in memory, and the bytes that the changelog holds of them.

Twin of `ckm_stream.domain.profile`, `domain.employee`, `domain.days` and `codec.state`: the same
bytes out; bytes that are not precisely what `codec.state` writes today are left to it.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Size
from cpython.long cimport (
    PyLong_AsLongLongAndOverflow,
    PyLong_AsUnsignedLongLongMask,
    PyLong_FromDouble,
    PyLong_FromLongLong,
    PyLong_FromUnsignedLongLong,
)
from cpython.number cimport PyNumber_Add, PyNumber_Lshift, PyNumber_Or, PyNumber_Rshift
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.math cimport ldexp
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

from ckm_stream.domain.score import SourceClass
from ckm_stream.domain.slots import INDICATOR_OF
from ckm_stream.native.msgpack cimport (
    expect_array, fail, is_binary, pack_array, pack_binary, pack_binary_head, pack_double,
    pack_int, pack_map, pack_nil, pack_one, pack_string, pack_uint, read_array, read_binary,
    read_bits, read_float, read_int, read_map, read_nil, read_string, read_uint, read_within,
)
from ckm_stream.native.wire cimport Buffer, Cursor, Text, reserve, taken

cdef extern from "Python.h":
    PyObject* PyList_GET_ITEM(object values, Py_ssize_t place)  # borrowed

cdef enum:
    LAYOUT = 1
    PROFILE_PARTS = 16
    EMPLOYEE_PARTS = 7
    DELIVERY_PARTS = 10
    CLASSES = 7
    DAY_S = 86_400
    GAPS_UP_TO = 40  # codec.state writes more days as a bitmap
    SEEN_RECORD_BYTES = 15
    # Beyond these a state is damaged, and reading it must not take memory without bounds.
    LAST_DAY = 1_048_576  # 2,870 years
    MOST_IDLE_BITS = 1_024  # domain.policy.MAX_HALVINGS is 850
    MOST_EXPONENT = 900  # so that no sum read by way of a double overflows
    # Some 420 numbers of up to 9 bytes, heads included, with nothing that `room_for` adds.
    MOST_FIXED_BYTES = 8_192

cdef int64_t LATEST = <int64_t>1 << 62  # differences of such times fit 64 bits
cdef uint64_t LOW_53 = (<uint64_t>1 << 53) - 1
cdef int64_t MOST_HIGH = <int64_t>1 << 41  # with 11 bits of the low part a double still holds it

cdef int _indicator_of[SLOTS]
_indicator_of[:] = INDICATOR_OF

cdef tuple _class_names = tuple(each.value.encode() for each in SourceClass)
cdef Text _class_texts[CLASSES]
for _place in range(CLASSES):
    _class_texts[_place].at = <const uint8_t*>PyBytes_AS_STRING(_class_names[_place])
    _class_texts[_place].size = PyBytes_GET_SIZE(_class_names[_place])

# What is being written. No Python code runs between the first byte and the last.
cdef Buffer _out


@cython.no_gc  # it holds numbers and texts, which refer to nothing
@cython.freelist(64)
cdef class Delivery:
    """How far a state's delivery has come."""

    @property
    def announced_version(self):
        """The version of the last announcement; 0 before the first."""
        return self.announced.version


@cython.no_gc
@cython.freelist(64)
cdef class Profile:
    """All that is kept of one customer."""

    def __dealloc__(self):
        cdef int worth
        free(self.purchase_days.day)
        for worth in range(3):
            free(self.contact_days[worth].day)


@cython.no_gc
@cython.freelist(64)
cdef class Employee:
    """All that is kept of one employee."""


cdef Delivery new_delivery(int partition, int sources):
    cdef Delivery delivery = Delivery.__new__(Delivery)
    cdef int place
    delivery.partition = partition
    delivery.sources = sources
    for place in range(sources):
        delivery.applied[place] = -1
    delivery.announced.previous = -1
    delivery.announced_event_id = b""
    delivery.origins = {}
    return delivery


cdef Profile new_profile(int partition):
    cdef Profile profile = Profile.__new__(Profile)
    profile.delivery = new_delivery(partition, SOURCES)
    profile.seen = b""
    profile.sums = [None] * SLOTS
    profile.first_value[0] = -1
    forget_firsts(profile)
    profile.first_s = profile.first_purchase_s = -1
    profile.last_at = profile.last_purchase_s = profile.last_complaint_s = -1
    profile.newest_ids = []
    return profile


cdef Employee new_employee(int partition):
    cdef Employee employee = Employee.__new__(Employee)
    employee.delivery = new_delivery(partition, 1)
    employee.seen = b""
    employee.handled = employee.noted = 0
    employee.last_at = -1
    return employee


cdef inline void forget_firsts(Profile profile) noexcept:
    cdef int category
    for category in range(BINS):
        profile.first_in_category[category] = -1


cdef int reserve_days(Days* days, Py_ssize_t room) except -1:
    cdef int32_t* day = <int32_t*>realloc(days.day, room * sizeof(int32_t))
    if day is NULL:
        raise MemoryError
    days.day, days.room = day, <int>room
    return 0


cdef int add_day(Days* days, int32_t day) except -1:
    cdef int low = 0
    cdef int high = days.count
    cdef int middle
    if high and days.day[high - 1] < day:
        low = high  # nearly always: events come about in order
    while low < high:
        middle = (low + high) // 2
        if days.day[middle] < day:
            low = middle + 1
        else:
            high = middle
    if low < days.count and days.day[low] == day:
        return 0
    if days.count == days.room:
        reserve_days(days, 2 * days.room + 4)
    memmove(days.day + low + 1, days.day + low, (days.count - low) * sizeof(int32_t))
    days.day[low] = day
    days.count += 1
    return 0


# Reading.


cdef inline bytes bytes_of(Text text):
    return (<const char*>text.at)[:text.size]


cdef bytes read_name(Cursor* c):
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


cdef bytes read_seen(Cursor* c):
    cdef Text text = read_binary(c)
    if text.size % SEEN_RECORD_BYTES:
        fail(c)
        return b""
    return bytes_of(text)


cdef int read_class(Cursor* c) noexcept:
    cdef int place
    cdef Text text
    if read_nil(c):
        return -1
    text = read_string(c)
    for place in range(CLASSES):
        if text.size == _class_texts[place].size:
            if not memcmp(text.at, _class_texts[place].at, text.size):
                return place
    fail(c)
    return -1


cdef void read_announced(Cursor* c, Announced* announced) noexcept:
    # A class, a total and an instant, or three nulls.
    announced.source_class = read_class(c)
    announced.ever = announced.source_class >= 0
    if announced.ever:
        announced.total = read_float(c)
        announced.as_of = read_int(c)
    elif not read_nil(c) or not read_nil(c):
        fail(c)
    announced.version = read_int(c)
    announced.previous = read_class(c)


cdef Delivery read_delivery(Cursor* c, int sources):
    cdef Delivery delivery = Delivery.__new__(Delivery)
    cdef Py_ssize_t place
    expect_array(c, DELIVERY_PARTS)
    delivery.version = read_int(c)
    delivery.partition = <int>read_within(c, 0, 0x7FFFFFFF)
    delivery.sources = sources
    expect_array(c, sources)
    for place in range(sources):
        delivery.applied[place] = read_int(c)
    read_announced(c, &delivery.announced)
    delivery.announced_event_id = read_name(c)
    delivery.origins = {}
    for place in range(read_map(c)):
        stream = read_int(c)
        delivery.origins[stream] = read_int(c)
    return delivery


cdef struct Sums:
    # The sums there are, without their idle bits: the low 64 bits, and 64 that are above.
    int count
    uint8_t slots[SLOTS]
    uint64_t lows[SLOTS]
    uint64_t highs[SLOTS]
    # When read, that the high part is unsigned; when written, that it does not fit 64 bits signed.
    bint positive[SLOTS]
    Text longer[SLOTS]  # read instead of the high part, where not NULL


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


cdef int read_bitmap(Cursor* c, Days* days, int64_t first) except -1:
    cdef Text bitmap = read_binary(c)
    cdef Py_ssize_t place
    cdef int64_t day
    cdef uint8_t bits
    cdef int count = 0
    if first + 8 * bitmap.size > LAST_DAY:
        fail(c)
        return 0
    reserve_days(days, 8 * bitmap.size + 1)
    for place in range(bitmap.size):
        bits, day = bitmap.at[place], first + 8 * place
        while bits:
            if bits & 1:
                days.day[count] = <int32_t>day
                count += 1
            bits >>= 1
            day += 1
    days.count = count
    return 0


cdef int read_days(Cursor* c, Days* days) except -1:
    # The first day; then gaps, or a bitmap from it.
    cdef Py_ssize_t size = read_array(c)
    cdef Py_ssize_t place
    cdef int64_t day
    if not size:
        return 0
    day = read_within(c, 0, LAST_DAY)
    if size == 2 and is_binary(c):
        return read_bitmap(c, days, day)
    reserve_days(days, size + 4)
    days.day[0] = <int32_t>day
    for place in range(1, size):
        day += read_within(c, 1, LAST_DAY)
        if day > LAST_DAY:
            fail(c)
            return 0
        days.day[place] = <int32_t>day
    days.count = <int>size
    return 0


cdef void read_counts(Cursor* c, int64_t* counts) noexcept:
    cdef Py_ssize_t size = read_array(c)
    cdef Py_ssize_t place
    if size > COUNTERS:
        fail(c)
        return
    for place in range(size):
        counts[place] = read_int(c)


cdef void read_firsts(Cursor* c, Profile profile) noexcept:
    cdef Py_ssize_t size = read_array(c)
    cdef Py_ssize_t place
    cdef int64_t category
    if size & 1:
        fail(c)
    forget_firsts(profile)
    for place in range(size // 2):
        category = read_within(c, 0, BINS - 1)
        profile.first_in_category[category] = read_within(c, 0, LATEST)


cdef void read_counter(Cursor* c, uint64_t* words) noexcept:
    # The 256 bits of a LinearCounter.
    cdef Text text = read_binary(c)
    if text.size > 32:
        fail(c)
        return
    memcpy(words, text.at, text.size)  # little-endian, as in `wire`


cdef int read_newest(Cursor* c, Profile profile) except -1:
    cdef Py_ssize_t size = read_array(c)
    cdef Py_ssize_t place
    cdef int bits
    cdef int before = 0
    profile.newest_ids = []
    if size > INDICATORS:
        fail(c)
        return 0
    profile.newest = <int>size
    for place in range(size):
        expect_array(c, 3)
        profile.newest_at[place] = profile.last_at - read_within(c, 0, LATEST)
        profile.newest_ids.append(read_name(c))
        bits = <int>read_within(c, 1, (1 << INDICATORS) - 1)
        # Were they not disjoint, there could come to be more of them than there is room for.
        if bits & before:
            fail(c)
        before |= bits
        profile.newest_bits[place] = bits
    return 0


cdef bint read_head(Cursor* c, bytes data, int parts, Choices choices) noexcept:
    cdef Text fingerprint
    c.at = <const uint8_t*>PyBytes_AS_STRING(data)
    c.end = c.at + PyBytes_GET_SIZE(data)
    c.bad = False
    expect_array(c, parts)
    read_within(c, LAYOUT, LAYOUT)
    fingerprint = read_binary(c)
    return (
        not c.bad
        and fingerprint.size == PyBytes_GET_SIZE(choices.fingerprint)
        and not memcmp(fingerprint.at, PyBytes_AS_STRING(choices.fingerprint), fingerprint.size)
    )


cdef Profile decode_profile(bytes data, Choices choices):
    cdef Cursor c
    cdef Sums sums
    cdef Profile profile
    cdef int place
    if not read_head(&c, data, PROFILE_PARTS, choices):
        return None
    profile = Profile.__new__(Profile)
    profile.delivery = read_delivery(&c, SOURCES)
    profile.seen = read_seen(&c)
    read_sums(&c, &sums)
    read_counts(&c, profile.counts)
    expect_array(&c, 4)
    read_days(&c, &profile.purchase_days)
    for place in range(3):
        read_days(&c, &profile.contact_days[place])
    expect_array(&c, 3)
    for place in range(3):
        profile.first_value[place] = read_int(&c)
    read_firsts(&c, profile)
    read_counter(&c, profile.referred)
    read_counter(&c, profile.referred_buyers)
    profile.last_at = read_within(&c, -1, LATEST)
    expect_array(&c, 4)
    profile.first_s = read_within(&c, -1, LATEST)
    profile.first_purchase_s = read_int(&c)
    profile.last_purchase_s = read_int(&c)
    profile.last_complaint_s = read_int(&c)
    read_newest(&c, profile)
    if c.bad or c.at != c.end:
        return None
    profile.sums = unpack_sums(&sums, profile.first_s, choices)
    return profile if profile.sums is not None else None


cdef Employee decode_employee(bytes data, Choices choices):
    cdef Cursor c
    cdef Employee employee
    if not read_head(&c, data, EMPLOYEE_PARTS, choices):
        return None
    employee = Employee.__new__(Employee)
    employee.delivery = read_delivery(&c, 1)
    employee.seen = read_seen(&c)
    employee.handled = int.from_bytes(bytes_of(read_binary(&c)), "little")
    employee.noted = int.from_bytes(bytes_of(read_binary(&c)), "little")
    employee.last_at = read_int(&c)
    return None if c.bad or c.at != c.end else employee


# Writing. The room for all of it is reserved before; each returns where the next part goes.


cdef inline uint8_t* pack_bytes(uint8_t* at, bytes value) noexcept:
    return pack_binary(at, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))


cdef inline uint8_t* pack_name(uint8_t* at, bytes name) noexcept:
    return pack_string(at, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))


cdef inline uint8_t* pack_class(uint8_t* at, int place) noexcept:
    if place < 0:
        return pack_nil(at)
    return pack_string(at, _class_texts[place].at, _class_texts[place].size)


cdef inline uint8_t* pack_announced(uint8_t* at, const Announced* announced) noexcept:
    if announced.ever:
        at = pack_class(at, announced.source_class)
        at = pack_double(at, announced.total)
        at = pack_int(at, announced.as_of)
    else:
        at = pack_nil(pack_nil(pack_nil(at)))
    at = pack_int(at, announced.version)
    return pack_class(at, announced.previous)


cdef uint8_t* pack_delivery(uint8_t* at, Delivery delivery) except NULL:
    cdef int place
    cdef int64_t stream, offset
    at = pack_array(at, DELIVERY_PARTS)
    at = pack_int(at, delivery.version)
    at = pack_int(at, delivery.partition)
    at = pack_array(at, delivery.sources)
    for place in range(delivery.sources):
        at = pack_int(at, delivery.applied[place])
    at = pack_announced(at, &delivery.announced)
    at = pack_name(at, delivery.announced_event_id)
    at = pack_map(at, PyDict_Size(delivery.origins))
    for stream, offset in delivery.origins.items():
        at = pack_int(at, stream)
        at = pack_int(at, offset)
    return at


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


cdef uint8_t* pack_counts(uint8_t* at, const int64_t* counts) noexcept:
    cdef int end = COUNTERS
    cdef int place
    while end and not counts[end - 1]:
        end -= 1
    at = pack_array(at, end)
    for place in range(end):
        at = pack_int(at, counts[place])
    return at


cdef inline Py_ssize_t bitmap_size(const Days* days) noexcept:
    return (days.day[days.count - 1] - days.day[0]) // 8 + 1


cdef uint8_t* pack_bitmap(uint8_t* at, const Days* days) noexcept:
    cdef Py_ssize_t size = bitmap_size(days)
    cdef int place, day
    at = pack_array(at, 2)
    at = pack_uint(at, days.day[0])
    at = pack_binary_head(at, size)
    memset(at, 0, size)
    for place in range(days.count):
        day = days.day[place] - days.day[0]
        at[day >> 3] |= <uint8_t>(1 << (day & 7))
    return at + size


cdef uint8_t* pack_days(uint8_t* at, const Days* days) noexcept:
    cdef int place
    if days.count > GAPS_UP_TO:
        return pack_bitmap(at, days)
    at = pack_array(at, days.count)
    if days.count:
        at = pack_uint(at, days.day[0])
    for place in range(1, days.count):
        at = pack_uint(at, days.day[place] - days.day[place - 1])
    return at


cdef uint8_t* pack_firsts(uint8_t* at, Profile profile) noexcept:
    cdef int category
    cdef int known = 0
    for category in range(BINS):
        known += profile.first_in_category[category] >= 0
    at = pack_array(at, 2 * known)
    for category in range(BINS):
        if profile.first_in_category[category] >= 0:
            at = pack_uint(at, category)
            at = pack_int(at, profile.first_in_category[category])
    return at


cdef uint8_t* pack_counter(uint8_t* at, const uint64_t* words) noexcept:
    cdef const uint8_t* bits = <const uint8_t*>words
    cdef int size = 4
    while size and not words[size - 1]:
        size -= 1
    size *= 8
    while size and not bits[size - 1]:
        size -= 1
    return pack_binary(at, bits, size)


cdef uint8_t* pack_newest(uint8_t* at, Profile profile) noexcept:
    cdef int place
    at = pack_array(at, profile.newest)
    for place in range(profile.newest):
        at = pack_array(at, 3)
        at = pack_int(at, profile.last_at - profile.newest_at[place])
        at = pack_name(at, <bytes>profile.newest_ids[place])
        at = pack_uint(at, profile.newest_bits[place])
    return at


cdef uint8_t* pack_head(
    uint8_t* at, int parts, Choices choices, Delivery delivery, bytes seen
) except NULL:
    at = pack_array(at, parts)
    at = pack_uint(at, LAYOUT)
    at = pack_bytes(at, choices.fingerprint)
    at = pack_delivery(at, delivery)
    return pack_bytes(at, seen)


cdef Py_ssize_t room_for(Choices choices, Delivery delivery, bytes seen) noexcept:
    # At least what is written of all that comes once or up to 68 times, and of the arguments.
    return (
        MOST_FIXED_BYTES
        + PyBytes_GET_SIZE(choices.fingerprint)
        + PyBytes_GET_SIZE(delivery.announced_event_id)
        + 18 * PyDict_Size(delivery.origins)
        + PyBytes_GET_SIZE(seen)
    )


cdef Py_ssize_t room_for_days(const Days* days) noexcept:
    return bitmap_size(days) if days.count > GAPS_UP_TO else 0


cdef Py_ssize_t room_for_lists(Profile profile, list long_highs) except -1:
    cdef Py_ssize_t room = room_for_days(&profile.purchase_days)
    cdef int place
    for place in range(3):
        room += room_for_days(&profile.contact_days[place])
    for place in range(profile.newest):
        room += PyBytes_GET_SIZE(<bytes>profile.newest_ids[place])
    if long_highs is not None:
        for high in long_highs:
            room += len(high) if isinstance(high, bytes) else 0
    return room


cdef bytes encode_profile(Profile profile, Choices choices):
    cdef Sums sums
    cdef int place
    cdef uint8_t* at
    cdef list long_highs = split_sums(&sums, profile, choices)
    if long_highs is not None:
        long_highs = written_highs(long_highs)
    _out.size = 0
    reserve(
        &_out,
        room_for(choices, profile.delivery, profile.seen) + room_for_lists(profile, long_highs),
    )
    at = pack_head(_out.data, PROFILE_PARTS, choices, profile.delivery, profile.seen)
    at = pack_sums(at, &sums, long_highs)
    at = pack_counts(at, profile.counts)
    at = pack_array(at, 4)
    at = pack_days(at, &profile.purchase_days)
    for place in range(3):
        at = pack_days(at, &profile.contact_days[place])
    at = pack_array(at, 3)
    for place in range(3):
        at = pack_int(at, profile.first_value[place])
    at = pack_firsts(at, profile)
    at = pack_counter(at, profile.referred)
    at = pack_counter(at, profile.referred_buyers)
    at = pack_int(at, profile.last_at)
    at = pack_array(at, 4)
    at = pack_int(at, profile.first_s)
    at = pack_int(at, profile.first_purchase_s)
    at = pack_int(at, profile.last_purchase_s)
    at = pack_int(at, profile.last_complaint_s)
    at = pack_newest(at, profile)
    _out.size = at - _out.data
    return taken(&_out)


cdef bytes bytes_of_sum(object value):
    return value.to_bytes((value.bit_length() + 7) >> 3, "little")


cdef bytes encode_employee(Employee employee, Choices choices):
    cdef bytes handled = bytes_of_sum(employee.handled)
    cdef bytes noted = bytes_of_sum(employee.noted)
    cdef uint8_t* at
    _out.size = 0
    reserve(
        &_out,
        room_for(choices, employee.delivery, employee.seen)
        + PyBytes_GET_SIZE(handled) + PyBytes_GET_SIZE(noted),
    )
    at = pack_head(_out.data, EMPLOYEE_PARTS, choices, employee.delivery, employee.seen)
    at = pack_bytes(at, handled)
    at = pack_bytes(at, noted)
    at = pack_int(at, employee.last_at)
    _out.size = at - _out.data
    return taken(&_out)


def recode(data: bytes, choices: Choices) -> bytes | None:
    """Decode a customer's state and encode it again; None if it is not plain. For tests."""
    cdef Profile profile = decode_profile(data, choices)
    return None if profile is None else encode_profile(profile, choices)


def recode_employee(data: bytes, choices: Choices) -> bytes | None:
    """Decode an employee's state and encode it again; None if it is not plain. For tests."""
    cdef Employee employee = decode_employee(data, choices)
    return None if employee is None else encode_employee(employee, choices)


def recode_empty(partition: int, choices: Choices) -> bytes:
    """Encode the state of a customer before any event. For tests."""
    return encode_profile(new_profile(partition), choices)


def recode_empty_employee(partition: int, choices: Choices) -> bytes:
    """Encode the state of an employee before any contact. For tests."""
    return encode_employee(new_employee(partition), choices)


def recode_days(data: bytes, contacts: list[int], choices: Choices) -> bytes | None:
    """Decode, add days to those of contacts of the first worth, and encode. For tests."""
    cdef Profile profile = decode_profile(data, choices)
    if profile is None:
        return None
    for day in contacts:
        add_day(&profile.contact_days[0], day)
    return encode_profile(profile, choices)
