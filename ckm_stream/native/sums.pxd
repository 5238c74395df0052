# A customer's sums on the way from a state's bytes and into them.

from libc.stdint cimport int64_t, uint8_t, uint64_t

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.profile cimport SLOTS, Profile
from ckm_stream.native.wire cimport Cursor, Text


cdef struct Sums:
    # The sums there are, without their idle bits: the low 64 bits, and 64 that are above.
    int count
    uint8_t slots[SLOTS]
    uint64_t lows[SLOTS]
    uint64_t highs[SLOTS]
    # When read, that the high part is unsigned; when written, that it does not fit 64 bits signed.
    bint positive[SLOTS]
    Text longer[SLOTS]  # read instead of the high part, where not NULL


# From bytes: first the parts, then, once it is known when the customer was first seen, the sums by
# slot; None if that was too early or too late for any policy.
cdef void read_sums(Cursor* c, Sums* sums) noexcept
cdef list unpack_sums(const Sums* sums, int64_t first_s, Choices choices)

# Into bytes: the parts; those of the high ones that do not fit 64 bits signed are returned in their
# order, None if all do, and are written by *written_highs* as they come to be in the bytes.
cdef list split_sums(Sums* sums, Profile profile, Choices choices)
cdef list written_highs(list long_highs)
cdef uint8_t* pack_sums(uint8_t* at, const Sums* sums, list long_highs) noexcept
