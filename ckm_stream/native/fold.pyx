# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
What each event adds to a state, by its own fields alone.

Twin of `domain.folding`, `domain.facts.add_event`, `domain.profile.apply_event` and
`domain.employee.apply_employee_event`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.decay cimport weight
from ckm_stream.native.decoding cimport decode_employee, decode_profile
from ckm_stream.native.encoding cimport encode_employee, encode_profile
from ckm_stream.native.evidence cimport MICROS, age_of, count, source_bin
from ckm_stream.native.feedback cimport fold_feedback
from ckm_stream.native.mentions cimport note_mentions
from ckm_stream.native.newest cimport note_newest
from ckm_stream.native.profile cimport Employee, Profile, new_employee, new_profile
from ckm_stream.native.purchases cimport fold_purchase
from ckm_stream.native.referrals cimport fold_referral, fold_referrer
from ckm_stream.native.seen cimport digest_of, is_seen, with_record
from ckm_stream.native.service cimport fold_call, fold_ticket
from ckm_stream.native.slots cimport COUNT_SIMULATED, COUNT_TOUCHPOINTS
from ckm_stream.native.sums cimport settle_sums
from ckm_stream.native.texts cimport fold_text
from ckm_stream.native.touchpoint cimport (
    BY_CUSTOMER, CALL, EMPLOYEE, FEEDBACK, PURCHASE, REFERRAL, TEXT, Event, read_event,
)

cdef enum:
    MOTIVATION_PLACE = 10
    FRAME_BYTES = 5

cdef const char* SIMULATED = b"simulated"


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
        settle_sums(profile, choices)
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
    one = weight(age_of(event, choices), choices.half_life_s[MOTIVATION_PLACE])
    employee.handled += one
    if event.note_usable:
        employee.noted += one
    if event.occurred_at > employee.last_at:
        employee.last_at = event.occurred_at
    employee.seen = with_record(employee.seen, event, digest, choices)
    return True


cdef int refuse_before_landmark(const Event* event, Choices choices) except -1:
    if event.occurred_at < choices.limits.landmark_at:
        raise ValueError("an instant lies before the landmark")
    return 0


cdef int fold(Profile profile, const Event* event, Choices choices) except -1:
    # The bits of the indicators that the event fed.
    if event.system.size == 9 and not memcmp(event.system.at, SIMULATED, 9):
        count(profile, COUNT_SIMULATED)
    if event.source == REFERRAL:
        return fold_referral(profile, event, choices)
    if event.source == TEXT:
        return fold_text(profile, event, choices)
    count(profile, COUNT_TOUCHPOINTS + source_bin(event))
    if event.referred_by.size:
        fold_referrer(profile, event)
    if event.topics and event.initiated_by == BY_CUSTOMER:
        note_mentions(profile, event)
    if event.source == PURCHASE:
        return fold_purchase(profile, event, choices)
    if event.source == FEEDBACK:
        return fold_feedback(profile, event, choices)
    if event.source == CALL:
        return fold_call(profile, event, choices)
    return fold_ticket(profile, event, choices)


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


cdef int read_plain(Event* event, int source, bytes value, Choices choices) except -1:
    cdef const uint8_t* body = <const uint8_t*>PyBytes_AS_STRING(value) + FRAME_BYTES
    cdef Py_ssize_t size = PyBytes_GET_SIZE(value) - FRAME_BYTES
    if not read_event(event, source, body, size, -1, &choices.limits, True):
        raise ValueError("not a plain event")
    return 0
