# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
The indicators of a customer's willingness, W1 to W4, read from the profile.

Twin of `domain.indicators.read_willingness` with `domain.beta`: the same operations in the same
order.
"""

from libc.math cimport pow, sqrt
from libc.stdint cimport int64_t

from ckm_stream.native.choices cimport Choices, EpochNumbers, Prior
from ckm_stream.native.days cimport decayed_days
from ckm_stream.native.decay cimport beta_mean, damping_of, exposure_s
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.score cimport W1, W2, W3, W4, Score
from ckm_stream.native.slots cimport (
    SLOT_ACCEPTED_TWICE, SLOT_BENEFIT, SLOT_DECLINED_TWICE, SLOT_DISTRUST, SLOT_NO_BENEFIT,
    SLOT_REWARDS_OFFERED, SLOT_REWARDS_REDEEMED, SLOT_TEXT_DISTRUST, SLOT_TEXT_TRUST, SLOT_TRUST,
)
from ckm_stream.native.sums cimport read_difference, read_sum, united

import math

from ckm_stream.domain import beta
from ckm_stream.domain.choices import DAY_S, WEEK_S
from ckm_stream.domain.slots import MILLE

# Numbers that the reference works with; why they are read at run time is said in `decay`.
cdef double _TWO = math.ldexp(1.0, 1)
cdef double _MILLE = MILLE
cdef double _WEEK_S = WEEK_S
cdef int64_t _DAY_S = DAY_S
cdef double _Y = beta._Y
cdef double _Y2 = beta._Y2


cdef int read_willingness(
    Score* to, Profile profile, Choices choices, EpochNumbers epoch, const double* damping
) except -1:
    cdef double contacts = contact_worth(profile, to.as_of_s, choices)
    cdef int64_t age_s = to.as_of_s - profile.first_s if profile.first_s >= 0 else 0
    cdef double weeks = exposure_s(age_s, choices.half_life_s[W1]) / _WEEK_S
    cdef double accepted = read_sum(profile, SLOT_ACCEPTED_TWICE) * damping[W2] / 2.0
    cdef double declined = read_sum(profile, SLOT_DECLINED_TWICE) * damping[W2] / 2.0
    cdef double per_text = choices.sentiment_weight
    cdef double trust = (
        read_sum(profile, SLOT_TRUST) * damping[W3]
        + read_sum(profile, SLOT_TEXT_TRUST) * damping[W3] / _MILLE * per_text
    )
    cdef double distrust = (
        read_sum(profile, SLOT_DISTRUST) * damping[W3]
        + read_sum(profile, SLOT_TEXT_DISTRUST) * damping[W3] / _MILLE * per_text
    )
    cdef Prior prior = epoch.contact_frequency
    to.indicators[W1] = (prior.a + contacts) / (prior.b + weeks)
    to.evidence[W1] = contacts
    prior = epoch.acceptance_rate
    to.indicators[W2] = lower_decile(prior.a + accepted, prior.b + declined)
    to.evidence[W2] = accepted + declined
    if 0 <= profile.last_complaint_s < profile.last_purchase_s:
        age_s = profile.last_purchase_s - to.as_of_s
        trust += pow(_TWO, <double>age_s / <double>choices.half_life_s[W3])
    to.indicators[W3] = beta_mean(trust, distrust, epoch.trust)
    to.evidence[W3] = trust + distrust
    return read_benefit(to, profile, epoch.perceived_benefit, damping[W4])


cdef int read_benefit(Score* to, Profile profile, Prior prior, double damping) except -1:
    cdef double spurned = read_difference(profile, SLOT_REWARDS_OFFERED, SLOT_REWARDS_REDEEMED)
    cdef double gained = read_sum(profile, SLOT_REWARDS_REDEEMED) * damping
    cdef double gain, no_gain
    spurned = spurned * damping if spurned > 0 else 0.0
    gain = gained + read_sum(profile, SLOT_BENEFIT) * damping / _MILLE
    no_gain = spurned + read_sum(profile, SLOT_NO_BENEFIT) * damping / _MILLE
    to.indicators[W4] = beta_mean(gain, no_gain, prior)
    to.evidence[W4] = gain + no_gain
    return 0


cdef double contact_worth(Profile profile, int64_t now_s, Choices choices) noexcept:
    cdef int64_t today = (now_s - choices.landmark_s) // _DAY_S
    cdef double worth = 0.0
    cdef int kind
    for kind in range(3):
        if profile.contact_days[kind].count:
            worth += choices.kappas[kind] * decayed_days(
                profile.contact_days, kind, today, choices
            )
    return worth


cdef double lower_decile(double a, double b) noexcept:
    cdef double c = 1.0 / (9.0 * a)
    cdef double d = 1.0 / (9.0 * b)
    cdef double p = 1.0 - c
    cdef double q = 1.0 - d
    cdef double y2d = _Y2 * d
    cdef double cube_root = (
        (p * q - _Y * sqrt(p * p * d + (q * q - y2d) * c)) / (q * q - y2d)
    )
    cdef double odds = a * cube_root * cube_root * cube_root
    return odds / (odds + b)


cdef double mean_acceptance(
    const Score* score, Profile profile, Choices choices, EpochNumbers epoch
) except? -1.0:
    cdef int64_t age_s = score.as_of_s - choices.landmark_s
    cdef double damping = united(damping_of(age_s, choices.half_life_s[W2]), profile, W2)
    cdef double accepted = read_sum(profile, SLOT_ACCEPTED_TWICE) * damping / 2.0
    cdef double declined = read_sum(profile, SLOT_DECLINED_TWICE) * damping / 2.0
    return beta_mean(accepted, declined, epoch.acceptance_rate)
