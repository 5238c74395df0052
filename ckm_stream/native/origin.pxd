# Where a forwarded event came from.

from libc.stdint cimport int64_t

from ckm_stream.native.delivery cimport Delivery

# Note the origin that the headers name; False if the key is past it already.
cdef bint advance(Delivery delivery, object headers) except -1
# The headers of what a record of a source topic forwards.
cdef tuple headers_of(int source, int partition, int64_t offset)
