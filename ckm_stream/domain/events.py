"""
The touchpoint events, as the domain sees them: the fields of the Avro records, typed.

Times are integer microseconds since the Unix epoch, UTC; money is in minor units of the event's
currency. What an event means is decided by its own fields alone (SCORING rule 4), so no function
here takes a state or a clock.
"""

from enum import StrEnum
from typing import Final

import msgspec

MICROS: Final = 1_000_000

#: The source of events that nobody experienced: load tests and the demo.
SIMULATED_SOURCE: Final = "simulated"


class Channel(StrEnum):
    """Where the touchpoint happened; OTHER is the default symbol of the schema."""

    PHONE = "PHONE"
    SMS = "SMS"
    MOBILE_WEB = "MOBILE_WEB"
    WEB = "WEB"
    APP = "APP"
    KIOSK = "KIOSK"
    STORE = "STORE"
    EMAIL = "EMAIL"
    CHAT = "CHAT"
    SOCIAL = "SOCIAL"
    FIELD_SERVICE = "FIELD_SERVICE"
    PARTNER = "PARTNER"
    OTHER = "OTHER"


class Initiator(StrEnum):
    """Who started the touchpoint."""

    CUSTOMER = "CUSTOMER"
    COMPANY = "COMPANY"


class Purpose(StrEnum):
    """What the customer came for; decides how much the contact says of willingness."""

    REPORT = "REPORT"
    SUGGESTION = "SUGGESTION"
    QUESTION = "QUESTION"
    STATUS_CHASE = "STATUS_CHASE"
    REPEAT_UNRESOLVED = "REPEAT_UNRESOLVED"
    OTHER = "OTHER"


class Direction(StrEnum):
    """Direction of a call, seen from the company."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class CallOutcome(StrEnum):
    """How a call ended."""

    ANSWERED = "ANSWERED"
    ABANDONED = "ABANDONED"
    DECLINED = "DECLINED"
    NO_ANSWER = "NO_ANSWER"


class TicketAction(StrEnum):
    """The step of a ticket's life that the event reports."""

    OPENED = "OPENED"
    ANSWERED = "ANSWERED"
    ESCALATED = "ESCALATED"
    RESOLVED = "RESOLVED"
    REOPENED = "REOPENED"
    CLOSED = "CLOSED"


class Severity(StrEnum):
    """How badly the customer is affected."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class Resolver(StrEnum):
    """Who or what answered a ticket."""

    KNOWLEDGE_BASE = "KNOWLEDGE_BASE"
    REPRESENTATIVE = "REPRESENTATIVE"
    EXPERT = "EXPERT"


class PurchaseKind(StrEnum):
    """A sale, or money given back."""

    ORDER = "ORDER"
    REFUND = "REFUND"


class CampaignResponse(StrEnum):
    """What the customer made of an offer."""

    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    NO_ANSWER = "NO_ANSWER"


class FeedbackKind(StrEnum):
    """What sort of knowledge the customer gave."""

    COMPLAINT = "COMPLAINT"
    SUGGESTION = "SUGGESTION"
    IDEA = "IDEA"
    PRAISE = "PRAISE"
    REVIEW = "REVIEW"
    SURVEY = "SURVEY"
    QUESTION = "QUESTION"
    MARKET_NEWS = "MARKET_NEWS"


class FeedbackStage(StrEnum):
    """How far the company has taken the feedback."""

    SUBMITTED = "SUBMITTED"
    REVIEWED = "REVIEWED"
    ADOPTED = "ADOPTED"
    IMPLEMENTED = "IMPLEMENTED"
    REJECTED = "REJECTED"


class Reward(StrEnum):
    """A reward for sharing knowledge."""

    OFFERED = "OFFERED"
    REDEEMED = "REDEEMED"


class Touchpoint(msgspec.Struct, frozen=True, gc=False):
    """
    The head that all touchpoint events share.

    ``source`` and ``event_id`` together name an event; a producer that sends it again keeps both.
    """

    # Not keyword-only, for the codec: msgspec matches keywords in quadratic time, and an event is
    # made in 1.2 µs instead of 2.3 µs with the head given by position.

    event_id: str
    source: str
    customer_id: str
    occurred_at: int
    recorded_at: int
    channel: Channel = Channel.OTHER
    initiated_by: Initiator = Initiator.CUSTOMER
    purpose: Purpose = Purpose.OTHER
    employee_id: str | None = None
    referred_by: str | None = None
    topics: tuple[str, ...] = ()
    correlation_id: str | None = None
    consent: dict[str, bool] = {}

    @property
    def occurred_s(self) -> int:
        """Event time in whole seconds since the Unix epoch."""
        return self.occurred_at // MICROS


class Call(Touchpoint, frozen=True, kw_only=True, gc=False):
    """A telephone or voice contact; ``satisfaction`` is 1 (worst) to 5."""

    direction: Direction
    outcome: CallOutcome
    wait_s: float = 0.0
    duration_s: float = 0.0
    resolved_first_contact: bool | None = None
    satisfaction: int | None = None
    reason: str = ""
    note: str | None = None
    note_usable: bool | None = None


class Ticket(Touchpoint, frozen=True, kw_only=True, gc=False):
    """One step of a service ticket."""

    ticket_id: str
    action: TicketAction
    category: str = ""
    product: str | None = None
    severity: Severity = Severity.NORMAL
    text: str | None = None
    knowledge_article_id: str | None = None
    resolved_by: Resolver | None = None


class PurchaseLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of an order; ``amount`` is the line's total in minor units."""

    sku: str
    category: str
    quantity: int
    amount: int


