"""
A customer's state: facts, the ids seen lately, and how far delivery has come.

Facts and seen depend only on which events were applied; delivery also on the topics' offsets.
"""

from typing import Final, Self

import msgspec

from ckm_stream.domain import seen
from ckm_stream.domain.events import MICROS, ProfileEvent
from ckm_stream.domain.facts import Facts, add_event
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import SourceClass

#: The source topics of a profile: call, ticket, purchase, feedback, referral, text.
SOURCES: Final = 6
NOT_APPLIED: Final = -1


class Delivery(msgspec.Struct, array_like=True):
    """
    How far a state's delivery has come.

    ``applied`` holds, for each source topic, the offset applied last, -1 if none, in the order
    call, ticket, purchase, feedback, referral, text. ``version`` counts the events applied. What
    was announced last is None before the first update. ``origins`` holds the greatest offset that
    was forwarded to here by each partition of each topic, which the pipeline numbers. Parts are
    only ever added at the end, each with a default: the layouts before do not have them.
    """

    version: int
    partition: int
    applied: list[int]
    announced_class: SourceClass | None = None
    announced_total: float | None = None
    announced_as_of: int | None = None
    announced_version: int = 0
    announced_previous: SourceClass | None = None
    announced_event_id: str = ""
    origins: dict[int, int] = {}
    announced_epoch: int = 0

    @classmethod
    def empty(cls, partition: int, sources: int = SOURCES) -> Self:
        """Return the delivery of a state that no event has reached."""
        return cls(version=0, partition=partition, applied=[NOT_APPLIED] * sources)


class ProfileState(msgspec.Struct):
    """All that is kept of one customer."""

    facts: Facts
    seen: bytes
    delivery: Delivery

    @classmethod
    def empty(cls, partition: int) -> Self:
        """Return the state of a customer before any event."""
        return cls(facts=Facts.empty(), seen=b"", delivery=Delivery.empty(partition))

    @property
    def last_occurred_at(self) -> int:
        """Microseconds of the newest event; -1 before any."""
        return self.facts.last_at


def apply_event(state: ProfileState, event: ProfileEvent, policy: Policy) -> bool:
    """
    Fold *event* into the state, unless its id is among those seen; delivery is not touched.

    Returns:
        False, and nothing has changed, if the event is a duplicate.

    Raises:
        ValueError: If the event lies before the landmark; ``check_event`` refuses it earlier.
    """
    digest = seen.digest_of(event.source, event.event_id)
    if seen.is_seen(state.seen, digest):
        return False
    add_event(state.facts, event, policy)
    age_micros = event.occurred_at - policy.landmark_s * MICROS
    state.seen = seen.insert(state.seen, age_micros, digest, policy.seen_capacity)
    return True
