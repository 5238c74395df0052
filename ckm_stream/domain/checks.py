"""
What an event must satisfy before it may touch a state; whatever fails goes to the dead letters.

Verdicts depend on the event, its record's timestamp and the policy only, so a replay decides
alike. Whatever passes can be folded, encoded and scored without an error.
"""

from collections.abc import Collection
from math import isfinite
from typing import Final

from ckm_stream.domain.events import (
    MICROS,
    Call,
    EmployeeContact,
    Event,
    Feedback,
    Purchase,
    Referral,
    TextReading,
    Ticket,
    Touchpoint,
)
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.slots import MILLE
from ckm_stream.errors import Reason, RejectedRecord

MAX_ID_CHARS: Final = 200
#: Ids of forwarded events are derived from an event's id by a suffix.
MAX_DERIVED_ID_CHARS: Final = 256
MAX_NAME_CHARS: Final = 500
MAX_TEXT_CHARS: Final = 100_000
MAX_TOPICS: Final = 100
MAX_SATISFACTION: Final = 5
MAX_LINES: Final = 10_000
_NUL: Final = "\x00"
#: 2^53: amounts are exact in JSON and in floating point alike.
MAX_AMOUNT: Final = 1 << 53


def check_event(event: Event, *, record_timestamp_ms: int, policy: Policy) -> None:
    """
    Refuse an event that may not be applied.

    Args:
        event: Decoded, so its fields have their types.
        record_timestamp_ms: Of the record that carries it, Unix milliseconds; -1 if it has none,
            and then the event's own ``recorded_at`` is trusted instead.
        policy: For the landmark, the horizon and the tolerance for the future.

    Raises:
        RejectedRecord: With the reason; the message names the field, never its content.
    """
    _check_time(event, record_timestamp_ms, policy)
    if isinstance(event, Touchpoint):
        _check_head(event)
        if isinstance(event, Purchase):
            _check_purchase(event)
        elif isinstance(event, Call):
            _check_call(event)
        elif isinstance(event, Feedback):
            _check_feedback(event)
        elif isinstance(event, Ticket):
            _check_ticket(event)
    elif isinstance(event, Referral):
        _check_id("event_id", event.event_id, MAX_DERIVED_ID_CHARS)
        _check_id("source", event.source)
        _check_id("customer_id", event.customer_id)
        _check_id("referred_customer_id", event.referred_customer_id)
        _check_amount("margin", event.margin)
    elif isinstance(event, TextReading):
        _check_id("event_id", event.event_id, MAX_DERIVED_ID_CHARS)
        _check_id("source", event.source)
        _check_id("customer_id", event.customer_id)
        if not -MILLE <= event.sentiment <= MILLE:
            raise RejectedRecord(Reason.OUT_OF_RANGE, f"sentiment must be within -{MILLE}..{MILLE}")
        _check_texts("topics", event.topics)
    elif isinstance(event, EmployeeContact):
        _check_id("event_id", event.event_id, MAX_DERIVED_ID_CHARS)
        _check_id("source", event.source)
        _check_id("employee_id", event.employee_id)


def _check_time(event: Event, record_timestamp_ms: int, policy: Policy) -> None:
    occurred_at = event.occurred_at
    if occurred_at < policy.landmark_s * MICROS:
        raise RejectedRecord(
            Reason.BEFORE_LANDMARK,
            "occurred_at lies before the landmark of this deployment (CKM__SCORING__LANDMARK_S)",
        )
    known_at = record_timestamp_ms * 1000 if record_timestamp_ms >= 0 else event.recorded_at
    if (
        occurred_at > known_at + policy.max_future_s * MICROS
        or occurred_at > (policy.landmark_s + policy.horizon_s) * MICROS
    ):
        raise RejectedRecord(
            Reason.IN_FUTURE, "occurred_at lies later than the record that reports it"
        )


def _check_head(event: Touchpoint) -> None:
    event_id, source, customer_id = event.event_id, event.source, event.customer_id
    # Nearly every event passes at once; the rest is looked at field by field, for its reason.
    if not (
        0 < len(event_id) <= MAX_ID_CHARS
        and 0 < len(source) <= MAX_ID_CHARS
        and 0 < len(customer_id) <= MAX_ID_CHARS
        and not (event_id.isspace() or source.isspace() or customer_id.isspace())
        and (all_ids := f"{event_id}{source}{customer_id}").isascii()
        and _NUL not in all_ids
    ):
        _check_id("event_id", event_id)
        _check_id("source", source)
        _check_id("customer_id", customer_id)
    if event.employee_id is not None:
        _check_id("employee_id", event.employee_id)
    if event.referred_by is not None:
        _check_id("referred_by", event.referred_by)
    if event.correlation_id is not None:
        _check_text("correlation_id", event.correlation_id, MAX_NAME_CHARS)
    if event.topics:
        _check_texts("topics", event.topics)
    if event.consent:
        _check_texts("consent", event.consent)


