# Purchases.

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.touchpoint cimport Event

cdef int fold_purchase(Profile profile, const Event* event, Choices choices) except -1
cdef bint is_order(const Event* event) noexcept
cdef object margin_of(const Event* event, Choices choices)
