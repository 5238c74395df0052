# States packed for memory: MessagePack with its commonest tokens in fewer bytes.

from libc.stdint cimport uint8_t


# Pack *size* bytes to where there is room for `room_to_pack`; return how many bytes they take now.
# What is no MessagePack, or does not become shorter, is kept as it is, with a byte that says so.
cdef Py_ssize_t pack(const uint8_t* data, Py_ssize_t size, uint8_t* to) noexcept nogil

cdef inline Py_ssize_t room_to_pack(Py_ssize_t size) noexcept nogil:
    return 2 * size + 32  # no token becomes more than twice as long

# How many bytes were packed, and put them where there is room for so many. Only for what `pack`
# made in this process.
cdef Py_ssize_t unpacked_size(const uint8_t* packed, Py_ssize_t size) noexcept nogil
cdef void unpack(const uint8_t* packed, Py_ssize_t size, uint8_t* to) noexcept nogil
