# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
How far ahead of the population a customer spoke of its topics.

Twin of `domain.topics`: the same operations in the same order, so the same bits.
"""

from libc.stdint cimport int64_t

from ckm_stream.native.choices cimport Choices, EpochNumbers, Topics
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.score cimport Score

from ckm_stream.domain import topics as reference

cdef double _SHRINKAGE = reference._SHRINKAGE


cdef void read_lead(
    Score* to, Profile profile, Choices choices, EpochNumbers epoch
) noexcept:
    # Mentions and topics both rise by their keys.
    cdef const Topics* known = &epoch.topics
    cdef int topic = 0
    cdef int place
    to.topics, to.later = 0, 0.0
    if known.count:
        for place in range(profile.mentions):
            while topic < known.count and known.key[topic] < profile.mention_key[place]:
                topic += 1
            if topic == known.count:
                break
            if known.key[topic] == profile.mention_key[place]:
                to.topics += 1
                to.later += 1.0 - share_before(
                    profile.mention_s[place],
                    known.seconds + known.first[topic],
                    known.first[topic + 1] - known.first[topic],
                )
    to.lead_user = to.later / (to.topics + _SHRINKAGE) >= choices.lead_user_from


cdef double share_before(int64_t t_s, const int64_t* seconds, int count) noexcept:
    cdef int steps = count - 1
    cdef int low = 0
    cdef int high
    cdef int64_t before, after
    while low < count and seconds[low] < t_s:
        low += 1
    high = low
    while high < count and seconds[high] == t_s:
        high += 1
    if low < high:
        return <double>(low + high - 1) / <double>(2 * steps)
    if low == 0:
        return 0.0
    if low > steps:
        return 1.0
    before, after = seconds[low - 1], seconds[low]
    return (
        <double>(low - 1) + <double>(t_s - before) / <double>(after - before)
    ) / <double>steps
