# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Records in Kafka's batch format, version 2, written at once.

The twin of aiokafka's `DefaultRecordBatchBuilder`, which takes a call per record. A batch is its
records behind room for a header; compression and the header come when it is sent, because the
header names the producer, and the checksum covers both.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.tuple cimport PyTuple_GET_SIZE
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from ckm_stream.native.wire cimport Buffer, put_byte, put_long, put_raw, release, reserve

cdef enum:
    HEADER_BYTES = 61
    ATTRIBUTES_AT = 21
    # A dead letter may have 12 MiB: memory for more than a few batches is given back.
    KEPT_BYTES = 4 << 20
    # Where these are in an `OutputRecord`.
    KEY = 2
    VALUE = 3
    HEADERS = 4

RECORDS_AT = HEADER_BYTES
CHECKED_FROM = ATTRIBUTES_AT

# Memory that is used again. No Python code runs between `begin` and `ended` but what a tuple's
# iteration is, so no other thread and no other task gets in between.
cdef Buffer records
cdef Buffer record


cdef inline int put_bytes(Buffer* b, object value) except -1:
    if value is None:
        return put_long(b, -1)
    put_long(b, PyBytes_GET_SIZE(<bytes?>value))
    return put_raw(b, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))


cdef bytes headers_of(object headers):
    # The count and the headers themselves, as they are at the end of a record.
    cdef Buffer* b = &record
    cdef bytes name
    b.size = 0
    put_long(b, len(headers))
    for text, value in headers:
        name = (<str?>text).encode()
        put_bytes(b, name)
        put_bytes(b, value)
    return PyBytes_FromStringAndSize(<const char*>b.data, b.size)


cdef inline int put_record(
    Buffer* b, Py_ssize_t place, object key, object value, const char* headers, Py_ssize_t headers_size
) except -1:
    # All records of a batch have its timestamp, so their deltas are 0.
    cdef Buffer* r = &record
    r.size = 0
    put_byte(r, 0)
    put_byte(r, 0)
    put_long(r, place)
    put_bytes(r, key)
    put_bytes(r, value)
    put_long(b, r.size + headers_size)
    put_raw(b, r.data, r.size)
    return put_raw(b, headers, headers_size)


cdef int begin(Buffer* b) except -1:
    b.size = 0
    reserve(b, HEADER_BYTES)
    b.size = HEADER_BYTES
    return 0


cdef bytes ended(Buffer* b):
    # The header's place is filled in by `write_header`; until then it is what was there.
    cdef bytes batch = PyBytes_FromStringAndSize(<const char*>b.data, b.size)
    if b.room > KEPT_BYTES:
        release(b)
        release(&record)
    return batch


cdef inline tuple fields(object record, Py_ssize_t count):
    # A tuple or a named one; anything else would be read past its end.
    if not isinstance(record, tuple) or PyTuple_GET_SIZE(record) != count:
        raise TypeError(f"not a record: {record!r}")
    return <tuple>record


def pack_outputs(list outputs not None, Py_ssize_t limit):
    """
    Return the batches of *outputs*, `OutputRecord`s of one target: (header's room and records, count).

    A batch takes less than *limit* bytes, its header included, as aiokafka's compiled one; or one
    record.
    """
    cdef Buffer* b = &records
    cdef Py_ssize_t before, count = 0, place, size = len(outputs)
    cdef bytes none = b"\0"
    cdef bytes headers
    cdef tuple each
    cdef list packed = []
    begin(b)
    for place in range(size):
        each = fields(outputs[place], HEADERS + 1)
        headers = headers_of(each[HEADERS]) if each[HEADERS] else none
        before = b.size
        put_record(b, count, each[KEY], each[VALUE], PyBytes_AS_STRING(headers), PyBytes_GET_SIZE(headers))
        if b.size >= limit and count:
            b.size = before
            packed.append((ended(b), count))
            begin(b)
            count = 0
            put_record(b, 0, each[KEY], each[VALUE], PyBytes_AS_STRING(headers), PyBytes_GET_SIZE(headers))
        count += 1
    if count:
        packed.append((ended(b), count))
    return packed


def pack_entries(list entries not None, object headers, Py_ssize_t limit):
    """Return the batches of *entries*, each a key and a value, with the same *headers*; likewise."""
    cdef Buffer* b = &records
    cdef bytes encoded = headers_of(headers)
    cdef const char* at = PyBytes_AS_STRING(encoded)
    cdef Py_ssize_t before, count = 0, place, size = len(entries), headers_size = PyBytes_GET_SIZE(encoded)
    cdef tuple each
    cdef list packed = []
    begin(b)
    for place in range(size):
        each = fields(entries[place], 2)
        before = b.size
        put_record(b, count, each[0], each[1], at, headers_size)
        if b.size >= limit and count:
            b.size = before
            packed.append((ended(b), count))
            begin(b)
            count = 0
            put_record(b, 0, each[0], each[1], at, headers_size)
        count += 1
    if count:
        packed.append((ended(b), count))
    return packed


def by_target(list outputs not None):
    """Return the `OutputRecord`s of each topic and partition, in their order."""
    cdef dict targets = {}
    cdef tuple each
    cdef object key, group
    for item in outputs:
        each = fields(item, HEADERS + 1)
        key = (each[0], each[1])
        group = targets.get(key)
        if group is None:
            targets[key] = [each]
        else:
            (<list>group).append(each)
    return targets


cdef inline void put_big(uint8_t* at, uint64_t value, int size) noexcept nogil:
    cdef int place
    for place in range(size):
        at[place] = <uint8_t>(value >> 8 * (size - 1 - place))


def write_header(
    uint8_t[::1] batch not None,
    *,
    int attributes,
    Py_ssize_t count,
    int64_t timestamp_ms,
    int64_t producer_id,
    int16_t epoch,
    int32_t sequence,
):
    """Write the header of *batch* into its first 61 bytes, but for the checksum."""
    cdef uint8_t* at = &batch[0]
    put_big(at, 0, 8)  # base offset: the broker's
    put_big(at + 8, <uint64_t>(batch.shape[0] - 12), 4)
    put_big(at + 12, <uint64_t>-1, 4)  # leader epoch: likewise
    at[16] = 2
    put_big(at + 17, 0, 4)
    put_big(at + 21, <uint64_t>attributes, 2)
    put_big(at + 23, <uint64_t>(count - 1), 4)
    put_big(at + 27, <uint64_t>timestamp_ms, 8)
    put_big(at + 35, <uint64_t>timestamp_ms, 8)
    put_big(at + 43, <uint64_t>producer_id, 8)
    put_big(at + 51, <uint64_t>epoch, 2)
    put_big(at + 53, <uint64_t>sequence, 4)
    put_big(at + 57, <uint64_t>count, 4)


def write_checksum(uint8_t[::1] batch not None, uint32_t checksum):
    """Write the CRC-32C of the bytes from the attributes on."""
    put_big(&batch[17], checksum, 4)
