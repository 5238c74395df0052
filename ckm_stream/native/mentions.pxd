# First mentions of topics, kept in the order of their keys.

from libc.stdint cimport int64_t, uint32_t

from ckm_stream.native.profile cimport Profile
from ckm_stream.native.touchpoint cimport Event

# Remember that a topic, or each topic of an event, was spoken of.
cdef void note_mention(Profile profile, uint32_t key, int64_t t_s) noexcept
cdef void note_mentions(Profile profile, const Event* event) noexcept
