"""
CloudEvents 1.0 attributes of a touchpoint event, as Kafka headers in binary mode.

For tools between channels and this service; our own readers do not need them. ``ce_subject`` is
left out: it would be the customer, whom the key names already.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from ckm_stream.codec.events import source_of
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import TouchpointEvent

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Source of each type that an event may be sent as.
CLOUD_EVENT_TYPES: Final = {
    "org.ckm.touchpoint.call.v1": Source.CALL,
    "org.ckm.touchpoint.ticket.v1": Source.TICKET,
    "org.ckm.touchpoint.purchase.v1": Source.PURCHASE,
    "org.ckm.touchpoint.feedback.v1": Source.FEEDBACK,
}
_HEADERS: Final = {source: name.encode() for name, source in CLOUD_EVENT_TYPES.items()}


def cloud_event_headers(event: TouchpointEvent) -> list[tuple[str, bytes]]:
    """
    Return the headers of *event*, which has passed ``check_event``.

    The system that published it becomes the ``ce_source``, percent-encoded to a URI reference;
    together with ``ce_id`` it names the event, as CloudEvents asks for.
    """
    occurred = (_EPOCH + timedelta(microseconds=event.occurred_at)).isoformat()
    return [
        ("content-type", b"application/avro"),
        ("ce_specversion", b"1.0"),
        ("ce_type", _HEADERS[source_of(event)]),
        ("ce_source", quote(event.source).encode()),
        ("ce_id", event.event_id.encode()),
        ("ce_time", occurred.replace("+00:00", "Z").encode()),
    ]
