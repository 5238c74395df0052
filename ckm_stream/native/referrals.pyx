# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Referrals: who came on whose word, and what that was worth.

Twin of `domain.folding.referrals`.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.evidence cimport MICROS, add, count
from ckm_stream.native.hashes cimport blake2b
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.purchases cimport is_order
from ckm_stream.native.slots cimport *
from ckm_stream.native.touchpoint cimport *
from ckm_stream.native.wire cimport Text


cdef inline bint is_same(Text left, Text right) noexcept:
    return left.size == right.size and not memcmp(left.at, right.at, left.size)


cdef int fold_referral(Profile profile, const Event* event, Choices choices) except -1:
    cdef Text referred = event.referred_customer_id
    cdef int bit
    if is_same(referred, event.about):
        return 0
    count(profile, COUNT_REFERRALS)
    profile.network_id = blake2b(event.about.at, event.about.size, 8)
    if event.referral_kind == REFERRAL_REFUND:
        add(profile, event, choices, SLOT_REFERRED_MARGIN, -event.margin)
        return NETWORKING
    bit = <int>blake2b(referred.at, referred.size, 1)
    profile.referred[bit >> 6] |= <uint64_t>1 << (bit & 63)
    add(profile, event, choices, SLOT_REFERRALS)
    if event.referral_kind == REFERRAL_ORDER:
        profile.referred_buyers[bit >> 6] |= <uint64_t>1 << (bit & 63)
        add(profile, event, choices, SLOT_REFERRED_MARGIN, event.margin)
    return NETWORKING


cdef bint is_referred(const Event* event) noexcept:
    if not event.referred_by.size or is_same(event.referred_by, event.about):
        return False
    if event.source == PURCHASE:
        return (
            event.purchase_kind != PURCHASE_ORDER
            or is_order(event)
            or event.response == OFFER_ACCEPTED
        )
    return event.source != CALL or (
        event.outcome != CALL_DECLINED and event.outcome != CALL_NO_ANSWER
    )


cdef void fold_referrer(Profile profile, const Event* event) noexcept:
    cdef int64_t t_s = event.occurred_at // MICROS
    cdef uint64_t referrer
    if not is_referred(event):
        return
    referrer = blake2b(event.referred_by.at, event.referred_by.size, 8)
    if profile.referred_s < 0 or t_s < profile.referred_s:
        profile.referred_s, profile.referrer = t_s, referrer
    elif t_s == profile.referred_s and referrer < profile.referrer:
        profile.referrer = referrer
