# Records of fetched batches as spans of memory; Python objects are made of those that are asked for.

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef struct Span:
    # One record inside somebody else's bytes. A size of -1 says that there is none (null).
    int64_t offset
    int64_t timestamp_ms
    const uint8_t* key
    const uint8_t* value
    const uint8_t* headers  # the first header's bytes; checked when the record was parsed
    int32_t key_size
    int32_t value_size
    int32_t headers_size
    int32_t header_count
    int32_t timestamp_type


cdef class RecordSequence:
    cdef Span* spans
    cdef Py_ssize_t size
    cdef Py_ssize_t room
    cdef list owners  # the buffers that the spans point into
    cdef RecordSequence whole  # the one that a slice shares its spans with; else None
    cdef list objects  # the records themselves, if they were objects before; else None

    cdef Span* new_span(self) except NULL
    cdef object part(self, object place)
    cdef object record(self, Py_ssize_t place)
    cdef object key(self, Py_ssize_t place)
    cdef object headers(self, Py_ssize_t place)
    cdef int own(self, object buffer) except -1


# The sequence that *records* is, or one over those of any other kind.
cdef RecordSequence sequence_of(object records)
