# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
A customer's and an employee's state in memory.

Twin of `domain.profile` and `domain.employee`; `decoding` and `encoding` have their bytes.
"""

cimport cython
from libc.stdlib cimport free

from ckm_stream.native.delivery cimport SOURCES, new_delivery


@cython.no_gc  # nothing that it holds refers back to it
@cython.freelist(64)
cdef class Profile:
    """All that is kept of one customer."""

    def __dealloc__(self):
        cdef int worth
        free(self.purchase_days.day)
        for worth in range(3):
            free(self.contact_days[worth].day)


@cython.no_gc
@cython.freelist(64)
cdef class Employee:
    """All that is kept of one employee."""


cdef Profile new_profile(int partition):
    cdef Profile profile = Profile.__new__(Profile)
    profile.delivery = new_delivery(partition, SOURCES)
    profile.seen = b""
    profile.first_value[0] = -1
    forget_firsts(profile)
    profile.first_s = profile.first_purchase_s = -1
    profile.last_at = profile.last_purchase_s = profile.last_complaint_s = -1
    profile.newest_ids = []
    profile.referred_s = -1
    return profile


cdef Employee new_employee(int partition):
    cdef Employee employee = Employee.__new__(Employee)
    employee.delivery = new_delivery(partition, 1)
    employee.seen = b""
    employee.handled = employee.noted = 0
    employee.last_at = -1
    return employee
