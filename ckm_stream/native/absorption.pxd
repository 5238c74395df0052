# The indicators of the absorption of a customer's knowledge.

from ckm_stream.native.choices cimport EpochNumbers
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.score cimport Score

# Read A1 to A4, with their evidence, as of the score's instant.
cdef int read_absorption(
    Score* to, Profile profile, EpochNumbers epoch, const double* damping
) except -1