class Purchase(Touchpoint, frozen=True, kw_only=True, gc=False):
    """An order or a refund; ``amount`` and ``cost`` are >= 0 in minor units, also for refunds."""

    order_id: str
    kind: PurchaseKind
    currency: str
    amount: int
    cost: int = 0
    lines: tuple[PurchaseLine, ...] = ()
    campaign_id: str | None = None
    response: CampaignResponse | None = None


class Feedback(Touchpoint, frozen=True, kw_only=True, gc=False):
    """
    Knowledge that the customer gave, or a later stage of it.

    ``rating`` lies in 0..``rating_scale``; ``novelty`` and ``benefit`` lie in 0..1.
    """

    feedback_id: str
    kind: FeedbackKind
    rating: float | None = None
    rating_scale: float | None = None
    text: str | None = None
    product: str | None = None
    stage: FeedbackStage = FeedbackStage.SUBMITTED
    benefit: float | None = None
    novelty: float | None = None
    reward: Reward | None = None
    survey_response: str | None = None


class ReferralKind(StrEnum):
    """What came of a referral."""

    CONTACT = "CONTACT"
    ORDER = "ORDER"
    REFUND = "REFUND"


class Referral(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    What a referred customer did, told to the referrer (``customer_id``).

    ``margin`` is the margin of the purchase in minor units (>= 0; a refund takes it away again).
    """

    event_id: str
    source: str
    customer_id: str
    occurred_at: int
    recorded_at: int
    referred_customer_id: str
    kind: ReferralKind
    margin: int = 0

    @property
    def occurred_s(self) -> int:
        """Event time in whole seconds since the Unix epoch."""
        return self.occurred_at // MICROS


class TextReading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    What was read in words of the customer's, by ``ckm texts``; ``source`` is the words' own.

    ``sentiment`` lies in -1000..1000, thousandths, 0 if nothing is known of it. ``topics`` are
    names of the topic dictionary.
    """

    event_id: str
    source: str
    customer_id: str
    occurred_at: int
    recorded_at: int
    sentiment: int = 0
    topics: tuple[str, ...] = ()

    @property
    def occurred_s(self) -> int:
        """Event time in whole seconds since the Unix epoch."""
        return self.occurred_at // MICROS


class EmployeeContact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A contact that an employee handled; ``note_usable`` says whether knowledge was captured."""

    event_id: str
    source: str
    employee_id: str
    occurred_at: int
    recorded_at: int
    note_usable: bool

    @property
    def occurred_s(self) -> int:
        """Event time in whole seconds since the Unix epoch."""
        return self.occurred_at // MICROS


#: What channels publish; the other events are made by the workers.
TouchpointEvent = Call | Ticket | Purchase | Feedback
ProfileEvent = TouchpointEvent | Referral | TextReading
Event = ProfileEvent | EmployeeContact
