"""
How the events of one kind of key become state and outputs: what differs between the two tables.

Nothing here knows Kafka offsets or durability; that is the unit's and the committer's business.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.layouts import DEFAULT_LAYOUT
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.state import decode_employee, decode_state, encode_employee, encode_state
from ckm_stream.codec.topics import Source, Topics
from ckm_stream.domain.employee import EmployeeState, apply_employee_event
from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.events import MICROS, EmployeeContact, Event
from ckm_stream.domain.forwarding import forward
from ckm_stream.domain.knowledge import extract_items
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import Delivery, ProfileState, apply_event
from ckm_stream.domain.score import Score, ScoreUpdate, SourceClass, UpdateReason
from ckm_stream.domain.scoring import Readings, explain, read_profile, score_profile
from ckm_stream.errors import InvariantError
from ckm_stream.pipeline.records import Effects, OutputRecord

PROFILES = "profiles"
EMPLOYEES = "employees"


class State(Protocol):
    """What a unit must know of a state: how far each source has been applied to it."""

    delivery: Delivery


S = TypeVar("S", bound=State)


class Fold(Protocol[S]):
    """The rules of one table."""

    table: str

    def slot(self, source: Source) -> int:
        """Return the place of *source* in ``delivery.applied``."""

    def load(self, data: bytes | None, partition: int) -> S:
        """Decode a stored state, or make the empty one."""

    def apply(self, state: S, event: Event, effects: Effects) -> bool:
        """Fold *event* in, and add what it causes elsewhere; False if its id was seen."""

    def seal(self, key: bytes, state: S, effects: Effects, *, last: str | None) -> bytes:
        """Score and announce if this table has scores and it is due, and encode the state."""

    def announce_again(self, key: bytes, state: S, effects: Effects) -> None:
        """Add the last announcement once more, the same to the byte."""

    def announce_change(self, key: bytes, state: S, at_s: int, effects: Effects) -> bool:
        """Announce the class as of a Unix second, if time alone has changed it; else False."""


def reason_of(as_of: int, newest: int, epoch: Epoch) -> UpdateReason:
    """Tell why a score as of *as_of* is announced of a state with this *newest* event, in µs."""
    if as_of <= newest:
        return UpdateReason.EVENT
    if as_of == epoch.effective_from_s * MICROS:
        return UpdateReason.EPOCH
    return UpdateReason.DECAY


class ProfileFold:
    """Customers: profile, score, knowledge items, and what concerns other keys."""

    table = PROFILES

    def __init__(  # noqa: PLR0913 -- what the rules are made of, each by its name
        self,
        *,
        topics: Topics,
        events: EventCodec,
        outputs: OutputCodec,
        policy: Policy,
        epoch_at: Callable[[int], Epoch],
        layout: int = DEFAULT_LAYOUT,
    ) -> None:
        self._topics = topics
        self._events = events
        self._outputs = outputs
        self._policy = policy
        self._epoch_at = epoch_at
        self._layout = layout

    def slot(self, source: Source) -> int:
        """Return the source's own number: all but the employees' are a profile's."""
        return source.value

    def load(self, data: bytes | None, partition: int) -> ProfileState:
        """Decode a stored profile, or make the empty one."""
        if data is None:
            return ProfileState.empty(partition)
        return decode_state(data, self._policy)

    def apply(self, state: ProfileState, event: Event, effects: Effects) -> bool:
        """Fold *event* into the profile; add its knowledge items and forwarded events."""
        if isinstance(event, EmployeeContact):
            raise InvariantError("an employee's contact reached the profile table")
        if not apply_event(state, event, self._policy):
            return False
        state.delivery.version += 1
        self._cause(event, effects)
        return True

    def _cause(self, event: Event, effects: Effects) -> None:
        # Whatever the state is: so a unit that is done again causes the same, under the same ids.
        for item in extract_items(event):
            effects.items.append(
                OutputRecord(
                    self._topics.knowledge_item,
                    effects.partition,
                    item.customer_id.encode(),
                    self._outputs.encode_item(item),
                )
            )
        for other in forward(event, policy=self._policy):
            topic, key = self._events.address(other)
            effects.forwarded.append(OutputRecord(topic, None, key, self._events.encode(other)))

    def seal(self, key: bytes, state: ProfileState, effects: Effects, *, last: str | None) -> bytes:
        """
        Score as of the newest event, announce the score if it moved, encode the profile.

        *last* is the id of the event applied last; None if nothing but offsets has changed.
        """
        if last is not None:
            score, readings = self._score(state, state.last_occurred_at // MICROS)
            if self._is_due(state.delivery, score):
                state.delivery.announced_event_id = last
                self._note_announced(state.delivery, score, state.last_occurred_at)
                self._announce(key, state, score, readings, effects)
        return encode_state(state, self._policy, layout=self._layout)

    def announce_again(self, key: bytes, state: ProfileState, effects: Effects) -> None:
        """Add the update that the state was announced with last."""
        as_of = state.delivery.announced_as_of
        assert as_of is not None  # noqa: S101 -- it was announced
        self._announce(key, state, *self._score(state, as_of // MICROS), effects)

    def first_s(self, state: ProfileState) -> int:
        """Return the Unix second of the first event."""
        return state.facts.first_s

    def newest_s(self, state: ProfileState) -> int:
        """Return the Unix second of the newest event."""
        return state.last_occurred_at // MICROS

    def announced(self, state: ProfileState) -> tuple[SourceClass, int] | None:
        """Return the class announced last and the second that it is as of; None before any."""
        delivery = state.delivery
        if delivery.announced_class is None or delivery.announced_as_of is None:
            return None
        return delivery.announced_class, delivery.announced_as_of // MICROS

    def class_at(self, state: ProfileState, at_s: int) -> SourceClass:
        """Return the class as of a Unix second that is not before the newest event."""
        return self._score(state, at_s)[0].source_class

    def announce_change(self, key: bytes, state: ProfileState, at_s: int, effects: Effects) -> bool:
        """
        Announce the class as of a Unix second, if it has changed by silence or a new epoch.

        Returns:
            False, and nothing has changed, if there is no such change (any more).
        """
        announced = self.announced(state)
        if announced is None or at_s <= max(announced[1], self.newest_s(state)):
            return False
        score, readings = self._score(state, at_s)
        if score.source_class is announced[0]:
            return False
        self._note_announced(state.delivery, score, at_s * MICROS)
        self._announce(key, state, score, readings, effects)
        return True

    @staticmethod
    def _note_announced(delivery: Delivery, score: Score, as_of: int) -> None:
        delivery.announced_previous = delivery.announced_class
        delivery.announced_class = score.source_class
        delivery.announced_total = score.total
        delivery.announced_as_of = as_of
        delivery.announced_version = delivery.version
        delivery.announced_epoch = score.epoch_id

    def _score(self, state: ProfileState, as_of_s: int) -> tuple[Score, Readings]:
        facts, policy = state.facts, self._policy
        epoch = self._epoch_at(as_of_s)
        readings = read_profile(facts, as_of_s=as_of_s, epoch=epoch, policy=policy)
        score = score_profile(facts, as_of_s=as_of_s, epoch=epoch, policy=policy, readings=readings)
        return score, readings

    def _announce(
        self, key: bytes, state: ProfileState, score: Score, readings: Readings, effects: Effects
    ) -> None:
        delivery, as_of = state.delivery, state.delivery.announced_as_of
        assert as_of is not None  # noqa: S101 -- the caller has noted it
        epoch = self._epoch_at(score.as_of_s)
        explanation = explain(
            state.facts,
            as_of_s=score.as_of_s,
            epoch=epoch,
            policy=self._policy,
            readings=readings,
        )
        update = ScoreUpdate(
            customer_id=key.decode(),
            version=delivery.announced_version,
            as_of=as_of,
            reason=reason_of(as_of, state.last_occurred_at, epoch),
            score=score,
            previous_class=delivery.announced_previous,
            reference_total=explanation.reference_total,
            factors=explanation.factors,
            event_id=delivery.announced_event_id,
        )
        effects.updates.append(
            OutputRecord(
                self._topics.score_updated,
                effects.partition,
                key,
                self._outputs.encode_score_update(update),
            )
        )

    def _is_due(self, delivery: Delivery, score: Score) -> bool:
        announced = delivery.announced_total
        return (
            announced is None
            or delivery.announced_class is not score.source_class
            or abs(score.total - announced) >= self._policy.epsilon
        )


class EmployeeFold:
    """Employees: contacts handled and usable notes captured."""

    table = EMPLOYEES

    def __init__(self, *, policy: Policy, layout: int = DEFAULT_LAYOUT) -> None:
        self._policy = policy
        self._layout = layout

    def slot(self, source: Source) -> int:  # noqa: ARG002 -- employees have one source
        """Return 0, the only one."""
        return 0

    def load(self, data: bytes | None, partition: int) -> EmployeeState:
        """Decode a stored employee state, or make the empty one."""
        if data is None:
            return EmployeeState.empty(partition)
        return decode_employee(data, self._policy)

    def apply(self, state: EmployeeState, event: Event, effects: Effects) -> bool:  # noqa: ARG002 -- an employee's contact causes nothing elsewhere
        """Fold one handled contact in."""
        if not isinstance(event, EmployeeContact):
            raise InvariantError("a customer's event reached the employee table")
        if not apply_employee_event(state, event, self._policy):
            return False
        state.delivery.version += 1
        return True

    def seal(
        self,
        key: bytes,  # noqa: ARG002 -- employees are not scored
        state: EmployeeState,
        effects: Effects,  # noqa: ARG002 -- likewise
        *,
        last: str | None,  # noqa: ARG002 -- likewise
    ) -> bytes:
        """Encode the employee's state."""
        return encode_employee(state, self._policy, layout=self._layout)

    def announce_again(self, key: bytes, state: EmployeeState, effects: Effects) -> None:
        """Do nothing: employees are not scored."""

    def announce_change(
        self,
        key: bytes,  # noqa: ARG002 -- employees are not scored
        state: EmployeeState,  # noqa: ARG002 -- likewise
        at_s: int,  # noqa: ARG002 -- likewise
        effects: Effects,  # noqa: ARG002 -- likewise
    ) -> bool:
        """Return False: employees have no class."""
        return False
