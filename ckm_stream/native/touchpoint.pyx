# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Events read where they lie, and checked in passing.

The twin of `codec.events` and `domain.checks`, stricter than both: whatever is plain here, they
accept; what is not plain, they decide.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.float cimport DBL_MAX
from libc.stdint cimport INT32_MAX, INT32_MIN, INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.wire cimport (
    Cursor, Text, read_boolean, read_double, read_long, read_symbol, read_text,
)

cdef enum:
    HEAD_BYTES = 5  # codec.framing.HEADER_BYTES
    MAX_BODY = (1 << 20) - HEAD_BYTES  # codec.events.MAX_VALUE_BYTES
    # As in `domain.checks`, but in bytes, of which there are at least as many as characters.
    MAX_ID = 200
    MAX_DERIVED_ID = 256
    MAX_NAME = 500
    MAX_TEXT = 100_000
    MAX_TOPICS = 100
    MAX_LINES = 10_000
    MAX_SATISFACTION = 5
    MILLE = 1000
    # Names of consents are compared with one another; more are for Python.
    MAX_CONSENTS = 16
    CHANNELS = 13
    SEVERITIES = 4

#: 2^53, as `domain.checks.MAX_AMOUNT`.
cdef int64_t MAX_AMOUNT = 1 << 53
cdef uint64_t NOT_ASCII = 0x8080808080808080


cdef bint read_event(
    Event* event, int source, const uint8_t* body, Py_ssize_t size,
    int64_t timestamp_ms, const Limits* limits, bint checked,
) noexcept:
    cdef Cursor c
    c.at, c.end, c.bad = body, body + size, size > MAX_BODY and not checked
    memset(event, 0, sizeof(Event))
    event.source = source
    event.resolved_first_contact = event.note_usable = event.resolved_by = -1
    event.response = event.reward = -1
    read_identity(event, &c, checked)
    if c.bad or not (checked or is_timely(event, timestamp_ms, limits)):
        return False
    if source == REFERRAL:
        read_referral(event, &c, checked)
    elif source == TEXT:
        read_text_reading(event, &c, checked)
    elif source == EMPLOYEE:
        event.note_usable = read_boolean(&c)
    else:
        read_touchpoint(event, &c, checked)
        if c.bad:
            return False
        if source == CALL:
            read_call(event, &c, checked)
        elif source == TICKET:
            read_ticket(event, &c, checked)
        elif source == PURCHASE:
            read_purchase(event, &c, checked)
        else:
            read_feedback(event, &c, checked)
    return not c.bad and c.at == c.end


cdef inline bint is_timely(
    const Event* event, int64_t timestamp_ms, const Limits* limits
) noexcept nogil:
    # Subtracted, and times compared from the landmark on only, so that no sum overflows.
    cdef int64_t known_at = event.recorded_at
    if timestamp_ms >= 0:
        known_at = timestamp_ms * 1000 if timestamp_ms <= INT64_MAX / 1000 else INT64_MAX
    return (
        limits.landmark_at <= event.occurred_at <= limits.horizon_at
        and event.occurred_at - limits.max_future <= known_at
    )


cdef inline void read_identity(Event* event, Cursor* c, bint checked) noexcept nogil:
    cdef bint is_derived = event.source >= REFERRAL  # as are texts and employees' contacts
    event.event_id = take_id(c, MAX_DERIVED_ID if is_derived else MAX_ID, checked)
    event.system = take_id(c, MAX_ID, checked)
    event.about = take_id(c, MAX_ID, checked)
    event.occurred_at = read_long(c)
    event.recorded_at = read_long(c)


cdef inline void read_touchpoint(Event* event, Cursor* c, bint checked) noexcept nogil:
    event.channel = read_symbol(c, CHANNELS)
    event.initiated_by = read_symbol(c, BY_COMPANY + 1)
    event.purpose = read_symbol(c, OTHER + 1)
    if read_symbol(c, 2):
        event.employee_id = take_id(c, MAX_ID, checked)
    if read_symbol(c, 2):
        event.referred_by = take_id(c, MAX_ID, checked)
    read_topics(event, c, checked)
    event.correlation_id = take_optional_text(c, MAX_NAME, checked)
    read_consents(event, c, checked)


