# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Referrals: who came on the customer's word, and what they were worth.

Twin of `domain.folding.referrals`.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcmp

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.evidence cimport add, count
from ckm_stream.native.hashes cimport blake2b
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.slots cimport *
from ckm_stream.native.touchpoint cimport *
from ckm_stream.native.wire cimport Text


cdef int fold_referral(Profile profile, const Event* event, Choices choices) except -1:
    cdef Text referred = event.referred_customer_id
    cdef int bit
    if referred.size == event.about.size and not memcmp(
        referred.at, event.about.at, referred.size
    ):
        return 0
    count(profile, COUNT_REFERRALS)
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
