# The indicators of a customer's value.

from ckm_stream.native.choices cimport Choices, EpochNumbers
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.score cimport Score

# Read V1 to V4, with their evidence, as of the score's instant.
cdef int read_value(
    Score* to, Profile profile, Choices choices, EpochNumbers epoch, const double* damping
) except -1