cdef inline void read_topics(Event* event, Cursor* c, bint checked) noexcept nogil:
    event.topics_at = c.at
    event.topics = take_count(c, MAX_TOPICS, checked)
    for _ in range(event.topics):
        take_text(c, MAX_NAME, checked)
        if c.bad:
            return
    end_items(c, event.topics)


cdef inline void read_consents(Event* event, Cursor* c, bint checked) noexcept nogil:
    # Of a name that comes again the last value counts; Python then writes it once.
    cdef Text[MAX_CONSENTS] names
    cdef Text name
    cdef int place
    event.consents = take_count(c, MAX_CONSENTS, checked)
    event.all_granted = True
    for place in range(event.consents):
        name = take_text(c, MAX_NAME, checked)
        if not read_boolean(c):
            event.all_granted = False
        if not checked:
            if is_among(name, names, place):
                c.bad = True
            names[place] = name
        if c.bad:
            return
    end_items(c, event.consents)


cdef bint is_among(Text name, const Text* names, int count) noexcept nogil:
    cdef int place
    for place in range(count):
        if names[place].size == name.size and not memcmp(names[place].at, name.at, name.size):
            return True
    return False


cdef void read_call(Event* event, Cursor* c, bint checked) noexcept nogil:
    event.direction = read_symbol(c, OUTBOUND + 1)
    event.outcome = read_symbol(c, CALL_NO_ANSWER + 1)
    take_number(c, 0.0, DBL_MAX, checked)  # wait_s
    take_number(c, 0.0, DBL_MAX, checked)  # duration_s
    event.resolved_first_contact = take_optional_boolean(c)
    if read_symbol(c, 2):
        event.satisfaction = take_int(c)
        if not (checked or 1 <= event.satisfaction <= MAX_SATISFACTION):
            c.bad = True
    event.reason = take_text(c, MAX_NAME, checked)
    event.note = take_optional_text(c, MAX_TEXT, checked)
    event.note_usable = take_optional_boolean(c)


cdef void read_ticket(Event* event, Cursor* c, bint checked) noexcept nogil:
    event.ticket_id = take_id(c, MAX_ID, checked)
    event.action = read_symbol(c, TICKET_CLOSED + 1)
    event.category = take_text(c, MAX_NAME, checked)
    event.product = take_optional_text(c, MAX_NAME, checked)
    read_symbol(c, SEVERITIES)
    event.text = take_optional_text(c, MAX_TEXT, checked)
    event.article_id = take_optional_text(c, MAX_NAME, checked)
    event.resolved_by = take_optional_symbol(c, BY_EXPERT + 1)


cdef void read_purchase(Event* event, Cursor* c, bint checked) noexcept nogil:
    take_id(c, MAX_ID, checked)  # order_id
    event.purchase_kind = read_symbol(c, PURCHASE_REFUND + 1)
    take_text(c, MAX_NAME, checked)  # currency
    event.amount = take_amount(c, checked)
    event.cost = take_amount(c, checked)
    event.lines_at = c.at
    event.lines = take_count(c, MAX_LINES, checked)
    for _ in range(event.lines):
        take_text(c, MAX_NAME, checked)  # sku
        take_text(c, MAX_NAME, checked)  # category
        if take_int(c) < 0 and not checked:  # quantity
            c.bad = True
        take_amount(c, checked)
        if c.bad:
            return
    end_items(c, event.lines)
    take_optional_text(c, MAX_NAME, checked)  # campaign_id
    event.response = take_optional_symbol(c, OFFER_NO_ANSWER + 1)


cdef void read_feedback(Event* event, Cursor* c, bint checked) noexcept nogil:
    event.feedback_id = take_id(c, MAX_ID, checked)
    event.feedback_kind = read_symbol(c, MARKET_NEWS + 1)
    event.has_rating = read_symbol(c, 2)
    if event.has_rating:
        event.rating = take_number(c, 0.0, <double>MAX_AMOUNT, checked)
    event.has_rating_scale = read_symbol(c, 2)
    if event.has_rating_scale:
        event.rating_scale = take_number(c, 0.0, DBL_MAX, checked)
        # A rating above 2^53 on a scale that goes on is for Python.
        if not checked and (event.rating_scale == 0.0 or event.rating > event.rating_scale):
            c.bad = True
    event.text = take_optional_text(c, MAX_TEXT, checked)
    event.product = take_optional_text(c, MAX_NAME, checked)
    event.stage = read_symbol(c, REJECTED + 1)
    event.has_benefit = read_symbol(c, 2)
    if event.has_benefit:
        event.benefit = take_number(c, 0.0, 1.0, checked)
    event.has_novelty = read_symbol(c, 2)
    if event.has_novelty:
        event.novelty = take_number(c, 0.0, 1.0, checked)
    event.reward = take_optional_symbol(c, REWARD_REDEEMED + 1)
    event.survey_response = take_optional_text(c, MAX_TEXT, checked)


