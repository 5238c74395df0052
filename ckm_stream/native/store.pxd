from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef class CompactStore:
    cdef uint64_t* index  # 32 bits of the hash above the number + 1; 0 where nothing is
    cdef uint64_t slots
    cdef uint8_t** entries  # by number; NULL where there is none
    cdef Py_ssize_t room
    cdef Py_ssize_t numbers
    cdef Py_ssize_t count
    cdef list gaps
    cdef bint packs
    cdef dict young  # those put last, as they were; what lies below is old or the same
    cdef Py_ssize_t most_young

    cdef Py_ssize_t find(self, const uint8_t* key, Py_ssize_t size, uint32_t hashed) noexcept
    cdef int put_at(
        self, const uint8_t* key, Py_ssize_t key_size, const uint8_t* value, Py_ssize_t size
    ) except -1
    cdef int set_at(
        self, const uint8_t* key, Py_ssize_t key_size, const uint8_t* value, Py_ssize_t size
    ) except -1
    cdef int settle_older(self) except -1
    cdef int put_new(
        self,
        const uint8_t* key,
        Py_ssize_t key_size,
        const uint8_t* value,
        Py_ssize_t size,
        uint32_t hashed,
    ) except -1
    cdef int grow_index(self) except -1
    cdef void enter(self, uint64_t slot) noexcept
    cdef void leave(self, uint64_t place) noexcept
