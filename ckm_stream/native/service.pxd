# Calls and tickets.

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.touchpoint cimport Event

cdef int fold_call(Profile profile, const Event* event, Choices choices) except -1
cdef int fold_ticket(Profile profile, const Event* event, Choices choices) except -1
