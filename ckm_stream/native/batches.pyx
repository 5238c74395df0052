# cython: language_level=3, boundscheck=False, cdivision=True
"""
Kafka's record batches (format 2, KIP-98), read without an object per record.

aiokafka's own classes are the reference: a fetch gives the same records and the same position, or
is refused by both. What is not of format 2 is left to them (``is_readable``).
"""

from collections.abc import Sequence

from cpython.buffer cimport Py_buffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp

from ckm_stream.native.store cimport CompactStore
from ckm_stream.native.wire cimport Cursor, Text, bytes_of, read_long

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX
    object PyMemoryView_FromObject(object)
    Py_buffer* PyMemoryView_GET_BUFFER(object)

cdef enum:
    # Where the fields of a batch are, in bytes from its start.
    LENGTH_AT = 8
    OVERHEAD_BYTES = 12  # a batch's length counts what is behind these
    MAGIC_AT = 16
    CRC_AT = 17
    ATTRIBUTES_AT = 21
    LAST_OFFSET_DELTA_AT = 23
    FIRST_TIMESTAMP_AT = 27
    MAX_TIMESTAMP_AT = 35
    PRODUCER_ID_AT = 43
    COUNT_AT = 57
    HEADER_BYTES = 61

    # Bits of a batch's attributes.
    CODEC = 0x07
    APPEND_TIME = 0x08
    TRANSACTIONAL = 0x10
    CONTROL = 0x20

    FORMAT = 2
    LEAST_SPANS = 64


class BatchError(ValueError):
    """A fetch that is not what a broker can have meant to send; nothing of it may be used."""


cdef inline int64_t big_endian(const uint8_t* at, int size) noexcept nogil:
    # Unsigned; the casts of whoever asks give it its sign.
    cdef int64_t number = 0
    cdef int place
    for place in range(size):
        number = number << 8 | at[place]
    return number


cdef class Record:
    """One record as a Kafka client hands it over; ``timestamp`` is in milliseconds."""

    cdef readonly int64_t offset
    cdef readonly int64_t timestamp
    cdef readonly int timestamp_type
    cdef readonly bytes key
    cdef readonly bytes value
    cdef readonly tuple headers

    def __repr__(self):
        return f"<Record at offset {self.offset}>"  # what is in it may be personal


cdef inline bytes bytes_or_none(const uint8_t* at, int32_t size):
    return None if size < 0 else PyBytes_FromStringAndSize(<const char*>at, size)


cdef tuple headers_of(const Span* span):
    cdef Cursor c
    cdef int32_t size
    cdef const uint8_t* name
    cdef int32_t name_size
    cdef list headers
    if not span.header_count:
        return ()
    headers = []
    c.at, c.end, c.bad = span.headers, span.headers + span.headers_size, False
    for _ in range(span.header_count):
        name_size = <int32_t>read_long(&c)
        name = c.at
        c.at += name_size
        size = <int32_t>read_long(&c)
        headers.append(
            (PyUnicode_DecodeUTF8(<const char*>name, name_size, NULL), bytes_or_none(c.at, size))
        )
        if size > 0:
            c.at += size
    return tuple(headers)


cdef Text header_of(const Span* span, bytes name) noexcept:
    # The value of the first header of this name; NULL if there is none, or it is null.
    cdef Cursor c
    cdef Text value
    cdef const uint8_t* other
    cdef int64_t size
    cdef bint found
    c.at, c.end, c.bad = span.headers, span.headers + span.headers_size, False
    for _ in range(span.header_count):
        size = read_long(&c)
        other = c.at
        found = size == PyBytes_GET_SIZE(name) and not memcmp(other, PyBytes_AS_STRING(name), size)
        c.at += size
        size = read_long(&c)
        if found and size >= 0:
            value.at, value.size = c.at, size
            return value
        if found:
            break
        c.at += max(<int64_t>0, size)
    value.at, value.size = NULL, 0
    return value


