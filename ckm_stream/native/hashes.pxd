# Stable hashes over plain memory, inlined where they are used: BLAKE2b as `hashlib` has it, of up
# to eight bytes and without a key (RFC 7693), and the bins of `domain.sketch.bin_of`.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    #include <stdint.h>
    /* The fraction bits of the square roots of the first eight primes. */
    static const uint64_t ckm_iv[8] = {
        0x6A09E667F3BCC908u, 0xBB67AE8584CAA73Bu, 0x3C6EF372FE94F82Bu, 0xA54FF53A5F1D36F1u,
        0x510E527FADE682D1u, 0x9B05688C2B3E6C1Fu, 0x1F83D9ABFB41BD6Bu, 0x5BE0CD19137E2179u
    };
    /* Which word of the block each step of a round takes. */
    static const uint8_t ckm_sigma[10][16] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
        {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
        {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
        {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
        {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
        {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
        {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
        {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
        {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
        {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}
    };
    /* CRC-32 (IEEE 802.3, reflected) of a byte's lower and of its upper half. */
    static const uint32_t ckm_lower[16] = {
        0x00000000u, 0x77073096u, 0xEE0E612Cu, 0x990951BAu, 0x076DC419u, 0x706AF48Fu,
        0xE963A535u, 0x9E6495A3u, 0x0EDB8832u, 0x79DCB8A4u, 0xE0D5E91Eu, 0x97D2D988u,
        0x09B64C2Bu, 0x7EB17CBDu, 0xE7B82D07u, 0x90BF1D91u
    };
    static const uint32_t ckm_upper[16] = {
        0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u,
        0x4DB26158u, 0x5005713Cu, 0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
        0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu
    };
    """
    const uint64_t IV "ckm_iv"[8]
    const uint8_t SIGMA "ckm_sigma"[10][16]
    const uint32_t LOWER "ckm_lower"[16]
    const uint32_t UPPER "ckm_upper"[16]

cdef enum:
    BLOCK_BYTES = 128
    ROUNDS = 12


cdef inline uint64_t turned(uint64_t word, int by) noexcept nogil:
    return word >> by | word << (64 - by)


cdef inline void mix(
    uint64_t* v, int a, int b, int c, int d, uint64_t x, uint64_t y
) noexcept nogil:
    v[a] += v[b] + x
    v[d] = turned(v[d] ^ v[a], 32)
    v[c] += v[d]
    v[b] = turned(v[b] ^ v[c], 24)
    v[a] += v[b] + y
    v[d] = turned(v[d] ^ v[a], 16)
    v[c] += v[d]
    v[b] = turned(v[b] ^ v[c], 63)


cdef inline void compress(
    uint64_t* h, const uint8_t* block, uint64_t hashed, bint is_last
) noexcept nogil:
    # *hashed* counts the message's bytes up to the end of this block.
    cdef uint64_t v[16]
    cdef uint64_t m[16]
    cdef const uint8_t* s
    cdef int each
    memcpy(m, block, BLOCK_BYTES)  # little-endian, as in wire.pxd
    memcpy(v, h, 64)
    memcpy(&v[8], IV, 64)
    v[12] ^= hashed
    if is_last:
        v[14] = ~v[14]
    for each in range(ROUNDS):
        s = SIGMA[each if each < 10 else each - 10]
        mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]])
        mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]])
        mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]])
        mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]])
        mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]])
        mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]])
        mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]])
        mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]])
    for each in range(8):
        h[each] ^= v[each] ^ v[each + 8]


cdef inline uint64_t blake2b(
    const uint8_t* message, Py_ssize_t size, int digest_size
) noexcept nogil:
    # The digest's bytes, at most 8, are the lowest of the number, the first one lowest.
    cdef uint64_t h[8]
    cdef uint8_t last[BLOCK_BYTES]
    cdef Py_ssize_t done = 0
    memcpy(h, IV, 64)
    h[0] ^= 0x01010000 ^ digest_size
    while size - done > BLOCK_BYTES:
        compress(h, message + done, done + BLOCK_BYTES, False)
        done += BLOCK_BYTES
    memset(last, 0, BLOCK_BYTES)
    memcpy(last, message + done, size - done)
    compress(h, last, size, True)
    return h[0] if digest_size == 8 else h[0] & ((<uint64_t>1 << (8 * digest_size)) - 1)


cdef inline uint32_t crc32(const uint8_t* name, Py_ssize_t size) noexcept nogil:
    # As zlib has it.
    cdef uint32_t crc = 0xFFFFFFFFu
    cdef Py_ssize_t place
    for place in range(size):
        crc ^= name[place]
        crc = crc >> 8 ^ LOWER[crc & 15] ^ UPPER[crc >> 4 & 15]
    return ~crc


cdef inline int bin_of(const uint8_t* name, Py_ssize_t size) noexcept nogil:
    return crc32(name, size) & 15
