"""
Where each plain counter of a customer lives in ``Facts.counts``.

They never decay and feed no number of a score: they are what the profile's sections say, and what
class and engagement ask. The order is part of the state's layout: append, never reorder.
"""

from typing import Final

from ckm_stream.domain.events import Call, Channel, Feedback, Purchase, Ticket, Touchpoint

#: Touchpoints by type and channel group: ``type * 4 + group``.
TOUCHPOINTS: Final = 0
TYPES: Final = ("call", "ticket", "purchase", "feedback")
CHANNEL_GROUPS: Final = ("voice", "digital", "in_person", "other")

ORDERS: Final = 16
REFUNDS: Final = 17
REFUND_AMOUNT: Final = 18
REFERRALS: Final = 19

# For the customer: what the company gave.
ANSWERS: Final = 20
ARTICLES: Final = 21
REWARDS: Final = 22

# From the customer: items of knowledge, and what became of them.
EXPLICIT: Final = 23
TACIT: Final = 24
EXTERNALISED: Final = 25
ADOPTED: Final = 26
REJECTED: Final = 27

# Events of the source "simulated": whoever shows a profile that has any must say so.
SIMULATED: Final = 28

COUNT: Final = 29

_GROUP: Final = {
    Channel.PHONE: 0,
    Channel.SMS: 1,
    Channel.MOBILE_WEB: 1,
    Channel.WEB: 1,
    Channel.APP: 1,
    Channel.EMAIL: 1,
    Channel.CHAT: 1,
    Channel.SOCIAL: 1,
    Channel.KIOSK: 2,
    Channel.STORE: 2,
    Channel.FIELD_SERVICE: 2,
    Channel.PARTNER: 3,
    Channel.OTHER: 3,
}
_TYPE: Final[dict[type[Touchpoint], int]] = {Call: 0, Ticket: 4, Purchase: 8, Feedback: 12}


def is_refuted(counts: list[int]) -> bool:
    """
    Say whether what a customer told was rejected at all, and no less often than adopted.

    Counted, where credibility is decayed and shrunk: of few verdicts, the newest would outweigh
    the others, and before any the prior would speak for a liar.
    """
    return counts[REJECTED] > 0 and counts[ADOPTED] <= counts[REJECTED]


def source_bin(event: Touchpoint) -> int:
    """Return the bin, 0..15, of the event's type and channel group."""
    return _TYPE[type(event)] + _GROUP[event.channel]