def _check_purchase(event: Purchase) -> None:
    _check_id("order_id", event.order_id)
    _check_text("currency", event.currency, MAX_NAME_CHARS)
    _check_amount("amount", event.amount)
    _check_amount("cost", event.cost)
    if event.campaign_id is not None:
        _check_text("campaign_id", event.campaign_id, MAX_NAME_CHARS)
    if event.lines:
        _check_count("lines", len(event.lines), MAX_LINES)
        for line in event.lines:
            _check_text("lines.sku", line.sku, MAX_NAME_CHARS)
            _check_text("lines.category", line.category, MAX_NAME_CHARS)
            _check_amount("lines.quantity", line.quantity)
            _check_amount("lines.amount", line.amount)


def _check_call(event: Call) -> None:
    _check_span("wait_s", event.wait_s)
    _check_span("duration_s", event.duration_s)
    if event.satisfaction is not None and not 1 <= event.satisfaction <= MAX_SATISFACTION:
        raise RejectedRecord(
            Reason.OUT_OF_RANGE, f"satisfaction must be within 1..{MAX_SATISFACTION}"
        )
    _check_text("reason", event.reason, MAX_NAME_CHARS)
    if event.note is not None:
        _check_text("note", event.note, MAX_TEXT_CHARS)


def _check_ticket(event: Ticket) -> None:
    _check_id("ticket_id", event.ticket_id)
    _check_text("category", event.category, MAX_NAME_CHARS)
    if event.product is not None:
        _check_text("product", event.product, MAX_NAME_CHARS)
    if event.text is not None:
        _check_text("text", event.text, MAX_TEXT_CHARS)
    if event.knowledge_article_id is not None:
        _check_text("knowledge_article_id", event.knowledge_article_id, MAX_NAME_CHARS)


def _check_feedback(event: Feedback) -> None:
    _check_id("feedback_id", event.feedback_id)
    if event.rating_scale is not None:
        _check_span("rating_scale", event.rating_scale)
        if event.rating_scale == 0.0:
            raise RejectedRecord(Reason.OUT_OF_RANGE, "rating_scale must be > 0")
    if event.rating is not None:
        _check_share("rating", event.rating, event.rating_scale or MAX_AMOUNT)
    if event.novelty is not None:
        _check_share("novelty", event.novelty, 1.0)
    if event.benefit is not None:
        _check_share("benefit", event.benefit, 1.0)
    if event.product is not None:
        _check_text("product", event.product, MAX_NAME_CHARS)
    if event.text is not None:
        _check_text("text", event.text, MAX_TEXT_CHARS)
    if event.survey_response is not None:
        _check_text("survey_response", event.survey_response, MAX_TEXT_CHARS)


def _check_id(name: str, value: str, most: int = MAX_ID_CHARS) -> None:
    if not value.strip():
        raise RejectedRecord(Reason.EMPTY_IDENTIFIER, f"{name} is empty")
    if _NUL in value:
        # PostgreSQL has no text with it. The store writes free words without it; of two ids that
        # differ by nothing else it would make one customer.
        raise RejectedRecord(Reason.NUL_CHARACTER, f"{name} contains U+0000")
    _check_text(name, value, most)


def _check_text(name: str, value: str, most: int) -> None:
    if len(value) > most:
        raise RejectedRecord(
            Reason.OUT_OF_RANGE, f"{name} has {len(value)} characters, at most {most} are taken"
        )
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            # A lone surrogate: JSON can spell it, UTF-8 and hence every store cannot.
            raise RejectedRecord(Reason.UNDECODABLE, f"{name} is not valid Unicode") from None


def _check_texts(name: str, values: Collection[str]) -> None:
    _check_count(name, len(values), MAX_TOPICS)
    for value in values:
        _check_text(name, value, MAX_NAME_CHARS)


def _check_count(name: str, count: int, most: int) -> None:
    if count > most:
        raise RejectedRecord(
            Reason.OUT_OF_RANGE, f"{name} has {count} entries, at most {most} are taken"
        )


def _check_amount(name: str, value: int) -> None:
    if value < 0:
        raise RejectedRecord(Reason.NEGATIVE, f"{name} is negative")
    if value > MAX_AMOUNT:
        raise RejectedRecord(Reason.OUT_OF_RANGE, f"{name} is above 2^53")


def _check_finite(name: str, value: float) -> None:
    if not isfinite(value):
        raise RejectedRecord(Reason.NOT_FINITE, f"{name} is not a finite number")


def _check_span(name: str, value: float) -> None:
    _check_finite(name, value)
    if value < 0:
        raise RejectedRecord(Reason.NEGATIVE, f"{name} is negative")


def _check_share(name: str, value: float, most: float) -> None:
    _check_finite(name, value)
    if not 0.0 <= value <= most:
        raise RejectedRecord(Reason.OUT_OF_RANGE, f"{name} must be within 0..{most:g}")
