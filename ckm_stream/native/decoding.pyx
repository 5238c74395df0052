# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
A state from the bytes that the changelog holds of it.

Twin of `codec.state` and `codec.layouts`: bytes that are not precisely what those write are left to
them.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport UINT32_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.days cimport Days, reserve_days
from ckm_stream.native.delivery cimport SOURCES, read_delivery
from ckm_stream.native.msgpack cimport (
    expect_array, fail, is_binary, read_array, read_binary, read_int, read_name, read_uint,
    read_within,
)
from ckm_stream.native.profile cimport (
    BINS, COUNTERS, INDICATORS, MOST_MENTIONS, Employee, Profile, forget_firsts,
)
from ckm_stream.native.sums cimport find_idle_bits, read_sums
from ckm_stream.native.wire cimport Cursor, Text, bytes_of

cdef enum:
    SEEN_RECORD_BYTES = 15
    # Beyond it a state is damaged, and reading it must not take memory without bounds.
    LAST_DAY = 1_048_576  # 2,870 years
    MOST_IDLE_BITS = 1_024  # domain.policy.MAX_HALVINGS is 850; a damaged state may say more

cdef int64_t LATEST = <int64_t>1 << 62  # differences of such times fit 64 bits


cdef bytes read_seen(Cursor* c):
    cdef Text text = read_binary(c)
    if text.size % SEEN_RECORD_BYTES:
        fail(c)
        return b""
    return bytes_of(text)


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


cdef void read_mentions(Cursor* c, Profile profile) noexcept:
    cdef Py_ssize_t size = read_array(c)
    cdef Py_ssize_t place
    cdef int64_t key
    cdef int64_t before = -1
    if size & 1 or size > 2 * MOST_MENTIONS:
        fail(c)
        return
    profile.mentions = <int>(size // 2)
    for place in range(profile.mentions):
        key = read_within(c, before + 1, UINT32_MAX)
        profile.mention_key[place] = <uint32_t>key
        profile.mention_s[place] = profile.first_s + read_within(c, 0, LATEST)
        before = key


cdef void read_network(Cursor* c, Profile profile) noexcept:
    read_mentions(c, profile)
    if read_array(c):
        profile.referred_s = profile.first_s + read_within(c, 0, LATEST)
        profile.referrer = read_uint(c)
    profile.network_id = read_uint(c)
    if profile.first_s < 0 and (profile.mentions or profile.referred_s >= 0):
        fail(c)


cdef int read_head(
    Cursor* c, bytes data, int parts, int first_parts, Choices choices
) noexcept:
    # The layout, or 0 if the bytes are not of these choices.
    cdef Py_ssize_t size
    cdef Text fingerprint
    cdef int layout
    c.at = <const uint8_t*>PyBytes_AS_STRING(data)
    c.end = c.at + PyBytes_GET_SIZE(data)
    c.bad = False
    size = read_array(c)
    layout = <int>read_within(c, 1, NEWEST_LAYOUT)
    if size != (first_parts if layout < 3 else parts):
        fail(c)
    fingerprint = read_binary(c)
    if (
        c.bad
        or fingerprint.size != PyBytes_GET_SIZE(choices.fingerprint)
        or memcmp(fingerprint.at, PyBytes_AS_STRING(choices.fingerprint), fingerprint.size)
    ):
        return 0
    return layout


cdef Profile decode_profile(bytes data, Choices choices):
    cdef Cursor c
    cdef Profile profile
    cdef int place
    cdef int layout = read_head(&c, data, PROFILE_PARTS, FIRST_PROFILE_PARTS, choices)
    if not layout:
        return None
    profile = Profile.__new__(Profile)
    profile.delivery = read_delivery(&c, SOURCES, layout)
    profile.seen = read_seen(&c)
    read_sums(&c, profile)
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
    profile.referred_s = -1
    if layout >= 3:
        read_network(&c, profile)
    if c.bad or c.at != c.end or 0 <= profile.first_s < choices.landmark_s:
        return None
    find_idle_bits(profile.idle, profile.first_s, choices)
    for place in range(INDICATORS):
        if profile.idle[place] > MOST_IDLE_BITS:
            return None
    return profile


cdef Employee decode_employee(bytes data, Choices choices):
    cdef Cursor c
    cdef Employee employee
    cdef int layout = read_head(&c, data, EMPLOYEE_PARTS, EMPLOYEE_PARTS, choices)
    if not layout:
        return None
    employee = Employee.__new__(Employee)
    employee.delivery = read_delivery(&c, 1, layout)
    employee.seen = read_seen(&c)
    employee.handled = int.from_bytes(bytes_of(read_binary(&c)), "little")
    employee.noted = int.from_bytes(bytes_of(read_binary(&c)), "little")
    employee.last_at = read_int(&c)
    return None if c.bad or c.at != c.end else employee
