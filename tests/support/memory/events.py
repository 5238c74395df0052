"""What is published in the crash tests: little, and some of everything that an event can cause."""

from typing import Any, Final

from ckm_stream.domain.events import CallOutcome, TouchpointEvent
from tests.support.touchpoints import DAY_S, T0_S, approach, call, feedback, order, refund, ticket

CUSTOMERS: Final = ("c-1", "c-2", "c-3")
#: Key and value of what is no event.
BAD: Final = ((b"c-1", None), (b"c-2", b""), (None, b"\x00\x00"), (b"c-3", b"\x00" * 9))
#: How many kinds of events there are.
KINDS: Final = 8


def event_of(kind: int, customer: str, days: int, *, number: int) -> TouchpointEvent:
    """
    Make the *number*-th event, of one of the kinds, *days* before or after the middle of time.

    They change classes, give knowledge items, and concern employees and referrers.
    """
    at: Any = (f"x{number}", T0_S + days * DAY_S + number)
    who: dict[str, Any] = {"customer_id": customer}
    handled = who | {"employee_id": f"e-{1 + number % 2}"}
    referred = handled | {"referred_by": f"c-{1 + number % 3}"}
    large = who | {"amount": 200_000, "cost": 10_000}
    return (
        lambda: order(*at, **referred),
        lambda: order(*at, **large),
        lambda: refund(*at, **large),
        lambda: call(*at, **handled, note="it broke", note_usable=True),
        lambda: approach(CallOutcome.DECLINED, *at, **who),
        lambda: feedback(*at, **referred),
        lambda: ticket(*at, **handled, text="it broke"),
        lambda: feedback(*at, **who, rating=0.0, rating_scale=5.0, text=None, novelty=None),
    )[kind]()
