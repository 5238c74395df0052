"""
An employee's state: contacts handled and usable notes captured, the source of A3.

The employee table's rates enter scores only through an epoch, by bin, so no employee's contact
changes a customer's score in between.
"""

from typing import Final, Self

import msgspec

from ckm_stream.domain import seen
from ckm_stream.domain.decay import beta_mean
from ckm_stream.domain.events import MICROS, EmployeeContact
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import Delivery

_MOTIVATION: Final = 10


class EmployeeState(msgspec.Struct):
    """
    All that is kept of one employee.

    ``handled`` and ``noted`` are DecayedSums with the half-life of A3; ``last_at`` is the newest
    event's time in microseconds, -1 before any. ``delivery`` has one source.
    """

    handled: int
    noted: int
    last_at: int
    seen: bytes
    delivery: Delivery

    @classmethod
    def empty(cls, partition: int) -> Self:
        """Return the state of an employee before any contact."""
        return cls(handled=0, noted=0, last_at=-1, seen=b"", delivery=Delivery.empty(partition, 1))

    @property
    def last_occurred_at(self) -> int:
        """Microseconds of the newest event; -1 before any."""
        return self.last_at


def apply_employee_event(state: EmployeeState, event: EmployeeContact, policy: Policy) -> bool:
    """
    Fold a contact in, unless its id is among those seen; delivery is not touched.

    Returns:
        False, and nothing has changed, if the event is a duplicate.

    Raises:
        ValueError: If the event lies before the landmark.
    """
    digest = seen.digest_of(event.source, event.event_id)
    if seen.is_seen(state.seen, digest):
        return False
    weight = policy.weights(event.occurred_s)[_MOTIVATION]
    state.handled += weight
    if event.note_usable:
        state.noted += weight
    state.last_at = max(state.last_at, event.occurred_at)
    age_micros = event.occurred_at - policy.landmark_s * MICROS
    state.seen = seen.insert(state.seen, age_micros, digest, policy.seen_capacity)
    return True


def decayed_contacts(state: EmployeeState, *, as_of_s: int, policy: Policy) -> tuple[float, float]:
    """Return the contacts handled and the usable notes among them, at their weight as of then."""
    damping = policy.dampings(as_of_s)[_MOTIVATION]
    return state.handled * damping, state.noted * damping


def note_rate(state: EmployeeState, *, as_of_s: int, policy: Policy) -> float:
    """Return the usable notes per contact handled as of an instant, shrunk to the prior."""
    handled, noted = decayed_contacts(state, as_of_s=as_of_s, policy=policy)
    prior = policy.priors.employee_motivation
    return beta_mean(noted, handled - noted, prior.a, prior.b)
