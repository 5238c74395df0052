# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
How far the delivery of a state has come: in memory, and as part of the state's bytes.

Twin of `domain.profile.Delivery` and of how `codec.layouts` writes it.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Size
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from ckm_stream.domain.score import SourceClass
from ckm_stream.native.msgpack cimport (
    expect_array, fail, pack_array, pack_double, pack_int, pack_map, pack_name, pack_nil,
    pack_string, read_float, read_int, read_map, read_name, read_nil, read_string, read_within,
)
from ckm_stream.native.wire cimport Cursor, Text

cdef enum:
    DELIVERY_PARTS = 10  # in layout 1; layout 2 adds the epoch announced
    CLASSES = 7

cdef tuple _class_names = tuple(each.value.encode() for each in SourceClass)
cdef Text _class_texts[CLASSES]
for _place in range(CLASSES):
    _class_texts[_place].at = <const uint8_t*>PyBytes_AS_STRING(_class_names[_place])
    _class_texts[_place].size = PyBytes_GET_SIZE(_class_names[_place])


@cython.no_gc  # it holds numbers and texts, which refer to nothing
@cython.freelist(64)
cdef class Delivery:
    """How far a state's delivery has come."""

    @property
    def announced_version(self):
        """The version of the last announcement; 0 before the first."""
        return self.announced.version


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


cdef inline int sources_in(int sources, int layout) noexcept:
    # How many of the sources a layout has a place for.
    return FIRST_SOURCES if layout < 3 and sources > FIRST_SOURCES else sources


cdef Delivery read_delivery(Cursor* c, int sources, int layout):
    cdef Delivery delivery = Delivery.__new__(Delivery)
    cdef Py_ssize_t place
    cdef int written
    expect_array(c, DELIVERY_PARTS + (layout >= 2))
    delivery.version = read_int(c)
    delivery.partition = <int>read_within(c, 0, 0x7FFFFFFF)
    delivery.sources = sources
    written = sources_in(sources, layout)
    expect_array(c, written)
    for place in range(sources):
        delivery.applied[place] = read_int(c) if place < written else -1
    read_announced(c, &delivery.announced)
    delivery.announced_event_id = read_name(c)
    delivery.origins = {}
    for place in range(read_map(c)):
        stream = read_int(c)
        delivery.origins[stream] = read_int(c)
    if layout >= 2:
        delivery.announced.epoch = read_int(c)
    return delivery


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


cdef uint8_t* pack_delivery(uint8_t* at, Delivery delivery, int layout) except NULL:
    cdef int place, written
    cdef int64_t stream, offset
    at = pack_array(at, DELIVERY_PARTS + (layout >= 2))
    at = pack_int(at, delivery.version)
    at = pack_int(at, delivery.partition)
    written = sources_in(delivery.sources, layout)
    at = pack_array(at, written)
    for place in range(written):
        at = pack_int(at, delivery.applied[place])
    at = pack_announced(at, &delivery.announced)
    at = pack_name(at, delivery.announced_event_id)
    at = pack_map(at, PyDict_Size(delivery.origins))
    for stream, offset in delivery.origins.items():
        at = pack_int(at, stream)
        at = pack_int(at, offset)
    if layout >= 2:
        at = pack_int(at, delivery.announced.epoch)
    return at