cdef class RecordSequence:
    """
    Consecutive records of one partition; one becomes an object when it is asked for by its place.

    A slice shares the memory of the whole, and keeps it.
    """

    def __cinit__(self):
        self.owners = []

    def __dealloc__(self):
        if self.whole is None:
            free(self.spans)

    def __len__(self):
        return self.size

    def __getitem__(self, place):
        cdef Py_ssize_t number
        if isinstance(place, slice):
            return self.part(place)
        number = place
        if number < 0:
            number += self.size
        if not 0 <= number < self.size:
            raise IndexError(f"there is no record {place} among {self.size}")
        return self.record(number)

    def __iter__(self):
        return map(self.__getitem__, range(self.size))

    def put_into(self, store):
        """Put each record's value into a store of states, in their order; a null value deletes."""
        cdef Py_ssize_t place
        cdef const Span* span
        cdef CompactStore compact = store if isinstance(store, CompactStore) else None
        for place in range(self.size):
            span = &self.spans[place]
            if compact is not None and span.key_size >= 0 and span.value_size >= 0:
                compact.put_at(span.key, span.key_size, span.value, span.value_size)
                continue
            key = bytes_or_none(span.key, span.key_size)
            if span.value_size < 0:
                store.discard(key)
            else:
                store.put(key, bytes_or_none(span.value, span.value_size))

    def run_at_end(self, bytes name not None):
        """
        Return the last record's value of a header, and the keys of those at the end that share it.

        The last one's key comes first; None and no keys if it has no such header.
        """
        cdef Py_ssize_t place = self.size
        cdef list keys = []
        cdef Text last, other
        if not place:
            return None, keys
        last = header_of(&self.spans[place - 1], name)
        if last.at is NULL:
            return None, keys
        while place:
            place -= 1
            other = header_of(&self.spans[place], name)
            if other.at is NULL or other.size != last.size or memcmp(other.at, last.at, last.size):
                break
            keys.append(self.key(place))
        return bytes_of(last), keys

    cdef object part(self, object place):
        cdef RecordSequence part
        start, stop, step = place.indices(self.size)
        if step != 1:
            return [self.record(number) for number in range(start, stop, step)]
        part = RecordSequence.__new__(RecordSequence)
        part.whole = self if self.whole is None else self.whole
        part.spans, part.size = self.spans + <Py_ssize_t>start, max(0, stop - start)
        return part

    cdef object record(self, Py_ssize_t place):
        cdef const Span* span = &self.spans[place]
        cdef Record record
        if self.objects is not None:
            return self.objects[place]
        record = Record.__new__(Record)
        record.offset, record.timestamp = span.offset, span.timestamp_ms
        record.timestamp_type = span.timestamp_type
        record.key = bytes_or_none(span.key, span.key_size)
        record.value = bytes_or_none(span.value, span.value_size)
        record.headers = headers_of(span)
        return record

    cdef object key(self, Py_ssize_t place):
        if self.objects is not None:
            return self.objects[place].key
        return bytes_or_none(self.spans[place].key, self.spans[place].key_size)

    cdef object headers(self, Py_ssize_t place):
        if self.objects is not None:
            return self.objects[place].headers
        return headers_of(&self.spans[place])

    cdef Span* new_span(self) except NULL:
        cdef Py_ssize_t room
        cdef Span* spans
        if self.size == self.room:
            room = max(<Py_ssize_t>LEAST_SPANS, 2 * self.room)
            spans = <Span*>realloc(self.spans, room * sizeof(Span))
            if spans == NULL:
                raise MemoryError
            self.spans, self.room = spans, room
        self.size += 1
        return &self.spans[self.size - 1]

    cdef int own(self, object buffer) except -1:
        if not self.owners or self.owners[-1] is not buffer:
            self.owners.append(buffer)
        return 0


Sequence.register(RecordSequence)


