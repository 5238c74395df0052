# The indicators of a customer's willingness.

from ckm_stream.native.choices cimport Choices, EpochNumbers
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.score cimport Score

# Read W1 to W4, with their evidence, as of the score's instant.
cdef int read_willingness(
    Score* to, Profile profile, Choices choices, EpochNumbers epoch, const double* damping
) except -1

# The acceptance rate as it is shown: its mean, where W2 is its lower tenth.
cdef double mean_acceptance(
    const Score* score, Profile profile, Choices choices, EpochNumbers epoch
) except? -1.0
