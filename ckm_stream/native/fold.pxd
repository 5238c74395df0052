# What each event adds to a state, by its own fields alone.

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.profile cimport Employee, Profile
from ckm_stream.native.touchpoint cimport Event

# Fold the event in; False, and nothing has changed, if its id is among those seen.
cdef bint apply_event(Profile profile, const Event* event, Choices choices) except -1
cdef bint apply_contact(Employee employee, const Event* event, Choices choices) except -1