cdef RecordSequence sequence_of(object records):
    cdef RecordSequence sequence
    cdef Span* span
    if isinstance(records, RecordSequence):
        return records
    sequence = RecordSequence.__new__(RecordSequence)
    sequence.objects = list(records)
    for record in sequence.objects:
        span = sequence.new_span()
        span.offset, span.timestamp_ms = record.offset, record.timestamp
        key, value = record.key, record.value
        sequence.owners += key, value  # a record need not keep what it once gave
        span.key = bytes_at(key, &span.key_size)
        span.value = bytes_at(value, &span.value_size)
    return sequence


cdef inline const uint8_t* bytes_at(object value, int32_t* size) noexcept:
    # What is not bytes has a verdict of its own, from the record's object.
    if type(value) is not bytes:
        size[0] = -1
        return NULL
    size[0] = <int32_t>PyBytes_GET_SIZE(value)
    return <const uint8_t*>PyBytes_AS_STRING(value)


cdef class BatchReader:
    """
    The records of one fetch of one partition, in portions.

    Args:
        data: The fetched record set: whole batches, and perhaps a beginning of the next one.
        aborted: Producer ids and first offsets of the aborted transactions in it; None for none.
        fetch_offset: The offset that was asked for; what is before it is left out.
        read_committed: Whether records of aborted transactions are left out.
        crc32c: Computes the checksum of a memoryview; None to take batches on trust.
        decompress: Given a codec's number and a memoryview, returns the bytes that were compressed.
    """

    #: The first offset that has not been read.
    cdef readonly int64_t next_fetch_offset
    cdef bytes data
    cdef list aborted  # (first offset, producer id), the last first
    cdef set aborting  # producers inside an aborted transaction
    cdef bint read_committed
    cdef object crc32c
    cdef object decompress
    cdef Py_ssize_t batch_at  # of the next batch, in `data`
    cdef bint failed

    # The batch under way, if there is one.
    cdef bint is_open
    cdef object body
    cdef Cursor cursor
    cdef int64_t left
    cdef int64_t base_offset
    cdef int64_t next_offset
    cdef int64_t first_timestamp
    cdef int64_t append_timestamp
    cdef int timestamp_type

    def __init__(
        self,
        bytes data not None,
        aborted,
        int64_t fetch_offset,
        *,
        bint read_committed,
        crc32c,
        decompress,
    ):
        self.data, self.next_fetch_offset = data, fetch_offset
        self.aborted = sorted(((first, producer) for producer, first in aborted or ()), reverse=True)
        self.aborting, self.read_committed = set(), read_committed
        self.crc32c, self.decompress = crc32c, decompress

    @staticmethod
    def is_readable(bytes data not None):
        """Tell whether all batches are of the one format that is read here."""
        cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef Py_ssize_t at = 0
        cdef int32_t length
        while size - at > MAGIC_AT:
            length = <int32_t>big_endian(start + at + LENGTH_AT, 4)
            if start[at + MAGIC_AT] != FORMAT:
                return False
            if length < HEADER_BYTES - OVERHEAD_BYTES:
                return True  # reading gets no further, either
            at += OVERHEAD_BYTES + length
        return True

    @property
    def end_offset(self):
        """The position once all is read, as the batches' headers tell it."""
        cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(self.data)
        cdef Py_ssize_t at = self.batch_at
        cdef Py_ssize_t end = self.batch_end(at)
        cdef int64_t offset = self.next_offset if self.is_open else self.next_fetch_offset
        while end > 0:
            offset = next_offset_of(start + at)
            at, end = end, self.batch_end(end)
        return offset

    @property
    def has_more(self):
        """Whether there may be records that were not taken."""
        return not self.failed and (self.is_open or self.batch_end(self.batch_at) >= 0)

    def take(self, max_records=None):
        """
        Return the next records, at most *max_records*; none only if there are no more.

        Raises:
            BatchError: If a batch is corrupt. Nothing more can be taken then.
        """
        cdef Py_ssize_t most = PY_SSIZE_T_MAX if max_records is None else max_records
        cdef RecordSequence taken = RecordSequence.__new__(RecordSequence)
        if self.failed:
            return taken
        self.failed = True  # should anything be raised
        while taken.size < most and (self.is_open or self.open_next()):
            taken.own(self.body)
            self.read_into(taken, most)
            if not self.left:
                self.close()
        self.failed = False
        return taken

    cdef Py_ssize_t batch_end(self, Py_ssize_t at) noexcept:
        # Where the batch at `at` ends; -1 if it is not there to its end, 0 if it cannot be one.
        cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(self.data)
        cdef Py_ssize_t rest = PyBytes_GET_SIZE(self.data) - at
        cdef int32_t length
        if rest < OVERHEAD_BYTES:
            return -1
        length = <int32_t>big_endian(start + at + LENGTH_AT, 4)
        if length < HEADER_BYTES - OVERHEAD_BYTES:
            return 0
        return at + OVERHEAD_BYTES + length if length <= rest - OVERHEAD_BYTES else -1

    cdef bint open_next(self) except -1:
        """Go to the next batch with records for us; False if there is none."""
        cdef const uint8_t* batch
        cdef Py_ssize_t end
        cdef int attributes
        while True:
            end = self.batch_end(self.batch_at)
            if end < 0:
                return False
            if not end:
                raise BatchError("a batch that is shorter than its header")
            batch = <const uint8_t*>PyBytes_AS_STRING(self.data) + self.batch_at
            self.check(end)
            attributes = <int16_t>big_endian(batch + ATTRIBUTES_AT, 2)
            if self.is_aborted(batch, end, attributes) or attributes & CONTROL:
                self.next_fetch_offset = next_offset_of(batch)
                self.batch_at = end
                continue
            self.open(batch, end, attributes)
            self.batch_at = end
            return True

    cdef int check(self, Py_ssize_t end) except -1:
        cdef const uint8_t* batch = <const uint8_t*>PyBytes_AS_STRING(self.data) + self.batch_at
        if self.crc32c is not None:
            covered = memoryview(self.data)[self.batch_at + ATTRIBUTES_AT : end]
            if self.crc32c(covered) != <uint32_t>big_endian(batch + CRC_AT, 4):
                raise BatchError("a batch whose checksum is another")
        return 0

    cdef bint is_aborted(
        self, const uint8_t* batch, Py_ssize_t end, int attributes
    ) except -1:
        # A broker names each aborted transaction by its producer and first offset; it lasts until
        # the producer's next abort marker.
        cdef int64_t base_offset = big_endian(batch, 8)
        cdef int64_t producer = big_endian(batch + PRODUCER_ID_AT, 8)
        if not self.read_committed:
            return False
        while self.aborted and self.aborted[-1][0] <= base_offset:
            self.aborting.add(self.aborted.pop()[1])
        if attributes & CONTROL and self.is_abort_marker(batch, end, attributes):
            self.aborting.discard(producer)
        return attributes & TRANSACTIONAL and producer in self.aborting

    cdef bint is_abort_marker(
        self, const uint8_t* batch, Py_ssize_t end, int attributes
    ) except -1:
        cdef Span span
        if <int32_t>big_endian(batch + COUNT_AT, 4) < 1:
            raise BatchError("a control batch without a record")
        self.cursor.at, self.cursor.bad = batch + HEADER_BYTES, False
        self.cursor.end = <const uint8_t*>PyBytes_AS_STRING(self.data) + end
        self.read_record(&span)
        if span.key_size < 4:
            raise BatchError("a control record without its type")
        return not big_endian(span.key, 4)  # version 0, type 0

    cdef int open(self, const uint8_t* batch, Py_ssize_t end, int attributes) except -1:
        cdef int codec = attributes & CODEC
        cdef Py_buffer* buffer
        if codec:
            compressed = memoryview(self.data)[self.batch_at + HEADER_BYTES : end]
            self.body = PyMemoryView_FromObject(self.decompress(codec, compressed))
            buffer = PyMemoryView_GET_BUFFER(self.body)
            self.cursor.at = <const uint8_t*>buffer.buf
            self.cursor.end = self.cursor.at + buffer.len
        else:
            self.body = self.data
            self.cursor.at = batch + HEADER_BYTES
            self.cursor.end = <const uint8_t*>PyBytes_AS_STRING(self.data) + end
        self.cursor.bad = False
        self.is_open = True
        self.left = max(0, <int32_t>big_endian(batch + COUNT_AT, 4))
        self.base_offset, self.next_offset = big_endian(batch, 8), next_offset_of(batch)
        self.first_timestamp = big_endian(batch + FIRST_TIMESTAMP_AT, 8)
        self.append_timestamp = big_endian(batch + MAX_TIMESTAMP_AT, 8)
        self.timestamp_type = 1 if attributes & APPEND_TIME else 0
        return 0

    cdef int close(self) except -1:
        if self.cursor.at != self.cursor.end:
            raise BatchError(f"{self.cursor.end - self.cursor.at} bytes behind a batch's records")
        self.next_fetch_offset = self.next_offset
        self.is_open, self.body = False, None
        return 0

    cdef int read_into(self, RecordSequence taken, Py_ssize_t most) except -1:
        cdef Span span
        while self.left and taken.size < most:
            self.read_record(&span)
            self.left -= 1
            # A batch begins where it was written, which may be before what was asked for.
            if span.offset >= self.next_fetch_offset:
                taken.new_span()[0] = span
                self.next_fetch_offset = span.offset + 1
        return 0

    cdef int read_record(self, Span* span) except -1:
        cdef Cursor* c = &self.cursor
        cdef int64_t length = read_long(c)
        cdef const uint8_t* start = c.at
        cdef int64_t count
        read_long(c)  # attributes, of which there are none yet
        span.timestamp_type = self.timestamp_type
        span.timestamp_ms = self.first_timestamp + read_long(c)
        if self.timestamp_type:
            span.timestamp_ms = self.append_timestamp
        span.offset = self.base_offset + read_long(c)
        span.key_size = read_size(c)
        span.key = taken_bytes(c, span.key_size)
        span.value_size = read_size(c)
        span.value = taken_bytes(c, span.value_size)
        count = read_long(c)
        if count < 0 or count > c.end - c.at:
            c.bad = True
        span.headers, span.header_count = c.at, <int32_t>count
        if not c.bad and count:
            self.pass_headers(count)
        if c.bad or c.at - start != length:
            raise BatchError("a record that is not as long as it says")
        span.headers_size = <int32_t>(c.at - span.headers)
        return 0

    cdef int pass_headers(self, int64_t count) except -1:
        cdef Cursor* c = &self.cursor
        cdef const uint8_t* name
        cdef int32_t size
        while count and not c.bad:
            size = read_size(c)
            if size < 0:
                c.bad = True
                break
            name = taken_bytes(c, size)
            if not c.bad and not is_ascii(name, size):
                try:
                    PyUnicode_DecodeUTF8(<const char*>name, size, NULL)
                except UnicodeDecodeError as error:
                    raise BatchError("a header whose name is not UTF-8") from error
            taken_bytes(c, read_size(c))
            count -= 1
        return 0


cdef inline int64_t next_offset_of(const uint8_t* batch) noexcept nogil:
    return big_endian(batch, 8) + <int32_t>big_endian(batch + LAST_OFFSET_DELTA_AT, 4) + 1


cdef inline int32_t read_size(Cursor* c) noexcept nogil:
    # The size of what follows; -1 for null.
    cdef int64_t size = read_long(c)
    if size > c.end - c.at:
        c.bad = True
    return -1 if c.bad or size < 0 else <int32_t>size


cdef inline const uint8_t* taken_bytes(Cursor* c, int32_t size) noexcept nogil:
    cdef const uint8_t* at = c.at
    if size > 0:
        c.at += size
    return at


cdef inline bint is_ascii(const uint8_t* at, int32_t size) noexcept nogil:
    cdef uint8_t bits = 0
    cdef int32_t place
    for place in range(size):
        bits |= at[place]
    return bits < 0x80