cdef void read_referral(Event* event, Cursor* c, bint checked) noexcept nogil:
    event.referred_customer_id = take_id(c, MAX_ID, checked)
    event.referral_kind = read_symbol(c, REFERRAL_REFUND + 1)
    event.margin = take_amount(c, checked)


cdef void read_text_reading(Event* event, Cursor* c, bint checked) noexcept nogil:
    event.sentiment = take_int(c)
    if not (checked or -MILLE <= event.sentiment <= MILLE):
        c.bad = True
    read_topics(event, c, checked)


cdef inline Text take_text(Cursor* c, Py_ssize_t most, bint checked) noexcept nogil:
    cdef Text text = read_text(c)
    if (text.size > most and not checked) or not is_utf8(text.at, text.size):
        c.bad = True
    return text


cdef inline Text take_optional_text(Cursor* c, Py_ssize_t most, bint checked) noexcept nogil:
    cdef Text text
    if read_symbol(c, 2):
        return take_text(c, most, checked)
    text.at, text.size = NULL, 0
    return text


cdef inline Text take_id(Cursor* c, Py_ssize_t most, bint checked) noexcept nogil:
    cdef Text text = take_text(c, most, checked)
    cdef Py_ssize_t place
    cdef uint8_t byte
    if checked:
        return text
    if text.size and memchr(text.at, 0, text.size) is not NULL:
        c.bad = True
        return text
    for place in range(text.size):
        # White space beyond ASCII begins with C2 or E1 to E3, and bytes below go on with it.
        byte = text.at[place]
        if 0x20 < byte < 0x7F or byte >= 0xC3 and not 0xE1 <= byte <= 0xE3:
            return text
    c.bad = True
    return text


cdef inline double take_number(
    Cursor* c, double least, double most, bint checked
) noexcept nogil:
    cdef double number = read_double(c)
    if not (checked or least <= number <= most):  # nor is NaN
        c.bad = True
    return number


cdef inline int64_t take_amount(Cursor* c, bint checked) noexcept nogil:
    cdef int64_t amount = read_long(c)
    if not (checked or 0 <= amount <= MAX_AMOUNT):
        c.bad = True
    return amount


cdef inline int take_int(Cursor* c) noexcept nogil:
    cdef int64_t number = read_long(c)
    if not INT32_MIN <= number <= INT32_MAX:
        c.bad = True
    return <int>number


cdef inline int take_optional_boolean(Cursor* c) noexcept nogil:
    return read_boolean(c) if read_symbol(c, 2) else -1


cdef inline int take_optional_symbol(Cursor* c, int symbols) noexcept nogil:
    return read_symbol(c, symbols) if read_symbol(c, 2) else -1


cdef inline int take_count(Cursor* c, Py_ssize_t most, bint checked) noexcept nogil:
    # Of the one block of an array or map. An item takes at least a byte, which bounds the work.
    cdef int64_t count = read_long(c)
    if count < 0 or count > c.end - c.at or (count > most and not checked):
        c.bad = True
        return 0
    return <int>count


cdef inline void end_items(Cursor* c, int count) noexcept nogil:
    # Bad if another block follows.
    if count:
        read_symbol(c, 1)


