# A state as the bytes that the changelog holds of it: those of `codec.state`, to the byte.

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.profile cimport Employee, Profile

cdef bytes encode_profile(Profile profile, Choices choices)
cdef bytes encode_employee(Employee employee, Choices choices)
