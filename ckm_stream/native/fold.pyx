# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
What each event adds to a state, by its own fields alone.

The compiled twin of ``domain.folding``, ``domain.facts.add_event``, ``domain.seen``,
``domain.profile.apply_event`` and ``domain.employee.apply_employee_event``.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.math cimport pow, rint
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove

from ckm_stream.domain import slots
from ckm_stream.native.choices cimport Choices
from ckm_stream.native.hashes cimport bin_of, blake2b
from ckm_stream.native.profile cimport (
    INDICATORS,
    SLOTS,
    Employee,
    Profile,
    add_day,
    decode_employee,
    decode_profile,
    encode_employee,
    encode_profile,
    new_employee,
    new_profile,
)
from ckm_stream.native.slots cimport *
from ckm_stream.native.touchpoint cimport *
from ckm_stream.native.wire cimport (
    Buffer,
    Cursor,
    Text,
    put_byte,
    put_raw,
    read_long,
    read_text,
)

cdef extern from *:
    # The sum of 10,000 lines of 2^53 each, and a margin times a line's amount.
    ctypedef unsigned long long wide "unsigned __int128"

cdef enum:
    MICROS = 1_000_000
    DAY_S = 86_400
    MILLE = 1000
    SUBMITTED_MILLE = 250
    ADOPTED_MILLE = 750
    MOTIVATION_PLACE = 10
    WEIGHTS_KEPT = 256
    TIME_BYTES = 7
    DIGEST_BYTES = 8
    RECORD_BYTES = 15
    FRAME_BYTES = 5

cdef enum:
    # The worth of a contact.
    LEVEL_REPORT, LEVEL_QUESTION, LEVEL_CHASE, LEVEL_NOTHING


cdef struct Instant:
    # What a weight depends on.
    int64_t age_s
    int64_t half_life_s


cdef struct Line:
    Text category
    int64_t amount


cdef struct Lines:
    # Where in a purchase's lines a walk has come to.
    Cursor cursor
    int64_t in_block


cdef const char* SIMULATED = b"simulated"
cdef int[13] GROUP_OF_CHANNEL = [0, 1, 1, 1, 1, 2, 2, 1, 1, 1, 2, 3, 3]
cdef int[6] LEVEL_OF_PURPOSE = [
    LEVEL_REPORT, LEVEL_REPORT, LEVEL_QUESTION, LEVEL_CHASE, LEVEL_NOTHING, LEVEL_CHASE
]
cdef double DEFAULT_NOVELTY = 0.5
# From this share of the scale a rating speaks for trust, up to that one against it.
cdef double CONTENT_FROM = 0.8
cdef double DISCONTENT_TO = 0.4

cdef int[SLOTS] INDICATOR_OF = slots.INDICATOR_OF

# Variables, because a compiler that sees the 2.0 may take exp2() for pow(), which rounds otherwise.
cdef double TWO = 2.0
cdef double MANTISSA = 4503599627370496.0  # 2^52

# Weights by their instant: an event needs each several times, live events share their seconds.
cdef Instant[WEIGHTS_KEPT] KEPT_INSTANTS
cdef list KEPT_WEIGHTS = [0] * WEIGHTS_KEPT

# Where short-lived bytes are put together.
cdef Buffer SCRATCH


# --- Applying an event -----------------------------------------------------------------------


cdef bint apply_event(Profile profile, const Event* event, Choices choices) except -1:
    cdef uint64_t digest = digest_of(event)
    cdef int64_t t_s = event.occurred_at // MICROS
    cdef int fed
    if is_seen(profile.seen, digest):
        return False
    refuse_before_landmark(event, choices)
    if event.occurred_at > profile.last_at:
        profile.last_at = event.occurred_at
    if t_s < profile.first_s or profile.first_s < 0:
        profile.first_s = t_s
    fed = fold(profile, event, choices)
    if fed:
        note_newest(profile, event, fed)
    profile.seen = with_record(profile.seen, event, digest, choices)
    return True