cdef bint is_utf8(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    # As strict as bytes.decode().
    cdef const uint8_t* end = at + size
    cdef uint64_t eight
    cdef int width
    while at < end:
        if end - at >= 8:
            memcpy(&eight, at, 8)
            if not eight & NOT_ASCII:
                at += 8
                continue
        width = width_of(at, end)
        if not width:
            return False
        at += width
    return True


cdef inline int width_of(const uint8_t* at, const uint8_t* end) noexcept nogil:
    # The bytes of the character; 0 if it is overlong, a surrogate, cut off or none at all.
    cdef uint32_t code
    if at[0] < 0x80:
        return 1
    if at[0] < 0xE0:
        return 2 if at[0] >= 0xC2 and end - at >= 2 and is_tail(at[1]) else 0
    if at[0] < 0xF0:
        if end - at < 3 or not (is_tail(at[1]) and is_tail(at[2])):
            return 0
        code = (at[0] & 0x0F) << 6 | (at[1] & 0x3F)  # the upper bits: of U+0800 they are 0x20
        return 3 if code >= 0x20 and not 0x360 <= code < 0x380 else 0
    if end - at < 4 or not (is_tail(at[1]) and is_tail(at[2]) and is_tail(at[3])):
        return 0
    code = (at[0] & 0x0F) << 6 | (at[1] & 0x3F)  # of U+10000 they are 0x10, of U+10FFFF 0x10F
    return 4 if at[0] < 0xF8 and 0x10 <= code < 0x110 else 0


cdef inline bint is_tail(uint8_t byte) noexcept nogil:
    return byte & 0xC0 == 0x80


#: The places of the symbols, for the contract with the schemas and `domain.events`.
PLACES = {
    "Initiator": {"CUSTOMER": BY_CUSTOMER, "COMPANY": BY_COMPANY},
    "Purpose": {
        "REPORT": REPORT, "SUGGESTION": SUGGESTION, "QUESTION": QUESTION,
        "STATUS_CHASE": STATUS_CHASE, "REPEAT_UNRESOLVED": REPEAT_UNRESOLVED, "OTHER": OTHER,
    },
    "Direction": {"INBOUND": INBOUND, "OUTBOUND": OUTBOUND},
    "CallOutcome": {
        "ANSWERED": CALL_ANSWERED, "ABANDONED": CALL_ABANDONED, "DECLINED": CALL_DECLINED,
        "NO_ANSWER": CALL_NO_ANSWER,
    },
    "TicketAction": {
        "OPENED": TICKET_OPENED, "ANSWERED": TICKET_ANSWERED, "ESCALATED": TICKET_ESCALATED,
        "RESOLVED": TICKET_RESOLVED, "REOPENED": TICKET_REOPENED, "CLOSED": TICKET_CLOSED,
    },
    "Resolver": {
        "KNOWLEDGE_BASE": BY_KNOWLEDGE_BASE, "REPRESENTATIVE": BY_REPRESENTATIVE,
        "EXPERT": BY_EXPERT,
    },
    "PurchaseKind": {"ORDER": PURCHASE_ORDER, "REFUND": PURCHASE_REFUND},
    "CampaignResponse": {
        "ACCEPTED": OFFER_ACCEPTED, "DECLINED": OFFER_DECLINED, "NO_ANSWER": OFFER_NO_ANSWER,
    },
    "FeedbackKind": {
        "COMPLAINT": COMPLAINT, "SUGGESTION": FEEDBACK_SUGGESTION, "IDEA": IDEA, "PRAISE": PRAISE,
        "REVIEW": REVIEW, "SURVEY": SURVEY, "QUESTION": FEEDBACK_QUESTION,
        "MARKET_NEWS": MARKET_NEWS,
    },
    "FeedbackStage": {
        "SUBMITTED": SUBMITTED, "REVIEWED": REVIEWED, "ADOPTED": ADOPTED,
        "IMPLEMENTED": IMPLEMENTED, "REJECTED": REJECTED,
    },
    "Reward": {"OFFERED": REWARD_OFFERED, "REDEEMED": REWARD_REDEEMED},
    "ReferralKind": {
        "CONTACT": REFERRAL_CONTACT, "ORDER": REFERRAL_ORDER, "REFUND": REFERRAL_REFUND,
    },
}

#: How many symbols there are of what is skipped, or kept by its place alone.
SYMBOLS = {"Channel": CHANNELS, "Severity": SEVERITIES}


def is_plain(
    int source, bytes value not None, int64_t timestamp_ms, Choices choices not None, bint checked
) -> bool:
    """Say whether `read_event` reads the framed *value* of the newest schema, for its tests."""
    cdef Event event
    return PyBytes_GET_SIZE(value) >= HEAD_BYTES and read_event(
        &event,
        source,
        <const uint8_t*>PyBytes_AS_STRING(value) + HEAD_BYTES,
        PyBytes_GET_SIZE(value) - HEAD_BYTES,
        timestamp_ms,
        &choices.limits,
        checked,
    )
