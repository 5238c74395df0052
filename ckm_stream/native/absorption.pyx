# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
The indicators of the absorption of a customer's knowledge, A1 to A4, read from the profile.

Twin of `domain.indicators.read_absorption`: the same operations in the same order.
"""

from libc.math cimport log

from ckm_stream.native.choices cimport EpochNumbers, Prior
from ckm_stream.native.decay cimport beta_mean
from ckm_stream.native.profile cimport BINS, Profile
from ckm_stream.native.score cimport A1, A2, A3, A4, Score
from ckm_stream.native.slots cimport (
    SLOT_COMPLEMENTARY, SLOT_EMPLOYEES, SLOT_IN_FORM, SLOT_NOT_COMPLEMENTARY, SLOT_OUT_OF_FORM,
    SLOT_SOURCES,
)
from ckm_stream.native.sums cimport read_sum, read_total

import math

from ckm_stream.domain import indicators
from ckm_stream.domain.slots import MILLE

# Numbers that the reference works with. Read at run time: a compiler that knows the arguments
# may work a logarithm out itself, a last bit off.
cdef double _LN_BINS = math.log(BINS)
cdef double _LN_EPSILON = math.log(indicators._EPSILON)
cdef double _EPSILON = indicators._EPSILON
cdef double _MILLE = MILLE


cdef int read_absorption(
    Score* to, Profile profile, EpochNumbers epoch, const double* damping
) except -1:
    cdef double fitting = read_sum(profile, SLOT_COMPLEMENTARY) * damping[A2] / _MILLE
    cdef double unfitting = read_sum(profile, SLOT_NOT_COMPLEMENTARY) * damping[A2] / _MILLE
    cdef double in_form = read_sum(profile, SLOT_IN_FORM) * damping[A4]
    cdef double out_of_form = read_sum(profile, SLOT_OUT_OF_FORM) * damping[A4]
    read_diversity(to, profile, epoch.source_diversity, damping[A1])
    to.indicators[A2] = beta_mean(fitting, unfitting, epoch.complementarity)
    to.evidence[A2] = fitting + unfitting
    if epoch.rates:
        read_motivation(to, profile, epoch, damping[A3])
    else:
        read_prior_motivation(to, profile, epoch.employee_motivation, damping[A3])
    to.indicators[A4] = beta_mean(in_form, out_of_form, epoch.it_support)
    to.evidence[A4] = in_form + out_of_form
    return 0


cdef int read_diversity(Score* to, Profile profile, Prior prior, double damping) except -1:
    cdef double seen = 0.0
    cdef double smoothed = 0.0
    cdef double inner = 0.0
    cdef double entropy = 0.0
    cdef int full = 0
    cdef int key
    cdef double count, empty, total
    for key in range(BINS):
        count = read_sum(profile, SLOT_SOURCES + key)
        if count != 0:
            count *= damping
            full += 1
            seen += count
            count += _EPSILON
            smoothed += count
            inner += count * log(count)
    if full:
        empty = (BINS - full) * _EPSILON
        total = smoothed + empty
        inner += empty * _LN_EPSILON
        entropy = (log(total) - inner / total) / _LN_BINS
    to.indicators[A1] = (prior.a + seen * entropy) / (prior.a + prior.b + seen)
    to.evidence[A1] = seen
    return 0


cdef int read_prior_motivation(Score* to, Profile profile, Prior prior, double damping) except -1:
    cdef int employees[BINS]
    cdef int key
    for key in range(BINS):
        employees[key] = SLOT_EMPLOYEES + key
    to.indicators[A3] = prior.a / (prior.a + prior.b)
    to.evidence[A3] = read_total(profile, employees, BINS) * damping
    return 0


cdef int read_motivation(Score* to, Profile profile, EpochNumbers epoch, double damping) except -1:
    cdef double contacts[BINS]
    cdef double handled = 0.0
    cdef double motivation = 0.0
    cdef double total
    cdef int key
    for key in range(BINS):
        contacts[key] = read_sum(profile, SLOT_EMPLOYEES + key) * damping
        handled += contacts[key]
    total = handled + BINS * _EPSILON
    for key in range(BINS):
        motivation += (contacts[key] + _EPSILON) / total * epoch.rate[key]
    to.indicators[A3] = motivation
    to.evidence[A3] = handled
    return 0