cdef bint apply_contact(Employee employee, const Event* event, Choices choices) except -1:
    cdef uint64_t digest = digest_of(event)
    if is_seen(employee.seen, digest):
        return False
    refuse_before_landmark(event, choices)
    weight = weight_of(event, choices, MOTIVATION_PLACE)
    employee.handled += weight
    if event.note_usable:
        employee.noted += weight
    if event.occurred_at > employee.last_at:
        employee.last_at = event.occurred_at
    employee.seen = with_record(employee.seen, event, digest, choices)
    return True


cdef int refuse_before_landmark(const Event* event, Choices choices) except -1:
    if event.occurred_at < choices.limits.landmark_at:
        raise ValueError("an instant lies before the landmark")
    return 0


# --- The newest event ids (domain.seen) --------------------------------------------------------


cdef uint64_t digest_of(const Event* event) except? 0:
    SCRATCH.size = 0
    put_raw(&SCRATCH, event.system.at, event.system.size)
    put_byte(&SCRATCH, 0)
    put_raw(&SCRATCH, event.event_id.at, event.event_id.size)
    return blake2b(SCRATCH.data, SCRATCH.size, DIGEST_BYTES)


cdef bint is_seen(bytes seen, uint64_t digest) noexcept:
    cdef const char* packed = PyBytes_AS_STRING(seen)
    cdef Py_ssize_t last = PyBytes_GET_SIZE(seen) - DIGEST_BYTES
    cdef Py_ssize_t place = TIME_BYTES
    while place <= last:
        if not memcmp(packed + place, &digest, DIGEST_BYTES):
            return True
        place += RECORD_BYTES
    return False


cdef bytes with_record(bytes seen, const Event* event, uint64_t digest, Choices choices):
    # The newest records of *seen* and the event's, as many as are kept.
    cdef uint64_t age_micros = event.occurred_at - choices.limits.landmark_at
    cdef const char* packed = PyBytes_AS_STRING(seen)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(seen)
    cdef Py_ssize_t cut, surplus
    cdef uint8_t record[RECORD_BYTES]
    cdef int each
    for each in range(TIME_BYTES):
        record[each] = <uint8_t>(age_micros >> 8 * (TIME_BYTES - 1 - each))
    memcpy(record + TIME_BYTES, &digest, DIGEST_BYTES)
    cut = place_of(record, packed, size)
    SCRATCH.size = 0
    put_raw(&SCRATCH, packed, cut)
    put_raw(&SCRATCH, record, RECORD_BYTES)
    put_raw(&SCRATCH, packed + cut, size - cut)
    surplus = max(0, SCRATCH.size - choices.seen_capacity * RECORD_BYTES)
    return PyBytes_FromStringAndSize(<char*>SCRATCH.data + surplus, SCRATCH.size - surplus)


cdef Py_ssize_t place_of(const uint8_t* record, const char* packed, Py_ssize_t size) noexcept:
    # Where the sorted records that are not less begin; nearly every event is the newest.
    cdef Py_ssize_t low = 0
    cdef Py_ssize_t high = size // RECORD_BYTES
    cdef Py_ssize_t middle
    if not size or memcmp(record, packed + size - RECORD_BYTES, RECORD_BYTES) > 0:
        return size
    while low < high:
        middle = (low + high) // 2
        if memcmp(packed + middle * RECORD_BYTES, record, RECORD_BYTES) < 0:
            low = middle + 1
        else:
            high = middle
    return low * RECORD_BYTES


# --- The newest evidence (domain.facts.note_newest) ----------------------------------------------


