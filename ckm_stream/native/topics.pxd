# How far ahead of the population a customer spoke of its topics.

from ckm_stream.native.choices cimport Choices, EpochNumbers
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.score cimport Score

# Set the score's topics, and whether the customer is a lead user.
cdef void read_lead(
    Score* to, Profile profile, Choices choices, EpochNumbers epoch
) noexcept

# Of how many of those who spoke of the topics a customer was ahead; there is at least one topic.
cdef inline int percent_ahead(const Score* score) noexcept:
    return <int>(100.0 * score.later / <double>score.topics)
