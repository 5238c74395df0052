# A customer's exact sums: added to, read, and as a state's bytes have them.
#
# A sum is a multiple of a power of 2 that grows with the time from the landmark to the customer's
# first event; kept are the multiples. Nearly all of them fit 128 bits.

from libc.stdint cimport int64_t, uint8_t

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.wire cimport Cursor

# By indicator, the low bits that are 0 in all sums of a customer first seen then.
cdef int find_idle_bits(int64_t* idle, int64_t first_s, Choices choices) except -1
# Leave out what is idle now; after every change of the customer's first second.
cdef int settle_sums(Profile profile, Choices choices) except -1

# Add so many weights of an instant at or after the first second to the sum of a slot, which is
# there from then on, also if it is 0.
cdef int add_weights(
    Profile profile, int slot, int64_t age_s, int64_t times, Choices choices
) except -1

# The nearest double of a sum, in units of its indicator; 0 without one.
cdef double read_sum(Profile profile, int slot) except? -1.0
# The nearest doubles of the sum of some, and of the difference of two, of one indicator.
cdef double read_total(Profile profile, const int* slots, int count) except? -1.0
cdef double read_difference(Profile profile, int slot, int less) except? -1.0
# From damping of sums to damping of what the functions above return: exact, both are powers of 2.
cdef void unite(double* damping, Profile profile) noexcept
cdef double united(double damping, Profile profile, int indicator) noexcept

# From bytes, and into bytes, for which there must be room.
cdef int read_sums(Cursor* c, Profile profile) except -1
cdef list long_highs(Profile profile)
cdef uint8_t* pack_sums(uint8_t* at, Profile profile, list highs) except NULL