cdef int note_newest(Profile profile, const Event* event, int bits) except -1:
    cdef int place = 0
    cdef int each, left
    cdef bytes name
    while place < profile.newest and is_newer(profile, place, event) > 0:
        bits &= ~profile.newest_bits[place]
        place += 1
    if not bits:
        return 0
    if place < profile.newest and is_newer(profile, place, event) == 0:
        # The same time and id from another system.
        bits |= profile.newest_bits[place]
    each = place
    while each < profile.newest:
        left = profile.newest_bits[each] & ~bits
        if left:
            profile.newest_bits[each] = left
            each += 1
        else:
            shift_newest(profile, each + 1, -1)
            del profile.newest_ids[each]
    shift_newest(profile, place, 1)
    name = PyBytes_FromStringAndSize(<const char*>event.event_id.at, event.event_id.size)
    profile.newest_at[place], profile.newest_bits[place] = event.occurred_at, bits
    profile.newest_ids.insert(place, name)
    return 0


cdef int is_newer(Profile profile, int place, const Event* event) noexcept:
    # 1 if the entry is newer than the event, 0 if it has its time and id, -1 if it is older. Bytes
    # of UTF-8 compare as the texts do.
    cdef bytes name
    cdef Py_ssize_t size
    cdef int order
    if profile.newest_at[place] != event.occurred_at:
        return 1 if profile.newest_at[place] > event.occurred_at else -1
    name = profile.newest_ids[place]
    size = PyBytes_GET_SIZE(name)
    order = memcmp(PyBytes_AS_STRING(name), event.event_id.at, min(size, event.event_id.size))
    if not order:
        return (size > event.event_id.size) - (size < event.event_id.size)
    return 1 if order > 0 else -1


cdef int shift_newest(Profile profile, int place, int by) noexcept:
    # Move the entries from *place* on. There is room: their bits are disjoint.
    cdef size_t count = profile.newest - place
    memmove(&profile.newest_at[place + by], &profile.newest_at[place], count * sizeof(int64_t))
    memmove(&profile.newest_bits[place + by], &profile.newest_bits[place], count * sizeof(int))
    profile.newest += by
    return 0


# --- Sums and counters -----------------------------------------------------------------------


cdef object weight_of(const Event* event, Choices choices, int indicator):
    # w(t) of domain.decay at the event's second.
    cdef int64_t age_s = (event.occurred_at - choices.limits.landmark_at) // MICROS
    return weight(age_s, choices.half_life_s[indicator])


