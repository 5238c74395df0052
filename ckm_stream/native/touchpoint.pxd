# An event as it lies in its record: numbers, and texts that point into the record's value.
#
# The record's value must outlive the event. Enums are the places of their symbols, as in the Avro
# schemas and in `domain.events` (a contract test holds both to one order); -1 is null.

from libc.stdint cimport int64_t, uint8_t

from ckm_stream.native.wire cimport Text

cdef enum Source:
    CALL, TICKET, PURCHASE, FEEDBACK, REFERRAL, TEXT, EMPLOYEE

cdef enum Initiator:
    BY_CUSTOMER, BY_COMPANY

cdef enum Purpose:
    REPORT, SUGGESTION, QUESTION, STATUS_CHASE, REPEAT_UNRESOLVED, OTHER

cdef enum Direction:
    INBOUND, OUTBOUND

cdef enum CallOutcome:
    CALL_ANSWERED, CALL_ABANDONED, CALL_DECLINED, CALL_NO_ANSWER

cdef enum TicketAction:
    TICKET_OPENED, TICKET_ANSWERED, TICKET_ESCALATED
    TICKET_RESOLVED, TICKET_REOPENED, TICKET_CLOSED

cdef enum Resolver:
    BY_KNOWLEDGE_BASE, BY_REPRESENTATIVE, BY_EXPERT

cdef enum PurchaseKind:
    PURCHASE_ORDER, PURCHASE_REFUND

cdef enum CampaignResponse:
    OFFER_ACCEPTED, OFFER_DECLINED, OFFER_NO_ANSWER

cdef enum FeedbackKind:
    COMPLAINT, FEEDBACK_SUGGESTION, IDEA, PRAISE, REVIEW, SURVEY, FEEDBACK_QUESTION, MARKET_NEWS

cdef enum FeedbackStage:
    SUBMITTED, REVIEWED, ADOPTED, IMPLEMENTED, REJECTED

cdef enum Reward:
    REWARD_OFFERED, REWARD_REDEEMED

cdef enum ReferralKind:
    REFERRAL_CONTACT, REFERRAL_ORDER, REFERRAL_REFUND


cdef struct Event:
    int source  # of enum Source
    # All events. `about` is the customer, or the employee of an EmployeeContact.
    Text event_id
    Text system  # the field `source`: the publishing system
    Text about
    int64_t occurred_at  # microseconds
    int64_t recorded_at
    # Touchpoints; texts have topics too.
    int channel
    int initiated_by
    int purpose
    Text employee_id
    Text referred_by
    Text correlation_id
    int topics  # how many; `topics_at` is where the Avro array begins
    const uint8_t* topics_at
    int consents  # how many
    bint all_granted  # True too where there are none
    # Calls; `satisfaction` is 0 where it is null.
    int direction
    int outcome
    int resolved_first_contact
    int satisfaction
    Text reason
    Text note
    int note_usable  # of calls -1, 0, 1; of an EmployeeContact 0, 1
    # Tickets, and `product` and `text` of feedback too.
    Text ticket_id
    int action
    Text category
    Text product
    Text text
    Text article_id
    int resolved_by
    # Purchases. `lines_at` is where the Avro array begins.
    int purchase_kind
    int64_t amount
    int64_t cost
    int lines
    const uint8_t* lines_at
    int response
    # Feedback.
    Text feedback_id
    int feedback_kind
    bint has_rating
    double rating
    bint has_rating_scale
    double rating_scale
    int stage
    bint has_benefit
    double benefit
    bint has_novelty
    double novelty
    int reward
    Text survey_response
    # Referrals.
    Text referred_customer_id
    int referral_kind
    int64_t margin
    # Texts.
    int sentiment  # thousandths


cdef struct Limits:
    # What an event's time is checked against, in microseconds.
    int64_t landmark_at
    int64_t horizon_at
    int64_t max_future


# Read the body of the newest schema of *source* into *event*; True if it is a plain one.
#
# False where anything is off or merely unusual (a bad byte, a long text, white space for an id, a
# number out of its range): the Python codec and checks then decide, with a reason. With `checked`
# the values have passed those, and only the bytes must be right. *timestamp_ms* is the record's,
# -1 if it has none.
cdef bint read_event(
    Event* event, int source, const uint8_t* body, Py_ssize_t size,
    int64_t timestamp_ms, const Limits* limits, bint checked,
) noexcept
