# A state from the bytes that the changelog holds of it.

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.profile cimport Employee, Profile

cdef enum:
    # The newest layout, and how many parts a customer's and an employee's state have in all.
    NEWEST_LAYOUT = 3
    PROFILE_PARTS = 19
    FIRST_PROFILE_PARTS = 16  # of layouts 1 and 2
    EMPLOYEE_PARTS = 7

# Read any layout, written under these choices; None if the bytes are anything else: the Python
# codec then reads them or knows why not.
cdef Profile decode_profile(bytes data, Choices choices)
cdef Employee decode_employee(bytes data, Choices choices)
