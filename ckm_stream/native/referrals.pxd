# Referrals.

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.touchpoint cimport Event

cdef int fold_referral(Profile profile, const Event* event, Choices choices) except -1

# Whether somebody is credited with the customer's coming; an approach that was only turned down
# credits nobody.
cdef bint is_referred(const Event* event) noexcept
# Remember who sent the customer.
cdef void fold_referrer(Profile profile, const Event* event) noexcept
