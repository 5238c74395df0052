# The newest event ids of a state, as `domain.seen` packs them.

from libc.stdint cimport uint64_t

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.touchpoint cimport Event

# What stands for an event, which its system and its id together name.
cdef uint64_t digest_of(const Event* event) except? 0
cdef bint is_seen(bytes seen, uint64_t digest) noexcept

# The newest records of *seen* and the event's, as many as are kept.
cdef bytes with_record(bytes seen, const Event* event, uint64_t digest, Choices choices)
