# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
What an event causes elsewhere, written at once: knowledge items, and events for other keys.

The twin of `domain.knowledge` and `domain.forwarding` with their codecs, to the byte.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport strlen

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.knowledge cimport has_content, is_externalised, is_tacit
from ckm_stream.native.purchases cimport is_order, margin_of
from ckm_stream.native.referrals cimport is_referred
from ckm_stream.native.touchpoint cimport (
    BY_EXPERT, CALL, CALL_ANSWERED, FEEDBACK, PURCHASE, PURCHASE_REFUND, REFERRAL_CONTACT, REFERRAL_ORDER, REFERRAL_REFUND,
    SUBMITTED, TICKET, TICKET_ANSWERED, TICKET_RESOLVED, Event, read_event,
)
from ckm_stream.native.wire cimport (
    Buffer, Cursor, Text, put_byte, put_double, put_long, put_optional_text, put_raw, put_text,
    read_long, read_text, release, taken,
)

cdef enum:
    HEAD_BYTES = 5  # codec.framing.HEADER_BYTES
    # More than Python re-encodes of a value of codec.events.MAX_VALUE_BYTES.
    MAX_VALUE_BYTES = 1 << 28

cdef enum Section:
    ABOUT, FOR_CUSTOMER, FROM_CUSTOMER

cdef enum Form:
    EXPLICIT, TACIT

# Symbols that items have as texts, by their places.
cdef const char* PURPOSES[6]
PURPOSES[:] = [
    "REPORT", "SUGGESTION", "QUESTION", "STATUS_CHASE", "REPEAT_UNRESOLVED", "OTHER",
]
cdef const char* ACTIONS[6]
ACTIONS[:] = [
    "OPENED", "ANSWERED", "ESCALATED", "RESOLVED", "REOPENED", "CLOSED",
]
cdef const char* FEEDBACK_KINDS[8]
FEEDBACK_KINDS[:] = [
    "COMPLAINT", "SUGGESTION", "IDEA", "PRAISE", "REVIEW", "SURVEY", "QUESTION", "MARKET_NEWS",
]
cdef const char* STAGES[5]
STAGES[:] = ["SUBMITTED", "REVIEWED", "ADOPTED", "IMPLEMENTED", "REJECTED"]


cdef struct Item:
    # What differs by source; the rest is the event's own.
    int section
    int form
    const char* kind
    Text subject_id
    Text text
    Text product
    const char* stage
    bint externalised


cdef bint put_item(Buffer* out, const Event* event, bytes head) except -1:
    cdef Item item
    if not is_item(event):
        return False
    if event.source == FEEDBACK:
        read_feedback_item(&item, event)
    elif event.source == TICKET:
        read_ticket_item(&item, event)
    else:
        read_call_item(&item, event)
    put_head(out, head)
    put_item_id(out, event)
    put_text(out, event.about)
    put_text(out, event.event_id)
    put_text(out, event.system)
    put_long(out, event.occurred_at)
    put_long(out, item.section)
    put_long(out, item.form)
    put_name(out, item.kind)
    put_text(out, item.subject_id)
    put_optional_text(out, item.text)
    put_optional_text(out, item.product)
    put_topics(out, event)
    put_byte(out, 2 * event.has_novelty)
    if event.has_novelty:
        put_double(out, event.novelty)
    put_name(out, item.stage)
    put_byte(out, item.externalised)
    return True


cdef bint put_referral(Buffer* out, const Event* event, bytes head, Choices choices) except -1:
    cdef int kind = REFERRAL_CONTACT
    cdef int64_t margin = 0
    if not is_referred(event):
        return False
    if event.source == PURCHASE:
        if event.purchase_kind == PURCHASE_REFUND:
            kind = REFERRAL_REFUND
        elif is_order(event):
            kind = REFERRAL_ORDER
        margin = margin_of(event, choices)
        margin = max(margin, 0)
    put_head(out, head)
    put_derived_id(out, event.event_id, "/referral")
    put_text(out, event.system)
    put_text(out, event.referred_by)
    put_long(out, event.occurred_at)
    put_long(out, event.recorded_at)
    put_text(out, event.about)
    put_long(out, kind)
    put_long(out, margin)
    return True


cdef bint put_contact(Buffer* out, const Event* event, bytes head) except -1:
    cdef bint is_article
    if not is_handled(event):
        return False
    is_article = is_answer(event) and event.article_id.size > 0
    put_head(out, head)
    put_derived_id(out, event.event_id, "/employee")
    put_text(out, event.system)
    put_text(out, event.employee_id)
    put_long(out, event.occurred_at)
    put_long(out, event.recorded_at)
    put_byte(out, is_externalised(event) or is_article)
    return True


cdef bint is_item(const Event* event) noexcept:
    if event.source == FEEDBACK:
        return event.stage != SUBMITTED or has_content(event)
    if event.source == TICKET:
        return is_answer(event) or has_content(event)
    return event.source == CALL and has_content(event)


