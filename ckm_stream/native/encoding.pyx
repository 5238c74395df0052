# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
A state as the bytes that the changelog holds of it.

Twin of `codec.state` and `codec.layouts`, to the byte. The room for all of it is reserved before; each function
returns where the next part goes.
"""

from cpython.bytes cimport PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Size
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.days cimport Days, add_day
from ckm_stream.native.decoding cimport (
    EMPLOYEE_PARTS, FIRST_PROFILE_PARTS, PROFILE_PARTS, decode_employee, decode_profile,
)
from ckm_stream.native.delivery cimport FIRST_SOURCES, Delivery, pack_delivery
from ckm_stream.native.msgpack cimport (
    pack_array, pack_binary, pack_binary_head, pack_bytes, pack_int, pack_name, pack_uint,
)
from ckm_stream.native.profile cimport (
    BINS, COUNTERS, Employee, Profile, new_employee, new_profile,
)
from ckm_stream.native.sums cimport long_highs, pack_sums
from ckm_stream.native.wire cimport Buffer, reserve, taken

from ckm_stream.codec.layouts import refuse_epoch, refuse_texts

cdef enum:
    GAPS_UP_TO = 40  # codec.state writes more days as a bitmap
    # Some 490 numbers of up to 9 bytes, heads included, with nothing that `room_for` adds.
    MOST_FIXED_BYTES = 8_192

# What is being written. No Python code runs between the first byte and the last.
cdef Buffer _out


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


cdef uint8_t* pack_network(uint8_t* at, Profile profile) noexcept:
    cdef int place
    at = pack_array(at, 2 * profile.mentions)
    for place in range(profile.mentions):
        at = pack_uint(at, profile.mention_key[place])
        at = pack_int(at, profile.mention_s[place] - profile.first_s)
    if profile.referred_s >= 0:
        at = pack_array(at, 2)
        at = pack_int(at, profile.referred_s - profile.first_s)
        at = pack_uint(at, profile.referrer)
    else:
        at = pack_array(at, 0)
    return pack_uint(at, profile.network_id)


cdef uint8_t* pack_head(
    uint8_t* at, int parts, Choices choices, Delivery delivery, bytes seen
) except NULL:
    at = pack_array(at, parts)
    at = pack_uint(at, choices.layout)
    at = pack_bytes(at, choices.fingerprint)
    at = pack_delivery(at, delivery, choices.layout)
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


cdef Py_ssize_t room_for_lists(Profile profile, list highs) except -1:
    cdef Py_ssize_t room = room_for_days(&profile.purchase_days)
    cdef int place
    for place in range(3):
        room += room_for_days(&profile.contact_days[place])
    for place in range(profile.newest):
        room += PyBytes_GET_SIZE(<bytes>profile.newest_ids[place])
    if highs is not None:
        for high in highs:
            room += len(high) if isinstance(high, bytes) else 0
    return room


cdef bytes encode_profile(Profile profile, Choices choices):
    cdef int place
    cdef uint8_t* at
    cdef list highs = long_highs(profile)
    cdef int parts = PROFILE_PARTS if choices.layout >= 3 else FIRST_PROFILE_PARTS
    if choices.layout < 2 and profile.delivery.announced.epoch:
        refuse_epoch(profile.delivery.announced.epoch)
    if choices.layout < 3 and profile.delivery.applied[FIRST_SOURCES] != -1:
        refuse_texts(profile.delivery.applied[FIRST_SOURCES])
    _out.size = 0
    reserve(
        &_out,
        room_for(choices, profile.delivery, profile.seen) + room_for_lists(profile, highs),
    )
    at = pack_head(_out.data, parts, choices, profile.delivery, profile.seen)
    at = pack_sums(at, profile, highs)
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
    if choices.layout >= 3:
        at = pack_network(at, profile)
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
