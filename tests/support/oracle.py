"""
The oracle: one process reads all source topics and replays them through the pure core.

It shares the codec and the domain with the service, and no line of its streaming, pipeline or
store code: no units, lanes, offsets skipped, tables or transactions.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.layouts import DEFAULT_LAYOUT
from ckm_stream.codec.state import encode_employee, encode_state
from ckm_stream.codec.topics import Source
from ckm_stream.domain.checks import check_event
from ckm_stream.domain.employee import EmployeeState, apply_employee_event
from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.events import EmployeeContact, Event, ProfileEvent
from ckm_stream.domain.forwarding import forward
from ckm_stream.domain.knowledge import KnowledgeItem, extract_items
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.domain.score import Score
from ckm_stream.domain.scoring import score_profile
from ckm_stream.errors import RejectedRecord


@dataclass(frozen=True, slots=True)
class Applied:
    """One event that was neither rejected nor a duplicate, and where it came from."""

    source: Source
    offset: int
    event: Event


@dataclass(slots=True)
class Truth:
    """What must have come out, once each."""

    profiles: dict[str, ProfileState] = field(default_factory=dict)
    employees: dict[str, EmployeeState] = field(default_factory=dict)
    history: dict[str, list[Applied]] = field(default_factory=dict)
    last_offsets: dict[str, dict[Source, int]] = field(default_factory=dict)
    items: dict[str, KnowledgeItem] = field(default_factory=dict)
    forwarded: set[tuple[str, str]] = field(default_factory=set)
    rejected: Counter[tuple[bytes | None, bytes | None]] = field(default_factory=Counter)
    consumed: int = 0
    duplicates: int = 0

    @property
    def applied(self) -> int:
        """Events that changed a profile or an employee."""
        return sum(len(events) for events in self.history.values())


class Oracle:
    """Replays records in any interleaving of the partitions' own orders."""

    def __init__(
        self,
        codec: EventCodec,
        policy: Policy,
        announced: Iterable[Epoch] = (),
        *,
        layout: int = DEFAULT_LAYOUT,
    ) -> None:
        self._codec = codec
        self.policy = policy
        #: The layout that holds what states are compared by.
        self._layout = layout
        self._epochs = [epoch_zero(policy), *announced]
        self.truth = Truth()
        self._sent: set[tuple[Source, str, str, str]] = set()

    def feed(self, source: Source, records: Iterable[Any]) -> None:
        """Replay the records of one partition of one source topic, in offset order."""
        for record in records:
            self.truth.consumed += 1
            try:
                event = self._codec.decode(source, record.key, record.value)
                check_event(event, record_timestamp_ms=record.timestamp, policy=self.policy)
            except RejectedRecord:
                self.truth.rejected[record.key, record.value] += 1
                continue
            key = record.key.decode()
            applied = self._is_sent_first(source, key, event) and (
                self._apply_contact(key, event)
                if isinstance(event, EmployeeContact)
                else self._apply_event(key, event)
            )
            self.truth.last_offsets.setdefault(key, {})[source] = record.offset
            if applied:
                self.truth.history.setdefault(key, []).append(Applied(source, record.offset, event))
            else:
                self.truth.duplicates += 1

    def epoch_at(self, as_of_s: int) -> Epoch:
        """Return the epoch in force: of those that have begun, the one that began last."""
        begun = [each for each in self._epochs if each.effective_from_s <= as_of_s]
        return max(begun, key=lambda each: (each.effective_from_s, each.epoch_id))

    def event_id(self, source: Source, record: Any) -> str:
        """Return the id of a valid event."""
        return self._codec.decode(source, record.key, record.value).event_id

    def score(self, state: ProfileState) -> Score:
        """Score a profile as of its newest event."""
        as_of_s = state.last_occurred_at // 1_000_000
        return score_profile(
            state.facts, as_of_s=as_of_s, epoch=self.epoch_at(as_of_s), policy=self.policy
        )

    def substance(self, state: ProfileState) -> bytes:
        """Return facts and seen ids as bytes: what must be equal whatever the delivery was."""
        bare = ProfileState(
            facts=state.facts, seen=state.seen, delivery=ProfileState.empty(0).delivery
        )
        return encode_state(bare, self.policy, layout=self._layout)

    def employee_substance(self, state: EmployeeState) -> bytes:
        """Return an employee's state as bytes, without its delivery part."""
        kept = state.delivery
        state.delivery = EmployeeState.empty(0).delivery
        try:
            return encode_employee(state, self.policy)
        finally:
            state.delivery = kept

    def _is_sent_first(self, source: Source, key: str, event: Event) -> bool:
        """Forwarded events count once, however often a kill made them be sent."""
        if source not in (Source.REFERRAL, Source.EMPLOYEE):
            return True
        sent = (source, key, event.source, event.event_id)
        is_first = sent not in self._sent
        self._sent.add(sent)
        return is_first

    def _apply_event(self, key: str, event: ProfileEvent) -> bool:
        state = self.truth.profiles.setdefault(key, ProfileState.empty(0))
        if not apply_event(state, event, self.policy):
            return False
        for item in extract_items(event):
            self.truth.items[item.item_id] = item
        for other in forward(event, policy=self.policy):
            owner = other.employee_id if isinstance(other, EmployeeContact) else other.customer_id
            self.truth.forwarded.add((owner, other.event_id))
        return True

    def _apply_contact(self, key: str, event: EmployeeContact) -> bool:
        state = self.truth.employees.setdefault(key, EmployeeState.empty(0))
        return apply_employee_event(state, event, self.policy)