cdef bint is_answer(const Event* event) noexcept:
    return event.source == TICKET and (
        event.action == TICKET_ANSWERED or event.action == TICKET_RESOLVED
    )


cdef void read_feedback_item(Item* item, const Event* event) noexcept:
    item.section, item.form = FROM_CUSTOMER, TACIT if is_tacit(event) else EXPLICIT
    item.kind = FEEDBACK_KINDS[event.feedback_kind]
    item.subject_id = event.feedback_id
    item.text = event.survey_response if event.text.at is NULL else event.text
    item.product = event.product
    item.stage = STAGES[event.stage]
    item.externalised = is_externalised(event)


cdef void read_call_item(Item* item, const Event* event) noexcept:
    item.section, item.form = FROM_CUSTOMER, TACIT if is_tacit(event) else EXPLICIT
    item.kind = PURPOSES[event.purpose]
    item.subject_id = event.correlation_id if event.correlation_id.size else event.event_id
    item.text = event.note
    item.product = event.product  # null: calls have none
    item.stage = STAGES[<int>SUBMITTED]
    item.externalised = is_externalised(event)


cdef void read_ticket_item(Item* item, const Event* event) noexcept:
    cdef bint has_article = event.article_id.size > 0
    item.form = TACIT if not has_article and is_tacit(event) else EXPLICIT
    if is_answer(event):
        item.section, item.kind = FOR_CUSTOMER, "ANSWER"
        # An expert's answer that became an article is tacit know-how written down.
        item.externalised = event.resolved_by == BY_EXPERT and has_article
    else:
        item.section, item.kind = FROM_CUSTOMER, PURPOSES[event.purpose]
        item.externalised = is_externalised(event)
    item.subject_id = event.ticket_id
    item.text = event.text
    item.product = event.product
    item.stage = ACTIONS[event.action]


cdef bint is_handled(const Event* event) noexcept:
    # Whether an employee had the customer's word to note.
    if not event.employee_id.size or event.source == PURCHASE:
        return False
    if event.source == CALL:
        return event.outcome == CALL_ANSWERED
    return event.source != FEEDBACK or event.stage == SUBMITTED


cdef inline int put_head(Buffer* out, bytes head) except -1:
    return put_raw(out, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head))


cdef inline int put_name(Buffer* out, const char* name) except -1:
    cdef Py_ssize_t size = strlen(name)
    put_long(out, size)
    return put_raw(out, name, size)


cdef int put_item_id(Buffer* out, const Event* event) except -1:
    put_long(out, event.system.size + 1 + event.event_id.size + 2)
    put_raw(out, event.system.at, event.system.size)
    put_byte(out, c"/")
    put_raw(out, event.event_id.at, event.event_id.size)
    return put_raw(out, "/0", 2)


cdef int put_derived_id(Buffer* out, Text event_id, const char* suffix) except -1:
    cdef Py_ssize_t size = strlen(suffix)
    put_long(out, event_id.size + size)
    put_raw(out, event_id.at, event_id.size)
    return put_raw(out, suffix, size)


cdef int put_topics(Buffer* out, const Event* event) except -1:
    # Written anew: a producer's sizes may have more bytes than they need. A ticket without topics
    # has its category for one.
    cdef Cursor c
    if event.topics:
        # `read_event` has been through these texts, so they end where the value does or before.
        c.at, c.end, c.bad = event.topics_at, event.topics_at + MAX_VALUE_BYTES, False
        put_long(out, read_long(&c))
        for _ in range(event.topics):
            put_text(out, read_text(&c))
    elif event.category.size:
        put_long(out, 1)
        put_text(out, event.category)
    else:
        return put_byte(out, 0)
    return put_byte(out, 0)


def outputs_of(
    int source, bytes value not None, tuple heads not None, Choices choices not None
) -> tuple[bytes | None, bytes | None, bytes | None]:
    """
    Return the item, the referral and the contact of a checked framed event, for the tests.

    Args:
        source: Of the event.
        value: Of the newest schema version.
        heads: Frames of items, referrals and contacts.
        choices: For the margin.

    Raises:
        ValueError: If *value* is not such an event.
    """
    cdef Event event
    cdef Buffer out
    cdef bytes item_head, referral_head, contact_head
    item_head, referral_head, contact_head = heads
    if PyBytes_GET_SIZE(value) < HEAD_BYTES or not read_event(
        &event,
        source,
        <const uint8_t*>PyBytes_AS_STRING(value) + HEAD_BYTES,
        PyBytes_GET_SIZE(value) - HEAD_BYTES,
        -1,
        &choices.limits,
        True,
    ):
        raise ValueError("not an event of this source")
    out.data, out.size, out.room = NULL, 0, 0
    try:
        item = taken(&out) if put_item(&out, &event, item_head) else None
        referral = taken(&out) if put_referral(&out, &event, referral_head, choices) else None
        contact = taken(&out) if put_contact(&out, &event, contact_head) else None
    finally:
        release(&out)
    return item, referral, contact
