# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
A partition's states without a Python object per customer; its reference is ``pipeline.store``.

An entry is one block of memory: sizes, key, state. A customer takes 40 bytes beside key and state:
11 of the index, 8 of the entry's address, 3 of the sizes, and the allocator's head and rounding.
Bytes objects in a dictionary take 140. States are packed, if that is asked for (``compact``).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memmove

from ckm_stream.native.compact cimport pack, room_to_pack, unpack, unpacked_size
from ckm_stream.native.siphash cimport SipKey, siphash
from ckm_stream.native.wire cimport Buffer, reserve

import os
from itertools import islice

cdef enum:
    LEAST_SLOTS = 16
    # The index is filled to 4/5 and then made a quarter larger: 10 to 12.5 bytes a customer. By
    # linear probing a key that is there is found in 3 slots, one that is not takes 13: one or two
    # lines of the cache.
    FULL_OF_5 = 4
    MOST_NUMBERS = 0xFFFFFFFE

cdef SipKey _KEY
cdef Buffer _packed  # used for one state after the other, under the interpreter's lock


cdef void _draw_key() except *:
    cdef bytes drawn = os.urandom(sizeof(SipKey))
    memcpy(&_KEY, PyBytes_AS_STRING(drawn), sizeof(SipKey))


_draw_key()


cdef inline uint32_t hash_of(const uint8_t* key, Py_ssize_t size) noexcept nogil:
    return <uint32_t>(siphash(&_KEY, key, size) >> 32)


cdef struct Entry:
    const uint8_t* key
    const uint8_t* value
    Py_ssize_t key_size
    Py_ssize_t size


