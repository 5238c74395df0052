# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Purchases: margin, categories and days, and what came of an offer.

Twin of `domain.folding.purchases`.
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.days cimport add_day
from ckm_stream.native.evidence cimport (
    MICROS, MILLE, add, count, day_of, fold_arrival, fold_consent, fold_response, total_of,
)
from ckm_stream.native.hashes cimport bin_of
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.slots cimport *
from ckm_stream.native.touchpoint cimport *
from ckm_stream.native.wire cimport Cursor, Text, read_long, read_text

cdef extern from *:
    # The sum of 10,000 lines of 2^53 each, and a margin times a line's amount.
    ctypedef unsigned long long wide "unsigned __int128"


cdef struct Line:
    Text category
    int64_t amount


cdef struct Lines:
    # Where in a purchase's lines a walk has come to.
    Cursor cursor
    int64_t in_block


cdef int fold_purchase(Profile profile, const Event* event, Choices choices) except -1:
    cdef int64_t margin = margin_of(event, choices)
    cdef int fed
    if event.purchase_kind == PURCHASE_REFUND:
        count(profile, COUNT_REFUNDS)
        count(profile, COUNT_REFUND_AMOUNT, event.amount)
        add(profile, event, choices, SLOT_NET_MARGIN, -margin)
        fold_categories(profile, event, choices, -margin)
        return BASE | GROWTH
    fed = fold_response(profile, event, choices, event.response)
    if not is_order(event):
        return fed | fold_consent(profile, event, choices)
    count(profile, COUNT_ORDERS)
    add(profile, event, choices, SLOT_NET_MARGIN, margin)
    add(profile, event, choices, SLOT_ORDERS)
    fold_categories(profile, event, choices, margin)
    note_purchase(profile, event, choices)
    return fed | BASE | GROWTH | TRUST | fold_arrival(profile, event, choices, True)


cdef bint is_order(const Event* event) noexcept:
    return event.purchase_kind == PURCHASE_ORDER and (event.amount > 0 or event.response < 0)


cdef object margin_of(const Event* event, Choices choices):
    cdef int64_t margin
    if not event.cost:
        if choices.default_margin_permille <= MILLE:
            return event.amount * choices.default_margin_permille // MILLE
        return <object>event.amount * choices.default_margin_permille // MILLE
    margin = event.amount - event.cost
    return max(0, margin) if event.purchase_kind == PURCHASE_REFUND else margin


cdef int note_purchase(Profile profile, const Event* event, Choices choices) except -1:
    # The days and times of purchases, and the value of the first day.
    cdef int64_t t_s = event.occurred_at // MICROS
    cdef int32_t day = day_of(event, choices)
    cdef int64_t* first = profile.first_value
    add_day(&profile.purchase_days, day)
    if first[0] < 0 or day < first[0]:
        first[0], first[1] = day, event.amount
    elif day == first[0]:
        first[1] = total_of(first[1], event.amount)
    first[2] = total_of(first[2], event.amount)
    if t_s > profile.last_purchase_s:
        profile.last_purchase_s = t_s
    if t_s < profile.first_purchase_s or profile.first_purchase_s < 0:
        profile.first_purchase_s = t_s
    return 0


cdef int fold_categories(
    Profile profile, const Event* event, Choices choices, int64_t margin
) except -1:
    cdef wide total = 0
    cdef wide magnitude = -margin if margin < 0 else margin
    cdef Lines lines = lines_of(event)
    cdef Line line
    cdef int64_t share
    if event.lines > 1:
        for _ in range(event.lines):
            total += <wide>next_line(&lines).amount
        lines = lines_of(event)
    if not total:
        line.category.at, line.category.size = NULL, 0
        if event.lines:
            line = next_line(&lines)
        return fold_category(profile, event, choices, line.category, margin)
    for _ in range(event.lines):
        line = next_line(&lines)
        # The magnitude, so that a refund takes back to the unit what its order gave.
        share = <int64_t>(magnitude * <wide>line.amount // total)
        fold_category(profile, event, choices, line.category, share if margin >= 0 else -share)
    return 0


cdef int fold_category(
    Profile profile, const Event* event, Choices choices, Text category, int64_t margin
) except -1:
    cdef int key = bin_of(category.at, category.size)
    cdef int64_t t_s = event.occurred_at // MICROS
    add(profile, event, choices, SLOT_CATEGORIES + key, margin)
    if event.purchase_kind == PURCHASE_ORDER and not 0 <= profile.first_in_category[key] <= t_s:
        profile.first_in_category[key] = t_s
    return 0


cdef Lines lines_of(const Event* event) noexcept:
    # `read_event` has found the array whole: the end needs no watching.
    cdef Lines lines
    lines.cursor.at = event.lines_at
    lines.cursor.end = event.lines_at + (INT64_MAX >> 1)
    lines.cursor.bad = False
    lines.in_block = 0
    return lines


cdef Line next_line(Lines* lines) noexcept:
    cdef Cursor* cursor = &lines.cursor
    cdef Line line
    if not lines.in_block:
        lines.in_block = read_long(cursor)
        if lines.in_block < 0:
            lines.in_block = -lines.in_block
            read_long(cursor)  # the block's bytes
    lines.in_block -= 1
    read_text(cursor)  # the article
    line.category = read_text(cursor)
    read_long(cursor)  # the quantity
    line.amount = read_long(cursor)
    return line
