# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
The indicators of a customer's value, V1 to V4, read from the profile.

Twin of `domain.indicators.read_value`: the same operations in the same order.
"""

from libc.math cimport log, pow
from libc.stdint cimport int64_t, uint64_t

from ckm_stream.native.choices cimport Choices, EpochNumbers, Prior
from ckm_stream.native.decay cimport beta_mean
from ckm_stream.native.profile cimport BINS, Profile
from ckm_stream.native.score cimport V1, V2, V3, V4, Score
from ckm_stream.native.slots cimport (
    SLOT_CATEGORIES, SLOT_CONFIRMED, SLOT_ITEM_VALUE, SLOT_ITEMS, SLOT_NET_MARGIN, SLOT_ORDERS,
    SLOT_REFERRALS, SLOT_REFERRED_MARGIN, SLOT_REFUTED,
)
from ckm_stream.native.sums cimport read_sum, read_total

import math

from ckm_stream.domain import indicators
from ckm_stream.domain.sketch import COUNTER_BITS
from ckm_stream.domain.slots import MILLE

cdef extern from *:
    # Of any 64-bit word; a library's own count where the processor's is not to be relied on.
    int popcount "__builtin_popcountll" (uint64_t) noexcept nogil

# Numbers that the reference works with; why they are read at run time is said in `decay`.
cdef double _TWO = math.ldexp(1.0, 1)
cdef double _MILLE = MILLE
cdef double _WORTHLESS_BELOW = indicators.WORTHLESS_BELOW
cdef double _YEAR_S = indicators._YEAR_S
cdef double _COUNTER_BITS = COUNTER_BITS

_fsum = math.fsum


cdef int read_value(
    Score* to, Profile profile, Choices choices, EpochNumbers epoch, const double* damping
) except -1:
    cdef double base = read_sum(profile, SLOT_NET_MARGIN)
    cdef double learning = read_sum(profile, SLOT_ITEM_VALUE)
    cdef double d4 = damping[V4]
    cdef double credibility
    to.indicators[V1] = base * damping[V1] if base > 0 else 0.0
    to.evidence[V1] = read_sum(profile, SLOT_ORDERS) * damping[V1]
    read_growth(to, profile, choices, epoch.new_categories, damping[V2])
    read_networking(to, profile, choices, epoch, damping[V3])
    to.indicators[V4] = 0.0
    if learning != 0:
        credibility = beta_mean(
            read_sum(profile, SLOT_CONFIRMED) * d4, read_sum(profile, SLOT_REFUTED) * d4, epoch.credibility
        )
        if credibility >= _WORTHLESS_BELOW:
            to.indicators[V4] = learning * d4 / _MILLE * credibility
    to.evidence[V4] = read_sum(profile, SLOT_ITEMS) * d4
    return 0


cdef int read_growth(
    Score* to, Profile profile, Choices choices, Prior prior, double damping
) except -1:
    cdef int64_t new_from_s = profile.first_purchase_s + choices.new_category_after_s
    cdef int64_t first_s
    cdef double faded[BINS]
    cdef double half_life_s = <double>choices.half_life_s[V2]
    cdef int known = 0
    cdef int new = 0
    cdef int key, slot
    # Where there is a margin, and of these, where it is in a new category.
    cdef int gainful[BINS]
    cdef int gainful_new[BINS]
    cdef int of_all = 0
    cdef int of_new = 0
    for key in range(BINS):
        first_s = profile.first_in_category[key]
        if first_s < 0:
            continue
        known += 1
        if first_s > new_from_s:
            faded[new] = pow(_TWO, -<double>(to.as_of_s - first_s) / half_life_s)
            new += 1
        slot = SLOT_CATEGORIES + key
        if read_sum(profile, slot) > 0:
            gainful[of_all] = slot
            of_all += 1
            if first_s > new_from_s:
                gainful_new[of_new] = slot
                of_new += 1
    to.indicators[V2] = to.evidence[V2] = 0.0
    if known:
        to.indicators[V2] = growth_of(
            to, profile, prior, damping,
            read_total(profile, gainful, of_all), read_total(profile, gainful_new, of_new), new,
        )
        to.evidence[V2] = fsum_of(faded, new)
    return 0


cdef double growth_of(
    const Score* to, Profile profile, Prior prior, double damping,
    double margin, double margin_in_new, int new,
) noexcept:
    cdef int64_t age_s = to.as_of_s - profile.first_purchase_s
    cdef double years = <double>(age_s if age_s > 0 else 0) / _YEAR_S
    cdef double expected = (
        (prior.a + new) / (prior.b + years) * (margin * damping) / <double>(1 + new)
    )
    return margin_in_new * damping + expected


cdef double fsum_of(const double* parts, int count) except? -1.0:
    # Rounded once; two doubles are by themselves.
    if count > 2:
        return _fsum([parts[place] for place in range(count)])
    if count == 2:
        return parts[0] + parts[1]
    return parts[0] if count else 0.0


cdef int read_networking(
    Score* to, Profile profile, Choices choices, EpochNumbers epoch, double damping
) except -1:
    cdef Prior prior = epoch.referred_buyers
    cdef double referred = counter_estimate(profile.referred)
    cdef double buyers, margin, mean_margin, share, beyond
    to.indicators[V3] = to.evidence[V3] = 0.0
    if referred != 0:
        buyers = counter_estimate(profile.referred_buyers)
        margin = read_sum(profile, SLOT_REFERRED_MARGIN) * damping
        if not margin > 0:
            margin = 0.0
        mean_margin = (choices.referred_margin + margin) / (1.0 + buyers)
        share = (prior.a + buyers) / (prior.a + prior.b + referred)
        to.indicators[V3] = share * referred * mean_margin * choices.referrer_share
        beyond = beyond_of(profile.network_id, epoch)
        if beyond != 0:
            to.indicators[V3] += beyond * pow(
                _TWO, -<double>(to.as_of_s - epoch.as_of_s) / <double>choices.half_life_s[V3]
            )
        to.evidence[V3] = read_sum(profile, SLOT_REFERRALS) * damping
    return 0


cdef double beyond_of(uint64_t network_id, EpochNumbers epoch) noexcept:
    # Twin of `domain.network.Network.beyond`.
    cdef Py_ssize_t low = 0
    cdef Py_ssize_t high = epoch.network
    cdef Py_ssize_t middle
    while low < high:
        middle = (low + high) // 2
        if epoch.network_id[middle] < network_id:
            low = middle + 1
        else:
            high = middle
    if low < epoch.network and epoch.network_id[low] == network_id:
        return epoch.network_value[low]
    return 0.0


cdef double counter_estimate(const uint64_t* words) noexcept:
    cdef int ones = popcount(words[0]) + popcount(words[1])
    ones += popcount(words[2]) + popcount(words[3])
    if ones == 0:
        return 0.0
    if ones > _COUNTER_BITS - 1:
        ones = <int>_COUNTER_BITS - 1
    return -_COUNTER_BITS * log(1.0 - <double>ones / _COUNTER_BITS)
