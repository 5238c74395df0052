# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Which style of working with a source fits.

Twin of `domain.engagement`; styles and reasons are the reference's own.
"""

from libc.stdint cimport int64_t

from ckm_stream.native.slots cimport COUNT_EXPLICIT, COUNT_EXTERNALISED, COUNT_TACIT

from ckm_stream.domain import engagement
from ckm_stream.domain.score import SourceClass

cdef double _MOSTLY = engagement._MOSTLY
cdef double _LITTLE = 1 - engagement._MOSTLY
cdef double _FAIR_RATE = engagement._FAIR_RATE
cdef double _HIGH_RATE = engagement._HIGH_RATE

# Engagements with their reasons.
ADVICES = (
    engagement._EXPERTS,
    engagement._INNOVATORS,
    engagement._PARTNERS,
    engagement._PRODUCERS,
    engagement._LEARNERS,
    engagement._LEAD_USER,
    engagement.DOUBTED,
    *engagement._NOT_YET.values(),
)
cdef enum:
    EXPERTS, INNOVATORS, PARTNERS, PRODUCERS, LEARNERS, LEAD_USER
assert ADVICES[DOUBTED] is engagement.DOUBTED
cdef int _NOT_YET[8]  # by class; -1 for those that an engagement is chosen for
for _place, _class in enumerate(SourceClass):
    _advice = engagement._NOT_YET.get(_class)
    _NOT_YET[_place] = -1 if _advice is None else ADVICES.index(_advice)


cdef int advise(
    int source_class, const int64_t* counts, double contacts_per_week, bint lead_user
) noexcept:
    cdef int64_t items = counts[COUNT_EXPLICIT] + counts[COUNT_TACIT]
    cdef double share = 0.5
    if _NOT_YET[source_class] >= 0:
        return _NOT_YET[source_class]
    if lead_user:
        return LEAD_USER
    if items:
        share = <double>(counts[COUNT_TACIT] + counts[COUNT_EXTERNALISED]) / <double>items
    if share >= _MOSTLY and contacts_per_week >= _FAIR_RATE:
        return EXPERTS if contacts_per_week >= _HIGH_RATE else INNOVATORS
    if share <= _LITTLE:
        return PARTNERS if contacts_per_week >= _HIGH_RATE else PRODUCERS
    return LEARNERS
