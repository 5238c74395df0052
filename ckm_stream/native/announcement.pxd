# Whether a score is announced, and the bytes that announce it with its reasons.

from ckm_stream.native.choices cimport Choices, EpochNumbers
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.score cimport Score
from ckm_stream.native.wire cimport Buffer

# Whether the score is to be announced: never was, another class, or moved by epsilon.
cdef bint is_due(const Score* score, Profile profile, Choices choices) noexcept

# Write the framed score update of the profile's last announcement behind what is in *out*.
cdef int put_update(
    Buffer* out, const Score* score, bytes key, Profile profile, bytes head,
    Choices choices, EpochNumbers epoch,
) except -1