cdef object weight(int64_t age_s, int64_t half_life_s):
    cdef uint64_t place = (
        <uint64_t>age_s * 0x9E3779B97F4A7C15u + <uint64_t>half_life_s * 0xC2B2AE3D27D4EB4Fu
    ) >> 56
    cdef double share
    if KEPT_INSTANTS[place].age_s == age_s and KEPT_INSTANTS[place].half_life_s == half_life_s:
        return KEPT_WEIGHTS[place]
    share = <double>(age_s % half_life_s) / <double>half_life_s
    computed = <object><int64_t>(pow(TWO, share) * MANTISSA) << <object>(age_s // half_life_s)
    KEPT_INSTANTS[place].age_s, KEPT_INSTANTS[place].half_life_s = age_s, half_life_s
    KEPT_WEIGHTS[place] = computed
    return computed


cdef int add(
    Profile profile, const Event* event, Choices choices, int slot, int64_t times=1
) except -1:
    # Add so many weights of the slot's indicator; its sum is there from then on, also if it is 0.
    part = weight_of(event, choices, INDICATOR_OF[slot])
    if times != 1:
        part = <object>times * part
    known = profile.sums[slot]
    profile.sums[slot] = part if known is None else known + part
    return 0


cdef int count(Profile profile, int counter, int64_t more=1) except -1:
    profile.counts[counter] = total_of(profile.counts[counter], more)
    return 0


cdef int64_t total_of(int64_t one, int64_t other) except? -1:
    # Of two that are >= 0.
    if other > INT64_MAX - one:
        raise OverflowError("a count of the profile is above 2^63")
    return one + other


# --- Folding (domain.folding) -----------------------------------------------------------------


cdef int fold(Profile profile, const Event* event, Choices choices) except -1:
    # All functions from here on return the bits of the indicators that the event fed.
    if event.system.size == 9 and not memcmp(event.system.at, SIMULATED, 9):
        count(profile, COUNT_SIMULATED)
    if event.source == REFERRAL:
        return fold_referral(profile, event, choices)
    count(profile, COUNT_TOUCHPOINTS + source_bin(event))
    if event.source == PURCHASE:
        return fold_purchase(profile, event, choices)
    if event.source == FEEDBACK:
        return fold_feedback(profile, event, choices)
    if event.source == CALL:
        return fold_call(profile, event, choices)
    return fold_ticket(profile, event, choices)


cdef int source_bin(const Event* event) noexcept:
    # The touchpoints are the first four sources.
    return event.source * 4 + GROUP_OF_CHANNEL[event.channel]


cdef int fold_arrival(
    Profile profile, const Event* event, Choices choices, bint is_structured
) except -1:
    cdef int fed = DIVERSITY | SUPPORT
    cdef bint is_in_time = event.recorded_at - event.occurred_at <= choices.in_time_us
    add(profile, event, choices, SLOT_SOURCES + source_bin(event))
    slot = SLOT_IN_FORM if is_structured and is_in_time else SLOT_OUT_OF_FORM
    add(profile, event, choices, slot)
    fed |= fold_handler(profile, event, choices)
    if event.consents:
        add(profile, event, choices, SLOT_TRUST if event.all_granted else SLOT_DISTRUST)
        fed |= TRUST
    return fed


cdef int fold_handler(Profile profile, const Event* event, Choices choices) except -1:
    cdef Text handler = event.employee_id
    if not handler.size:
        return 0
    add(profile, event, choices, SLOT_EMPLOYEES + bin_of(handler.at, handler.size))
    return MOTIVATION


cdef int fold_consent(Profile profile, const Event* event, Choices choices) except -1:
    if not event.consents or event.all_granted:
        return 0
    add(profile, event, choices, SLOT_DISTRUST)
    return TRUST


cdef int fold_response(
    Profile profile, const Event* event, Choices choices, int response
) except -1:
    # *response* is a CampaignResponse, -1 if there was no approach.
    if response < 0:
        return 0
    if response == OFFER_ACCEPTED:
        add(profile, event, choices, SLOT_ACCEPTED_TWICE, 2)
    else:
        times = 2 if response == OFFER_DECLINED else 1
        add(profile, event, choices, SLOT_DECLINED_TWICE, times)
    return ACCEPTANCE


cdef int fold_contact(Profile profile, const Event* event, Choices choices, int level) except -1:
    if event.initiated_by != BY_CUSTOMER or level == LEVEL_NOTHING:
        return 0
    add_day(&profile.contact_days[level], day_of(event, choices))
    return FREQUENCY


cdef int32_t day_of(const Event* event, Choices choices) noexcept:
    return <int32_t>((event.occurred_at - choices.limits.landmark_at) // MICROS // DAY_S)


cdef int level_of(const Event* event, bint has_told) noexcept:
    cdef int level = LEVEL_OF_PURPOSE[event.purpose]
    if level == LEVEL_REPORT and not has_told:
        return LEVEL_CHASE
    if event.purpose == OTHER and has_told:
        return LEVEL_QUESTION
    return level


cdef int fold_item(Profile profile, const Event* event, Choices choices, bint is_related) except -1:
    cdef bint has_novelty = event.source == FEEDBACK and event.has_novelty
    cdef double known = event.novelty if has_novelty else DEFAULT_NOVELTY
    cdef double fit = 4.0 * known * (1.0 - known) if has_novelty else 0.5
    cdef int mille = <int>rint(fit * MILLE) if is_related else 0
    add(profile, event, choices, SLOT_ITEMS)
    add(profile, event, choices, SLOT_ITEM_VALUE, <int64_t>rint(known * SUBMITTED_MILLE))
    if mille:
        add(profile, event, choices, SLOT_COMPLEMENTARY, mille)
    if mille < MILLE:
        add(profile, event, choices, SLOT_NOT_COMPLEMENTARY, MILLE - mille)
    count(profile, COUNT_TACIT if is_tacit(event) else COUNT_EXPLICIT)
    if is_externalised(event):
        count(profile, COUNT_EXTERNALISED)
    return LEARNING | COMPLEMENT


# --- What an event carries (domain.knowledge) -------------------------------------------------


cdef bint has_content(const Event* event) noexcept:
    if event.source == FEEDBACK:
        return event.text.size or event.survey_response.size or event.has_rating
    if event.source == TICKET:
        return event.action == TICKET_OPENED and event.text.size
    return event.note.size


cdef bint is_externalised(const Event* event) noexcept:
    if event.source == CALL:
        return event.note_usable == 1
    if not event.text.size:
        return False
    return event.topics or (event.source == TICKET and event.category.size)


cdef bint is_tacit(const Event* event) noexcept:
    return not is_externalised(event) and (event.source != FEEDBACK or event.text.size)


# --- Calls and tickets ------------------------------------------------------------------------


cdef int fold_call(Profile profile, const Event* event, Choices choices) except -1:
    cdef int outcome = event.outcome
    cdef int fed = 0
    cdef bint has_told, is_structured
    if event.direction == OUTBOUND:
        if outcome != CALL_ABANDONED:
            fed = fold_response(profile, event, choices, response_of(outcome))
        if outcome != CALL_ANSWERED:
            return fed | fold_consent(profile, event, choices)
    elif outcome == CALL_DECLINED or outcome == CALL_NO_ANSWER:
        return fold_consent(profile, event, choices)
    has_told = has_content(event)
    is_structured = event.topics or event.reason.size
    if event.direction == INBOUND:
        fed |= fold_contact(profile, event, choices, level_of(event, has_told))
    if outcome == CALL_ANSWERED:
        add(profile, event, choices, SLOT_NET_MARGIN, -choices.call_cost)
        fed |= BASE
    if has_told:
        fed |= fold_item(profile, event, choices, is_structured)
    fed |= fold_verdict(profile, event, choices)
    return fed | fold_arrival(profile, event, choices, is_structured)


cdef int response_of(int outcome) noexcept:
    if outcome == CALL_ANSWERED:
        return OFFER_ACCEPTED
    return OFFER_DECLINED if outcome == CALL_DECLINED else OFFER_NO_ANSWER


cdef int fold_verdict(Profile profile, const Event* event, Choices choices) except -1:
    cdef int fed = 0
    # Four of five stars and more speak for trust, two and fewer against it.
    if event.satisfaction and not 2 < event.satisfaction < 4:
        add(profile, event, choices, SLOT_TRUST if event.satisfaction >= 4 else SLOT_DISTRUST)
        fed = TRUST
    if event.resolved_first_contact >= 0:
        slot = SLOT_BENEFIT if event.resolved_first_contact else SLOT_NO_BENEFIT
        add(profile, event, choices, slot, MILLE)
        fed |= PERCEIVED
    return fed


cdef int fold_ticket(Profile profile, const Event* event, Choices choices) except -1:
    cdef int fed = 0
    if event.action == TICKET_ANSWERED or event.action == TICKET_RESOLVED:
        count(profile, COUNT_ANSWERS)
        if event.article_id.size:
            count(profile, COUNT_ARTICLES)
    if event.action == TICKET_OPENED:
        return fold_opened_ticket(profile, event, choices)
    if event.action == TICKET_REOPENED:
        add(profile, event, choices, SLOT_DISTRUST)
        add(profile, event, choices, SLOT_NET_MARGIN, -choices.ticket_cost)
        fed = TRUST | BASE
    elif event.action == TICKET_RESOLVED and event.resolved_by == BY_EXPERT:
        add(profile, event, choices, SLOT_CONFIRMED)
        value = <int64_t>rint(DEFAULT_NOVELTY * ADOPTED_MILLE)
        add(profile, event, choices, SLOT_ITEM_VALUE, value)
        fed = LEARNING
    fed |= fold_handler(profile, event, choices)
    return fed | fold_consent(profile, event, choices)


cdef int fold_opened_ticket(Profile profile, const Event* event, Choices choices) except -1:
    cdef bint has_told = has_content(event)
    cdef bint is_related = event.topics or event.product.size or event.category.size
    cdef int fed = BASE
    add(profile, event, choices, SLOT_NET_MARGIN, -choices.ticket_cost)
    fed |= fold_contact(profile, event, choices, level_of(event, has_told))
    if has_told:
        fed |= fold_item(profile, event, choices, is_related)
    return fed | fold_arrival(profile, event, choices, is_related)


# --- Feedback ---------------------------------------------------------------------------------


cdef int fold_feedback(Profile profile, const Event* event, Choices choices) except -1:
    cdef int fed = 0
    cdef int mille
    if event.has_benefit:
        mille = <int>rint(event.benefit * MILLE)
        add(profile, event, choices, SLOT_BENEFIT, mille)
        add(profile, event, choices, SLOT_NO_BENEFIT, MILLE - mille)
        fed |= PERCEIVED
    if event.reward == REWARD_OFFERED:
        count(profile, COUNT_REWARDS)
        add(profile, event, choices, SLOT_REWARDS_OFFERED)
        fed |= PERCEIVED
    elif event.reward == REWARD_REDEEMED:
        add(profile, event, choices, SLOT_REWARDS_REDEEMED)
        fed |= PERCEIVED
    if event.stage == SUBMITTED:
        return fed | fold_submission(profile, event, choices)
    fed |= fold_stage(profile, event, choices)
    return fed | fold_consent(profile, event, choices)


cdef int fold_stage(Profile profile, const Event* event, Choices choices) except -1:
    cdef double novelty = event.novelty if event.has_novelty else DEFAULT_NOVELTY
    if event.stage == REJECTED:
        count(profile, COUNT_REJECTED)
        add(profile, event, choices, SLOT_REFUTED)
        return LEARNING
    if event.stage == REVIEWED:
        return 0
    add(profile, event, choices, SLOT_CONFIRMED)
    add(profile, event, choices, SLOT_BENEFIT, MILLE)
    if event.stage == ADOPTED:
        count(profile, COUNT_ADOPTED)
        value = <int64_t>rint(novelty * ADOPTED_MILLE)
        add(profile, event, choices, SLOT_ITEM_VALUE, value)
    return LEARNING | PERCEIVED


cdef int fold_submission(Profile profile, const Event* event, Choices choices) except -1:
    cdef bint has_told = has_content(event)
    cdef bint is_related = event.topics or event.product.size
    cdef int64_t t_s = event.occurred_at // MICROS
    cdef int fed
    if event.initiated_by == BY_COMPANY:
        response = OFFER_ACCEPTED if has_told else OFFER_NO_ANSWER
        fed = fold_response(profile, event, choices, response)
        if not has_told:
            return fed | fold_consent(profile, event, choices)
    else:
        fed = fold_contact(profile, event, choices, feedback_level(event, has_told))
    if has_told:
        fed |= fold_item(profile, event, choices, is_related)
    if event.feedback_kind == COMPLAINT and t_s > profile.last_complaint_s:
        profile.last_complaint_s = t_s
    fed |= fold_rating(profile, event, choices)
    return fed | fold_arrival(profile, event, choices, is_related or event.has_rating)


cdef int fold_rating(Profile profile, const Event* event, Choices choices) except -1:
    cdef double share
    if not event.has_rating or not event.has_rating_scale or event.rating_scale == 0.0:
        return 0
    share = event.rating / event.rating_scale
    if DISCONTENT_TO < share < CONTENT_FROM:
        return 0
    add(profile, event, choices, SLOT_TRUST if share >= CONTENT_FROM else SLOT_DISTRUST)
    return TRUST


cdef int feedback_level(const Event* event, bint has_told) noexcept:
    if event.purpose != OTHER:
        return level_of(event, has_told)
    if not has_told:
        return LEVEL_CHASE
    return LEVEL_QUESTION if event.feedback_kind == FEEDBACK_QUESTION else LEVEL_REPORT


# --- Referrals --------------------------------------------------------------------------------


cdef int fold_referral(Profile profile, const Event* event, Choices choices) except -1:
    cdef Text referred = event.referred_customer_id
    cdef int bit
    if referred.size == event.about.size and not memcmp(
        referred.at, event.about.at, referred.size
    ):
        return 0
    count(profile, COUNT_REFERRALS)
    if event.referral_kind == REFERRAL_REFUND:
        add(profile, event, choices, SLOT_REFERRED_MARGIN, -event.margin)
        return NETWORKING
    bit = <int>blake2b(referred.at, referred.size, 1)
    profile.referred[bit >> 6] |= <uint64_t>1 << (bit & 63)
    add(profile, event, choices, SLOT_REFERRALS)
    if event.referral_kind == REFERRAL_ORDER:
        profile.referred_buyers[bit >> 6] |= <uint64_t>1 << (bit & 63)
        add(profile, event, choices, SLOT_REFERRED_MARGIN, event.margin)
    return NETWORKING


# --- Purchases --------------------------------------------------------------------------------


cdef int fold_purchase(Profile profile, const Event* event, Choices choices) except -1:
    # A margin beyond 2^63, at a default of a thousand times the amount, is an OverflowError.
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


# --- For tests --------------------------------------------------------------------------------


def folded(
    data: bytes | None, source: int, value: bytes, choices: Choices, partition: int = 0
) -> bytes | None:
    """Return the state with the framed event folded in; None if it is a duplicate."""
    cdef Event event
    cdef Profile profile = new_profile(partition) if data is None else decode_profile(data, choices)
    read_plain(&event, source, value, choices)
    if profile is None:
        raise ValueError("not a plain state")
    return encode_profile(profile, choices) if apply_event(profile, &event, choices) else None


def folded_employee(
    data: bytes | None, value: bytes, choices: Choices, partition: int = 0
) -> bytes | None:
    """Return the employee's state with the framed contact folded in; None if a duplicate."""
    cdef Event event
    cdef Employee employee = (
        new_employee(partition) if data is None else decode_employee(data, choices)
    )
    read_plain(&event, EMPLOYEE, value, choices)
    if employee is None:
        raise ValueError("not a plain state")
    return encode_employee(employee, choices) if apply_contact(employee, &event, choices) else None


def hashed(message: bytes) -> tuple[bytes, int, int]:
    """Return the digest that an id is seen by, the bit of a linear counter, and the bin."""
    cdef const uint8_t* at = message
    cdef Py_ssize_t size = len(message)
    cdef uint64_t digest = blake2b(at, size, DIGEST_BYTES)
    return digest.to_bytes(8, "little"), blake2b(at, size, 1), bin_of(at, size)


def weighed(age_s: int, half_life_s: int) -> int:
    """Return the decay weight at a time since the landmark."""
    return weight(age_s, half_life_s)


cdef int read_plain(Event* event, int source, bytes value, Choices choices) except -1:
    cdef const uint8_t* body = <const uint8_t*>PyBytes_AS_STRING(value) + FRAME_BYTES
    cdef Py_ssize_t size = PyBytes_GET_SIZE(value) - FRAME_BYTES
    if not read_event(event, source, body, size, -1, &choices.limits, True):
        raise ValueError("not a plain event")
    return 0