cdef inline Py_ssize_t size_length(Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t length = 1
    while size >= 0x80:
        size >>= 7
        length += 1
    return length


cdef inline uint8_t* put_size(uint8_t* at, Py_ssize_t size) noexcept nogil:
    while size >= 0x80:
        at[0] = <uint8_t>(size & 0x7F) | 0x80
        at += 1
        size >>= 7
    at[0] = <uint8_t>size
    return at + 1


cdef inline const uint8_t* read_size(const uint8_t* at, Py_ssize_t* size) noexcept nogil:
    cdef int shift = 0
    size[0] = 0
    while at[0] >= 0x80:
        size[0] |= <Py_ssize_t>(at[0] & 0x7F) << shift
        shift += 7
        at += 1
    size[0] |= <Py_ssize_t>at[0] << shift
    return at + 1


cdef inline Entry entry_at(const uint8_t* at) noexcept nogil:
    cdef Entry entry
    at = read_size(at, &entry.key_size)
    at = read_size(at, &entry.size)
    entry.key = at
    entry.value = at + entry.key_size
    return entry


cdef inline Py_ssize_t room_for(Py_ssize_t size) noexcept nogil:
    # What glibc gives for it: blocks of 16 bytes, 8 of the first for itself. What fits the same
    # block is written in place.
    return ((size + 8 + 15) & ~<Py_ssize_t>15) - 8


cdef class CompactStore:
    """
    States by key; see ``pipeline.store.StateStore``.

    Args:
        packs: Whether states take a sixth less memory, and 1.2 us more to be put or got.
        unpacked: Of those that were put lately, how many are not packed; up to twice as many.
    """

    def __cinit__(self, *, bint packs=False, Py_ssize_t unpacked=0):
        self.gaps = []
        self.packs = packs
        self.most_young = unpacked if packs else 0
        self.young = {}
        self.slots = LEAST_SLOTS
        self.index = <uint64_t*>calloc(self.slots, sizeof(uint64_t))
        if self.index is NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef Py_ssize_t number
        for number in range(self.numbers):
            free(self.entries[number])
        free(self.entries)
        free(self.index)

    def __len__(self):
        """Return how many keys there are."""
        return self.count

    @property
    def next_number(self):
        """One more than the greatest number that was ever given."""
        return self.numbers

    def get(self, bytes key not None):
        """Return the state of *key*, or None."""
        cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(key)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(key)
        cdef Py_ssize_t place = self.find(at, size, hash_of(at, size))
        cdef Entry entry
        cdef bytes value
        if place < 0:
            return None
        value = self.young.get(key)
        if value is not None:
            return value
        entry = entry_at(self.entries[<uint32_t>self.index[place] - 1])
        if self.packs:
            value = PyBytes_FromStringAndSize(NULL, unpacked_size(entry.value, entry.size))
            unpack(entry.value, entry.size, <uint8_t*>PyBytes_AS_STRING(value))
            return value
        return PyBytes_FromStringAndSize(<const char*>entry.value, entry.size)

    def put(self, bytes key not None, bytes value not None):
        """Set the state of *key*."""
        cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(key)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(key)
        if not self.most_young or self.find(at, size, hash_of(at, size)) < 0:
            self.set_at(
                at, size, <const uint8_t*>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)
            )
            return
        self.young.pop(key, None)  # to the end of the line
        self.young[key] = value
        if len(self.young) > 2 * self.most_young:
            self.settle_older()

    def put_many(self, entries):
        """Set states, in their order."""
        for key, value in entries:
            self.put(key, value)

    def discard(self, bytes key not None):
        """Forget *key*, which need not be there."""
        cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(key)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(key)
        cdef Py_ssize_t place = self.find(at, size, hash_of(at, size))
        cdef uint32_t number
        if place < 0:
            return
        number = <uint32_t>self.index[place] - 1
        self.young.pop(key, None)
        self.leave(place)
        free(self.entries[number])
        self.entries[number] = NULL
        self.gaps.append(number)
        self.count -= 1

    def number_of(self, bytes key not None):
        """Return the number of *key*, or -1."""
        cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(key)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(key)
        cdef Py_ssize_t place = self.find(at, size, hash_of(at, size))
        return <Py_ssize_t><uint32_t>self.index[place] - 1 if place >= 0 else -1

    def key_of(self, Py_ssize_t number):
        """Return whose number it is, or None."""
        cdef Entry entry
        if number < 0 or number >= self.numbers or self.entries[number] is NULL:
            return None
        entry = entry_at(self.entries[number])
        return PyBytes_FromStringAndSize(<const char*>entry.key, entry.key_size)

    cdef Py_ssize_t find(self, const uint8_t* key, Py_ssize_t size, uint32_t hashed) noexcept:
        # The place in the index, or -1.
        cdef uint64_t place = (<uint64_t>hashed * self.slots) >> 32
        cdef uint64_t slot = self.index[place]
        cdef Entry entry
        while slot:
            if slot >> 32 == hashed:
                entry = entry_at(self.entries[<uint32_t>slot - 1])
                if entry.key_size == size and not memcmp(entry.key, key, size):
                    return place
            place += 1
            if place == self.slots:
                place = 0
            slot = self.index[place]
        return -1

    cdef int settle_older(self) except -1:
        # Many at once: a dictionary is searched for its first key from where that was long ago.
        cdef bytes key, value
        for key in list(islice(self.young, self.most_young)):
            value = self.young.pop(key)
            self.set_at(
                <const uint8_t*>PyBytes_AS_STRING(key),
                PyBytes_GET_SIZE(key),
                <const uint8_t*>PyBytes_AS_STRING(value),
                PyBytes_GET_SIZE(value),
            )
        return 0

    cdef int put_at(
        self, const uint8_t* key, Py_ssize_t key_size, const uint8_t* value, Py_ssize_t size
    ) except -1:
        # Set a state from somebody's memory.
        if self.young:
            self.young.pop(PyBytes_FromStringAndSize(<const char*>key, key_size), None)
        return self.set_at(key, key_size, value, size)

    cdef int set_at(
        self, const uint8_t* key, Py_ssize_t key_size, const uint8_t* value, Py_ssize_t size
    ) except -1:
        cdef uint32_t hashed = hash_of(key, key_size)
        cdef Py_ssize_t place = self.find(key, key_size, hashed)
        cdef Py_ssize_t head, old_head, room
        cdef uint32_t number
        cdef uint8_t* block
        cdef Entry entry
        if self.packs:
            _packed.size = 0
            reserve(&_packed, room_to_pack(size))
            size = pack(value, size, _packed.data)
            value = _packed.data
        if place < 0:
            return self.put_new(key, key_size, value, size, hashed)
        number = <uint32_t>self.index[place] - 1
        block = self.entries[number]
        entry = entry_at(block)
        old_head = entry.key - block
        head = size_length(key_size) + size_length(size)
        room = room_for(head + key_size + size)
        if room != room_for(old_head + key_size + entry.size):
            if head < old_head:  # a smaller block may not hold what is moved below
                memmove(block + head, block + old_head, key_size)
                old_head = head
            block = <uint8_t*>realloc(block, room)
            if block is NULL:
                raise MemoryError
            self.entries[number] = block
        if head != old_head:
            memmove(block + head, block + old_head, key_size)
        put_size(put_size(block, key_size), size)
        memcpy(block + head + key_size, value, size)
        return 0

    cdef int put_new(
        self,
        const uint8_t* key,
        Py_ssize_t key_size,
        const uint8_t* value,
        Py_ssize_t size,
        uint32_t hashed,
    ) except -1:
        cdef uint8_t* block
        cdef uint8_t* at
        cdef uint8_t** entries
        cdef uint32_t number
        cdef Py_ssize_t room
        if 5 * (self.count + 1) > <Py_ssize_t>self.slots * FULL_OF_5:
            self.grow_index()
        if not self.gaps and self.numbers == self.room:
            if self.numbers == MOST_NUMBERS:
                raise MemoryError("a partition has 2^32 - 2 keys at most")
            room = self.room + (self.room >> 3) + LEAST_SLOTS
            entries = <uint8_t**>realloc(self.entries, room * sizeof(uint8_t*))
            if entries is NULL:
                raise MemoryError
            self.entries, self.room = entries, room
        block = <uint8_t*>malloc(room_for(size_length(key_size) + size_length(size) + key_size + size))
        if block is NULL:
            raise MemoryError
        at = put_size(put_size(block, key_size), size)
        memcpy(at, key, key_size)
        memcpy(at + key_size, value, size)
        if self.gaps:
            number = self.gaps.pop()
        else:
            number = <uint32_t>self.numbers
            self.numbers += 1
        self.entries[number] = block
        self.enter(<uint64_t>hashed << 32 | (number + 1))
        self.count += 1
        return 0

    cdef int grow_index(self) except -1:
        cdef uint64_t* before = self.index
        cdef uint64_t slots = self.slots
        cdef uint64_t place
        cdef uint64_t* index
        cdef uint64_t more = slots + (slots >> 2)
        index = <uint64_t*>calloc(more, sizeof(uint64_t))
        if index is NULL:
            raise MemoryError
        self.index, self.slots = index, more
        # A slot's home grows with its hash, so this goes through both in order.
        for place in range(slots):
            if before[place]:
                self.enter(before[place])
        free(before)
        return 0

    cdef void enter(self, uint64_t slot) noexcept:
        cdef uint64_t place = ((slot >> 32) * self.slots) >> 32
        while self.index[place]:
            place += 1
            if place == self.slots:
                place = 0
        self.index[place] = slot

    cdef void leave(self, uint64_t place) noexcept:
        # Those behind move up, as far as that does not bring them before their homes.
        cdef uint64_t hole = place
        cdef uint64_t home, slot
        while True:
            place += 1
            if place == self.slots:
                place = 0
            slot = self.index[place]
            if not slot:
                break
            home = ((slot >> 32) * self.slots) >> 32
            if (place + self.slots - home) % self.slots >= (place + self.slots - hole) % self.slots:
                self.index[hole] = slot
                hole = place
        self.index[hole] = 0
