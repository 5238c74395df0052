# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
From a profile to its score as of an instant.

Twin of `domain.scoring.score_profile`: the same operations in the same order, so the same bits.
"""

from libc.math cimport pow
from libc.stdint cimport int64_t

from ckm_stream.native.absorption cimport read_absorption
from ckm_stream.native.choices cimport Choices, EpochNumbers
from ckm_stream.native.decay cimport read_dampings
from ckm_stream.native.engagement cimport DOUBTED, advise
from ckm_stream.native.profile cimport INDICATORS, Profile
from ckm_stream.native.score cimport W1, Score
from ckm_stream.native.slots cimport COUNT_ADOPTED, COUNT_REJECTED
from ckm_stream.native.sums cimport unite
from ckm_stream.native.topics cimport read_lead
from ckm_stream.native.value cimport read_value
from ckm_stream.native.willingness cimport read_willingness

from ckm_stream.domain import scoring
from ckm_stream.domain.score import SourceClass

cdef double _FLOOR = scoring.FLOOR

# Classes by their places, and by what is high: 4 for value, 2 for willingness, 1 for absorption.
_SOURCE_CLASSES = tuple(SourceClass)
cdef int _UNKNOWN = _SOURCE_CLASSES.index(SourceClass.UNKNOWN)
cdef int _VALUABLE = 4
cdef int _CLASSES[8]
for _high, _class in scoring._CLASSES.items():
    _CLASSES[_VALUABLE * _high[0] + 2 * _high[1] + _high[2]] = _SOURCE_CLASSES.index(_class)


cdef int read_score(
    Score* score, Profile profile, int64_t as_of_s, Choices choices, EpochNumbers epoch
) except -1:
    cdef double damping[INDICATORS]
    if as_of_s < choices.landmark_s:
        raise ValueError("an instant lies before the landmark")
    score.as_of_s = as_of_s
    read_dampings(damping, score.as_of_s - choices.landmark_s, choices.half_life_s)
    unite(damping, profile)
    read_value(score, profile, choices, epoch, damping)
    read_willingness(score, profile, choices, epoch, damping)
    read_absorption(score, profile, epoch, damping)
    normalise(score, epoch)
    read_lead(score, profile, choices, epoch)
    conclude(score, profile, choices, epoch)
    return 0


cdef void normalise(Score* score, EpochNumbers epoch) noexcept:
    cdef int each, place
    cdef double z
    for place in range(INDICATORS):
        z = score.indicators[place]
        score.normalised[place] = z if epoch.knots is NULL else share_below(z, place, epoch)
    for each in range(epoch.saturating):
        place = epoch.place[each]
        z = score.indicators[place]
        score.normalised[place] = z / (z + epoch.half_point[each])


cdef double share_below(double value, int place, EpochNumbers epoch) noexcept:
    # Twin of `domain.quantiles.QuantileTable.share_below`.
    cdef const double* values = epoch.knots
    cdef const double* shares = epoch.knots + epoch.first_knot[INDICATORS]
    cdef int above = epoch.first_knot[place]
    cdef int end = epoch.first_knot[place + 1]
    cdef int high = end
    cdef int middle
    cdef double less, more, share
    while above < high:
        middle = (above + high) // 2
        if value < values[middle]:
            high = middle
        else:
            above = middle + 1
    if above == end:
        return 1.0
    less, more = shares[above - 1], shares[above]
    share = (value - values[above - 1]) / (values[above] - values[above - 1])
    share = less + share * (more - less)
    return more if share > more else share


cdef void conclude(
    Score* score, Profile profile, Choices choices, EpochNumbers epoch
) noexcept:
    # From the indicators to dimensions, total, class and advice.
    cdef int side, first
    cdef const double* n = score.evidence
    cdef bint known = score.as_of_s - profile.first_s >= choices.known_after_s
    cdef int high = 0
    cdef bint doubted
    for side in range(3):
        first = 4 * side
        score.dimensions[side] = clamp(mean_of(score.normalised, epoch.within, first))
        score.n_eff[side] = 0.0 + n[first] + n[first + 1] + n[first + 2] + n[first + 3]
        known = known and score.n_eff[side] >= choices.n0
        high = 2 * high + (score.dimensions[side] >= epoch.high[side])
    score.total = combine(score.dimensions, epoch)
    doubted = known and high & _VALUABLE and is_refuted(profile.counts)
    if doubted:
        high -= _VALUABLE
    score.source_class = _CLASSES[high] if known else _UNKNOWN
    score.advice = DOUBTED
    if not doubted:
        score.advice = advise(
            score.source_class, profile.counts, score.indicators[W1], score.lead_user
        )


cdef bint is_refuted(const int64_t* counts) noexcept:
    # Twin of `domain.counters.is_refuted`.
    return counts[COUNT_REJECTED] > 0 and counts[COUNT_ADOPTED] <= counts[COUNT_REJECTED]


cdef double clamp(double mean) noexcept:
    if mean < _FLOOR:
        return _FLOOR
    return 1.0 if mean > 1.0 else mean


cdef double combine(const double* dimensions, EpochNumbers epoch) noexcept:
    return (
        pow(dimensions[0], epoch.between[0])
        * pow(dimensions[1], epoch.between[1])
        * pow(dimensions[2], epoch.between[2])
    )
