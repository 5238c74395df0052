# From a profile to its score, and from the score to its reasons.

from libc.stdint cimport int64_t

from ckm_stream.native.choices cimport Choices, EpochNumbers
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.wire cimport Buffer


cdef struct Score:
    int64_t as_of_s
    double indicators[12]  # V1 to A4, in their own units
    double evidence[12]
    double normalised[12]
    double dimensions[3]
    double total
    double n_eff[3]
    int source_class  # the place in domain.score.SourceClass
    int advice  # the place in the table of engagements and their reasons


# Score as of the newest event.
cdef int read_score(Score* score, Profile profile, Choices choices, EpochNumbers epoch) except -1

# Whether the score is to be announced: never was, another class, or moved by epsilon.
cdef bint is_due(const Score* score, Profile profile, Choices choices) noexcept

# Write the framed score update of the profile's last announcement behind what is in *out*.
cdef int put_update(
    Buffer* out, const Score* score, bytes key, Profile profile, bytes head,
    Choices choices, EpochNumbers epoch,
) except -1
