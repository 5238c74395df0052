"""
The unit of work: slices of one partition, folded; its effects, ready to be written as one.

Steps 1 to 3 of the profile worker's protocol are here, and the content of steps 4 to 6; making
them durable in the right order is the committer's. A unit refuses to read a clock or to write:
the same slices over the same states give the same effects, whatever the unit's boundaries were
(promises P1, P6, P9).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ckm_stream.codec.deadletter import dead_letter_headers
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Source, Topics
from ckm_stream.domain.checks import check_event
from ckm_stream.domain.events import Event
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import InvariantError, Reason, RejectedRecord
from ckm_stream.pipeline.fold import Fold
from ckm_stream.pipeline.origin import FORWARDED, Origin, advance
from ckm_stream.pipeline.recent import RecentStates
from ckm_stream.pipeline.records import Effects, OutputRecord, Rejection, Slice, SourceRecord
from ckm_stream.pipeline.silence import Change

# A decoded state takes 3 kB, and what a unit writes of it 2 kB more. A backlog of customers who
# hardly ever come twice would fill a unit with ten thousand of them; while at least every fourth
# record is of somebody met before, a longer unit writes fewer states, up to 20 MB of them.
_MANY_STATES: Final = 1024
_MOST_STATES: Final = 4096
_NEW_SHARE: Final = 0.75

#: Reads the durable state of a key: (table, partition, key) -> bytes or None.
Load = Callable[[str, int, bytes], bytes | None]
#: The partition that a key belongs to (Kafka's murmur2 over the topic's partitions).
PartitionOf = Callable[[bytes], int]


@dataclass(frozen=True, slots=True)
class Core:
    """What every unit shares: the codecs, the rules, and where to look things up."""

    application_id: str
    topics: Topics
    events: EventCodec
    policy: Policy
    folds: Mapping[Source, Fold[Any]]
    load: Load
    partition_of: PartitionOf


class Unit:
    """One partition's open work: add slices, then seal it into effects."""

    def __init__(self, core: Core, partition: int, recent: RecentStates | None = None) -> None:
        self._core = core
        self._partition = partition
        self._recent = RecentStates(0) if recent is None else recent
        self._states: dict[str, dict[bytes, Any]] = {}
        # The id of the event applied last to each changed key, None if none was.
        self._dirty: dict[str, dict[bytes, Any]] = {}
        self._effects: Final = Effects(partition)
        self._state_count = 0
        self._meets_again = True

    def add(self, part: Slice) -> None:
        """
        Apply the records of *part*, strictly in offset order.

        Raises:
            InvariantError: If the slice is not this partition's.
            TransientError: If a schema registry cannot be asked; nothing has changed.
        """
        if part.partition != self._partition:
            raise InvariantError(
                f"unit of partition {self._partition} was given a slice of {part.partition}"
            )
        fold = self._core.folds[part.source]
        states = self._states.setdefault(fold.table, {})
        dirty = self._dirty.setdefault(fold.table, {})
        before = len(states)
        applied, duplicates, redelivered = self._fold(part, fold, states, dirty)
        new = len(states) - before
        self._state_count += new
        self._meets_again = new < _NEW_SHARE * len(part.records)
        source, tally = part.source, self._effects.tally
        tally.consumed[source] += len(part.records)
        tally.applied[source] += applied
        tally.duplicates[source] += duplicates
        tally.redelivered[source] += redelivered
        self._effects.offsets[part.topic] = part.next_offset

    def _fold(
        self,
        part: Slice,
        fold: Fold[Any],
        states: dict[bytes, Any],
        dirty: dict[bytes, Any],
    ) -> tuple[int, int, int]:
        """Apply the records; return how many were applied, were duplicates, were redelivered."""
        source, slot = part.source, fold.slot(part.source)
        is_forwarded = source in FORWARDED
        forwarded = self._effects.forwarded
        addressed = len(forwarded)
        applied = duplicates = redelivered = 0
        # All are decoded before the first is applied: a registry that cannot be asked for a schema
        # leaves the unit as it was, and the slice can be added again.
        for record, event in [(record, self._decode(source, record)) for record in part.records]:
            if isinstance(event, RejectedRecord):
                self._reject(part, record, event)
                continue
            key = record.key
            assert key is not None  # noqa: S101 -- decode has compared it with the event's id
            state = states.get(key)
            if state is None:  # 2. load the state of each customer touched
                try:
                    state = states[key] = self._load(fold, key)
                except RejectedRecord as rejection:
                    self._reject(part, record, rejection)
                    continue
            position = state.delivery.applied
            if record.offset <= position[slot]:
                redelivered += 1  # its state is durable, and before it what it caused elsewhere
            else:
                is_new = not is_forwarded or advance(state.delivery, record.headers)
                if is_new and fold.apply(state, event, self._effects):
                    applied += 1
                    dirty[key] = event.event_id
                else:
                    duplicates += 1
                    dirty.setdefault(key, None)
                # A duplicate's offset is recorded too: replayed later it might be beyond the
                # horizon of the seen ids by then, and would count twice.
                position[slot] = record.offset
            if len(forwarded) > addressed:
                addressed = self._address(addressed, Origin(source, part.partition, record.offset))
        return applied, duplicates, redelivered

    @property
    def rejections(self) -> Sequence[Rejection]:
        """What was set aside so far, in the order of the slices and their offsets."""
        return self._effects.rejections

    @property
    def is_full(self) -> bool:
        """Whether more slices would take memory and hardly save that a state is written twice."""
        return self._state_count >= (_MOST_STATES if self._meets_again else _MANY_STATES)

    def seal(self) -> Effects:
        """
        Score each changed customer as of its newest event (step 3) and return the effects.

        Raises:
            InvariantError: If a consumed record has no verdict.
        """
        if self._effects.tally.unaccounted():
            raise InvariantError(
                f"partition {self._partition}: {self._effects.tally.unaccounted()} consumed "
                "records were neither applied, deduplicated nor dead-lettered"
            )
        folds = {fold.table: fold for fold in self._core.folds.values()}
        for table, dirty in self._dirty.items():
            fold, states = folds[table], self._states[table]
            self._effects.changelog[table] = [
                (key, fold.seal(key, states[key], self._effects, last=last))
                for key, last in dirty.items()
            ]
            self._recent.trim(states)
        return self._effects

    def announce_again(self, keys: Iterable[bytes]) -> None:
        """
        Add the updates that the customers' last changes were announced with, the same to the byte.

        For the states that a predecessor made durable last: it may have died before it told of
        them. A state whose last change was not announced lacks nothing.
        """
        fold = self._core.folds[Source.CALL]
        states = self._states.setdefault(fold.table, {})
        for key in keys:
            state = states[key] = self._load(fold, key)
            delivery = state.delivery
            if 0 < delivery.announced_version == delivery.version:
                fold.announce_again(key, state, self._effects)

    def announce_changes(self, changes: Iterable[Change]) -> None:
        """Announce the classes that time alone has changed, unless an event came meanwhile."""
        fold = self._core.folds[Source.CALL]
        states = self._states.setdefault(fold.table, {})
        dirty = self._dirty.setdefault(fold.table, {})
        for at_s, key in changes:
            state = states.get(key)
            if state is None:
                state = states[key] = self._load(fold, key)
            if fold.announce_change(key, state, at_s, self._effects):
                dirty.setdefault(key, None)

    def release(self) -> None:
        """Leave the states to the partition's next unit; only once the effects are durable."""
        for table, states in self._states.items():
            self._recent.keep(table, states)

    def _address(self, start: int, origin: Origin) -> int:
        """Give what *origin* forwarded its partition and its origin; return the new length."""
        forwarded, headers = self._effects.forwarded, (origin.header(),)
        for place in range(start, len(forwarded)):
            other = forwarded[place]
            assert other.key is not None  # noqa: S101 -- it concerns somebody
            partition = self._core.partition_of(other.key)
            forwarded[place] = OutputRecord(other.topic, partition, other.key, other.value, headers)
        return len(forwarded)

    def _decode(self, source: Source, record: SourceRecord) -> Event | RejectedRecord:
        try:  # 1. decode -> event or reject
            event = self._core.events.decode(source, record.key, record.value)
            check_event(event, record_timestamp_ms=record.timestamp, policy=self._core.policy)
        except RejectedRecord as rejection:
            return rejection
        return event

    def _load(self, fold: Fold[Any], key: bytes) -> Any:  # noqa: ANN401 -- the fold's own state
        state = self._recent.take(fold.table, key)
        if state is not None:
            return state
        data = self._core.load(fold.table, self._partition, key)
        if data is None:
            # Only for new keys: murmur2 in Python costs about 3 µs. A record in another key's
            # partition would give the customer a second state, with a second writer.
            home = self._core.partition_of(key)
            if home != self._partition:
                raise RejectedRecord(
                    Reason.KEY_MISMATCH,
                    f"record is in partition {self._partition}, its key belongs in {home}; "
                    "the producer must partition by murmur2 of the key",
                )
        return fold.load(data, self._partition)

    def _reject(self, part: Slice, record: SourceRecord, rejection: RejectedRecord) -> None:
        self._effects.tally.dead_lettered[part.source, rejection.reason] += 1
        self._effects.rejections.append(Rejection(part.topic, record.offset, rejection.reason))
        self._effects.dead_letters.append(
            OutputRecord(
                self._core.topics.dead_letter,
                self._partition,
                record.key,
                record.value,
                dead_letter_headers(
                    topic=part.topic,
                    partition=part.partition,
                    record=record,
                    rejection=rejection,
                    application_id=self._core.application_id,
                ),
            )
        )
