# Which events are the newest evidence of the indicators.

from ckm_stream.native.profile cimport Profile
from ckm_stream.native.touchpoint cimport Event

# Note the event as evidence of the indicators with these bits, where there is none newer.
cdef int note_newest(Profile profile, const Event* event, int bits) except -1
