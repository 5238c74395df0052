"""
Events and their bytes: a Confluent frame around an Avro body, keyed by whom the event is about.

Any bytes at all give an event or a ``RejectedRecord`` with its reason, in work that the size of
the value bounds (promise P6). Whether the values make sense is ``domain.checks``' business.
"""

from typing import Final

from ckm_stream.codec.catalogue import SchemaSource
from ckm_stream.codec.framing import frame
from ckm_stream.codec.subjects import SubjectReader
from ckm_stream.codec.topics import SOURCE_TOPICS, Source, Topics, subject_of
from ckm_stream.codec.writing import WRITING_ERRORS, compile_writer
from ckm_stream.domain import events
from ckm_stream.domain.events import (
    Call,
    EmployeeContact,
    Event,
    Feedback,
    Purchase,
    PurchaseLine,
    Referral,
    TextReading,
    Ticket,
)
from ckm_stream.errors import Reason, RejectedRecord

#: Longer values are rejected unread; Kafka's own default limit for a record.
MAX_VALUE_BYTES: Final = 1 << 20

EVENT_TYPES: Final[dict[Source, type[Event]]] = {
    Source.CALL: Call,
    Source.TICKET: Ticket,
    Source.PURCHASE: Purchase,
    Source.FEEDBACK: Feedback,
    Source.REFERRAL: Referral,
    Source.TEXT: TextReading,
    Source.EMPLOYEE: EmployeeContact,
}
_SOURCES: Final = {event_type: source for source, event_type in EVENT_TYPES.items()}

#: What becomes of the Avro types in ``org.ckm``.
_TYPES: Final[dict[str, type]] = {
    "org.ckm.TouchpointCall": Call,
    "org.ckm.TouchpointTicket": Ticket,
    "org.ckm.TouchpointPurchase": Purchase,
    "org.ckm.TouchpointFeedback": Feedback,
    "org.ckm.PurchaseLine": PurchaseLine,
    "org.ckm.Referral": Referral,
    "org.ckm.TextReading": TextReading,
    "org.ckm.EmployeeContact": EmployeeContact,
} | {
    f"org.ckm.{enum.__name__}": enum
    for enum in (
        events.Channel,
        events.Initiator,
        events.Purpose,
        events.Direction,
        events.CallOutcome,
        events.TicketAction,
        events.Severity,
        events.Resolver,
        events.PurchaseKind,
        events.CampaignResponse,
        events.FeedbackKind,
        events.FeedbackStage,
        events.Reward,
        events.ReferralKind,
    )
}


def source_of(event: Event) -> Source:
    """Return the source that carries events of this type."""
    return _SOURCES[type(event)]


def key_of(event: Event) -> str:
    """Return whom the event is about: the customer, or the employee."""
    return event.employee_id if isinstance(event, EmployeeContact) else event.customer_id


class EventCodec:
    """
    Decodes and encodes events.

    Args:
        schemas: The catalogue, or a registry.
        topics: Physical topic names for ``address``; without a prefix if not given.
        max_value_bytes: Longer values are rejected unread.

    Raises:
        ConfigurationError: If the catalogue lacks a subject.
    """

    def __init__(
        self,
        schemas: SchemaSource,
        topics: Topics | None = None,
        *,
        max_value_bytes: int = MAX_VALUE_BYTES,
    ) -> None:
        self._schemas = schemas
        self.max_value_bytes = max_value_bytes
        topics = Topics() if topics is None else topics
        self._topics = [topics.of(source) for source in Source]
        subjects = [subject_of(SOURCE_TOPICS[source]) for source in Source]
        self._subjects = [
            SubjectReader(schemas, subject, _TYPES, max_bytes=max_value_bytes)
            for subject in subjects
        ]
        self._readers = [subject.read for subject in self._subjects]
        self._writers = [
            compile_writer(schemas.catalogue.newest(subject).schema) for subject in subjects
        ]
        self._heads: dict[Source, bytes] = {}

    def decode(self, source: Source, key: bytes | None, value: bytes | None) -> Event:
        """
        Return the event that a record of *source* holds.

        Raises:
            RejectedRecord: If the value is not an event of this source, or the key is not whom
                it is about.
            TransientError: If a registry cannot be asked for a schema id not seen before.
        """
        event: Event = self._readers[source](value)
        about = event.employee_id if isinstance(event, EmployeeContact) else event.customer_id
        if key is None or key != about.encode():
            raise RejectedRecord(Reason.KEY_MISMATCH, _key_problem(key, source))
        return event

    def encode(self, event: Event) -> bytes:
        """
        Return the framed value of *event*.

        Raises:
            RejectedRecord: If a field is not of its type or does not fit it (``UNDECODABLE``).
            ConfigurationError: If the registry does not have today's schema.
            TransientError: If a registry cannot be asked.
        """
        source = _SOURCES[type(event)]
        head = self.head(source)
        try:
            return self._writers[source](event, head)
        except WRITING_ERRORS as error:
            raise RejectedRecord(
                Reason.UNDECODABLE,
                f"{type(event).__name__} does not fit its Avro schema ({type(error).__name__}: "
                f"{_without_values(error)})",
            ) from None

    def address(self, event: Event) -> tuple[str, bytes]:
        """
        Return the physical topic and the key that *event* is to be published with.

        Raises:
            RejectedRecord: If whom it is about is not text that UTF-8 can hold (``UNDECODABLE``).
        """
        try:
            return self._topics[_SOURCES[type(event)]], key_of(event).encode()
        except (AttributeError, UnicodeEncodeError):
            raise RejectedRecord(
                Reason.UNDECODABLE, f"the key of a {type(event).__name__} is not valid text"
            ) from None

    def head(self, source: Source) -> bytes:
        """
        Return the frame's head of what ``encode`` writes for *source*.

        Raises:
            ConfigurationError: If the registry does not have today's schema.
            TransientError: If a registry cannot be asked.
        """
        head = self._heads.get(source)
        if head is None:
            schema_id = self._schemas.writing_id(subject_of(SOURCE_TOPICS[source]))
            head = self._heads[source] = frame(schema_id, b"")
        return head

    def is_newest(self, source: Source, head: bytes) -> bool:
        """
        Say whether values of *source* with this frame's head are bodies of the newest schema.

        Raises:
            RejectedRecord: If they cannot be read at all.
            TransientError: If a registry cannot be asked for a schema id not seen before.
        """
        return self._subjects[source].is_newest(head)


def _without_values(error: Exception) -> str:
    # A KeyError or a UnicodeEncodeError quotes the value; the others name types and limits.
    quotes = isinstance(error, KeyError | UnicodeError)
    return "not one of the schema's values" if quotes else str(error)


def _key_problem(key: bytes | None, source: Source) -> str:
    if key is None:
        return "key is missing"
    name = "employee_id" if source is Source.EMPLOYEE else "customer_id"
    return f"key of {len(key)} bytes is not the event's {name}"
