# What a score is, as `domain.score` has it, and `domain.scoring` with its evidence.

from libc.stdint cimport int64_t

cdef enum:
    # The indicators by their places.
    V1, V2, V3, V4, W1, W2, W3, W4, A1, A2, A3, A4


cdef struct Score:
    int64_t as_of_s
    double indicators[12]  # V1 to A4, in their own units
    double evidence[12]
    double normalised[12]
    double dimensions[3]
    double total
    double n_eff[3]
    int source_class  # the place in domain.score.SourceClass
    int advice  # the place in the table of engagements and their reasons
    int topics  # topics of the epoch that the customer has spoken of
    double later  # the sum over these of the share of customers who spoke of them later
    bint lead_user
