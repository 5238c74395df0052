# Texts.

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.touchpoint cimport Event

cdef int fold_text(Profile profile, const Event* event, Choices choices) except -1
