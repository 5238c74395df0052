"""A unit of work: what becomes of each record, and when its customers are scored."""

import dataclasses
from copy import deepcopy
from dataclasses import dataclass, field

import pytest

from ckm_stream.codec.deadletter import REASON
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.state import decode_state
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import Event
from ckm_stream.domain.profile import Delivery
from ckm_stream.errors import InvariantError, Reason, TransientError
from ckm_stream.pipeline.fold import EMPLOYEES, PROFILES
from ckm_stream.pipeline.records import Effects, Slice
from ckm_stream.pipeline.silence import Change
from ckm_stream.pipeline.unit import Unit
from tests.support.touchpoints import call, contact, order, ticket
from tests.support.units import (
    CATALOGUE,
    PARTITION,
    POLICY,
    TOPICS,
    Record,
    States,
    core_over,
    fold_unit,
    record,
    slice_from,
    slice_of,
)

HOME, ELSEWHERE = PARTITION, PARTITION + 1


@dataclass(frozen=True)
class Loaded:
    """A customer's state was asked for."""

    data: bytes | None


@dataclass(frozen=True)
class Applied:
    """An event was folded in."""

    event_id: str


@dataclass(frozen=True)
class Sealed:
    """A customer was scored and encoded."""

    key: bytes
    last: str | None


@dataclass(frozen=True)
class AnnouncedAgain:
    """A customer's last announcement was asked for again."""

    key: bytes


@dataclass(frozen=True)
class ChangeAsked:
    """It was asked to announce a class that time alone has changed."""

    key: bytes
    at_s: int


Action = Loaded | Applied | Sealed | AnnouncedAgain | ChangeAsked


@dataclass
class Journal:
    """The recording fold's state: how far delivery has come, and nothing else."""

    delivery: Delivery


@dataclass
class RecordingFold:
    """A fold that writes down what it is asked to do; ids beginning with "seen" were seen."""

    delivery: Delivery = field(default_factory=lambda: Delivery.empty(PARTITION))
    actions: list[Action] = field(default_factory=list)
    table: str = PROFILES

    def slot(self, source: Source) -> int:
        """Return the source's own number."""
        return source.value

    def load(self, data: bytes | None, partition: int) -> Journal:
        """Make a new state."""
        self.actions.append(Loaded(data))
        return Journal(deepcopy(self.delivery))

    def apply(self, state: Journal, event: Event, effects: Effects) -> bool:
        """Take the event, unless it was seen."""
        self.actions.append(Applied(event.event_id))
        return not event.event_id.startswith("seen")

    def seal(self, key: bytes, state: Journal, effects: Effects, *, last: str | None) -> bytes:
        """Encode nothing."""
        self.actions.append(Sealed(key, last))
        return b"sealed"

    def announce_again(self, key: bytes, state: Journal, effects: Effects) -> None:
        """Announce nothing."""
        self.actions.append(AnnouncedAgain(key))

    def announce_change(self, key: bytes, state: Journal, at_s: int, effects: Effects) -> bool:
        """Announce that the class of every other second has changed."""
        self.actions.append(ChangeAsked(key, at_s))
        return at_s % 2 == 0


def delivery_of(*, applied: int, version: int = 1, announced_version: int = 1) -> Delivery:
    """Return the delivery part of a state that calls up to offset *applied* have reached."""
    delivery = Delivery.empty(PARTITION)
    delivery.applied[Source.CALL] = applied
    delivery.version, delivery.announced_version = version, announced_version
    return delivery


def stored(states: States, customer_id: str = "c-1") -> Delivery:
    """Return how far the delivery to a customer's stored state has come."""
    return decode_state(states.data[PROFILES, customer_id.encode()], POLICY).delivery


def reasons_of(effects: Effects) -> list[str]:
    """Return the reasons of the dead letters, in their order."""
    return [dict(letter.headers)[REASON].decode() for letter in effects.dead_letters]


def test_each_customer_is_loaded_once_and_scored_once_after_all_events() -> None:
    """Two slices, two customers: events in their order, then one seal for each changed customer."""
    fold = RecordingFold()
    core = core_over(States({(PROFILES, b"c-2"): b"state"}), profiles=fold)

    effects = fold_unit(
        core,
        slice_from(0, call("a"), call("b", customer_id="c-2"), call("c")),
        slice_from(0, ticket("d")),
    )

    assert fold.actions == [
        Loaded(None),
        Applied("a"),
        Loaded(b"state"),
        Applied("b"),
        Applied("c"),
        Applied("d"),
        Sealed(b"c-1", "d"),
        Sealed(b"c-2", "b"),
    ]
    assert effects.changelog == {PROFILES: [(b"c-1", b"sealed"), (b"c-2", b"sealed")]}


def test_the_offsets_of_a_unit_follow_the_last_record_of_each_topic() -> None:
    """What is committed is the first offset that is not in the unit."""
    effects = fold_unit(
        core_over(States()),
        slice_from(5, call("a")),
        slice_from(2, ticket("b")),
        slice_of([record(9, call("c"))], Source.CALL),
    )

    assert effects.offsets == {TOPICS.call: 10, TOPICS.ticket: 3}


BAD = {
    Reason.NULL_VALUE: Record(1, b"c-1", None),
    Reason.NOT_FRAMED: Record(1, b"c-1", b"{}"),
    Reason.UNDECODABLE: Record(1, b"c-1", (record(0, call()).value or b"")[:-3]),
    Reason.KEY_MISMATCH: Record(1, b"c-9", record(0, call()).value),
    Reason.BEFORE_LANDMARK: record(1, call(occurred_at=POLICY.landmark_s * 1_000_000 - 1)),
    Reason.IN_FUTURE: Record(1, b"c-1", record(0, call()).value, timestamp=0),
    Reason.OUT_OF_RANGE: record(1, call(satisfaction=6)),
}


@pytest.mark.parametrize("reason", BAD, ids=str)
def test_a_rejected_record_never_raises_and_its_neighbours_are_applied(reason: Reason) -> None:
    """The bad record in the middle becomes a dead letter, bytes untouched, with its reason."""
    bad, states = BAD[reason], States()
    part = slice_of([record(0, call("a")), bad, record(2, call("b"))], Source.CALL)

    effects = states.keep(fold_unit(core_over(states), part))

    assert stored(states).version == 2
    assert reasons_of(effects) == [reason.value]
    (letter,) = effects.dead_letters
    assert (letter.topic, letter.partition) == (TOPICS.dead_letter, PARTITION)
    assert (letter.key, letter.value) == (bad.key, bad.value)
    assert effects.tally.dead_lettered == {(Source.CALL, reason): 1}
    assert effects.offsets == {TOPICS.call: 3}


def test_a_rejected_record_leaves_no_state() -> None:
    """A customer of whom nothing but a bad record came is not in the changelog."""
    effects = fold_unit(core_over(States()), slice_of([Record(0, b"c-1", None)], Source.CALL))

    assert effects.changelog == {PROFILES: []}


def test_offsets_are_skipped_by_source() -> None:
    """Offset 5 of the calls was applied, offset 5 of the tickets was not."""
    states = States()
    states.keep(fold_unit(core_over(states), slice_from(5, call("a"))))

    effects = states.keep(
        fold_unit(
            core_over(states), slice_from(5, call("b"), call("c")), slice_from(5, ticket("d"))
        )
    )

    assert effects.tally.redelivered == {Source.CALL: 1, Source.TICKET: 0}
    assert effects.tally.applied == {Source.CALL: 1, Source.TICKET: 1}
    assert stored(states).applied == [6, 5, -1, -1, -1, -1]


def test_a_redelivered_slice_changes_nothing() -> None:
    """All its records were applied: no changelog, no outputs, but the offset moves on."""
    states = States()
    part = slice_from(0, order("a", referred_by="c-9"), order("b"))
    states.keep(fold_unit(core_over(states), part))

    effects = fold_unit(core_over(states), part)

    assert effects.tally.redelivered == {Source.PURCHASE: 2}
    assert (effects.changelog, effects.updates, effects.forwarded) == ({PROFILES: []}, [], [])
    assert effects.offsets == {TOPICS.purchase: 2}


@pytest.mark.parametrize(
    ("version", "announced_version", "told"),
    [(2, 2, [AnnouncedAgain(b"c-1")]), (2, 1, []), (0, 0, [])],
)
def test_only_a_last_change_that_was_announced_is_announced_again(
    version: int, announced_version: int, told: list[Action]
) -> None:
    """One that was too small to be announced lacks nothing, and nor does a state without events."""
    states = States({(PROFILES, b"c-1"): b"state"})
    fold = RecordingFold(
        delivery_of(applied=0, version=version, announced_version=announced_version)
    )
    unit = Unit(core_over(states, profiles=fold), PARTITION)

    unit.announce_again([b"c-1"])

    assert unit.seal().changelog == {}
    assert fold.actions == [Loaded(b"state"), *told]


def test_who_is_silent_is_announced_and_written_if_there_was_a_change() -> None:
    """The state of whose class is the same after all is left alone."""
    states = States({(PROFILES, b"c-1"): b"one", (PROFILES, b"c-2"): b"two"})
    fold = RecordingFold()
    unit = Unit(core_over(states, profiles=fold), PARTITION)

    unit.announce_changes([Change(100, b"c-1"), Change(101, b"c-2")])
    effects = unit.seal()

    assert effects.changelog == {PROFILES: [(b"c-1", b"sealed")]}
    assert fold.actions == [
        Loaded(b"one"),
        ChangeAsked(b"c-1", 100),
        Loaded(b"two"),
        ChangeAsked(b"c-2", 101),
        Sealed(b"c-1", None),
    ]


def test_a_duplicate_is_counted_and_its_offset_recorded() -> None:
    """The same event at a later offset is applied once; the state knows the later offset."""
    states = States()
    states.keep(fold_unit(core_over(states), slice_from(0, order("a"))))

    effects = states.keep(fold_unit(core_over(states), slice_from(1, order("a"))))

    assert effects.tally.duplicates == {Source.PURCHASE: 1}
    assert effects.tally.applied == {Source.PURCHASE: 0}
    assert effects.updates == []
    assert (stored(states).version, stored(states).applied[Source.PURCHASE]) == (1, 1)


def test_the_triggering_event_is_the_last_one_applied_not_a_duplicate() -> None:
    """A duplicate after the last new event does not take its place as the cause."""
    fold = RecordingFold()

    fold_unit(core_over(States(), profiles=fold), slice_from(0, call("new"), call("seen-before")))

    assert fold.actions[-1] == Sealed(b"c-1", "new")


def test_a_new_key_in_the_wrong_partition_is_rejected() -> None:
    """It would give the customer a second state, with a second writer."""
    core = core_over(States(), partition_of=lambda _key: ELSEWHERE)

    effects = fold_unit(core, slice_from(0, call("a"), call("b")))

    assert reasons_of(effects) == [Reason.KEY_MISMATCH.value] * 2
    assert effects.changelog == {PROFILES: []}


def test_a_known_key_is_not_checked_again() -> None:
    """Hashing costs more than looking a state up, and a state shows that the key belongs here."""
    states = States()
    states.keep(fold_unit(core_over(states), slice_from(0, call("a"))))
    core = core_over(states, partition_of=lambda _key: pytest.fail("hashed a known key"))

    effects = fold_unit(core, slice_from(1, call("b")))

    assert effects.tally.applied == {Source.CALL: 1}


def test_employees_have_a_table_of_their_own() -> None:
    """An employee with the same key as a customer is somebody else."""
    states = States()

    effects = states.keep(
        fold_unit(
            core_over(states),
            slice_from(0, call("a", customer_id="x")),
            slice_from(0, contact("b", employee_id="x")),
        )
    )

    assert set(effects.changelog) == {PROFILES, EMPLOYEES}
    assert set(states.data) == {(PROFILES, b"x"), (EMPLOYEES, b"x")}


def test_a_slice_of_another_partition_is_our_own_defect() -> None:
    """Two lanes must never write the same customer."""
    unit = Unit(core_over(States()), HOME)
    foreign = Slice(Source.CALL, TOPICS.call, ELSEWHERE, [record(0, call())])

    with pytest.raises(InvariantError, match=f"partition {HOME} was given a slice of {ELSEWHERE}"):
        unit.add(foreign)


def test_a_record_without_a_verdict_is_our_own_defect() -> None:
    """The conservation law is checked before anything of the unit is written."""
    unit = Unit(core_over(States()), HOME)
    unit.add(slice_from(0, call()))
    unit._effects.tally.consumed[Source.CALL] += 1

    with pytest.raises(InvariantError, match="1 consumed records were neither applied"):
        unit.seal()


def test_a_unit_goes_on_longer_with_those_whom_it_meets_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of them is written once; of strangers only the first few, because all are in memory."""
    monkeypatch.setattr("ckm_stream.pipeline.unit._MANY_STATES", 3)
    monkeypatch.setattr("ckm_stream.pipeline.unit._MOST_STATES", 5)
    unit = Unit(core_over(States()), PARTITION)
    full = []

    for offset, customers in ((0, "ab"), (2, "aab"), (5, "abc"), (8, "abcd"), (12, "e"), (13, "a")):
        events = [call(f"{offset}{n}", customer_id=each) for n, each in enumerate(customers)]
        unit.add(slice_from(offset, *events))
        full.append(unit.is_full)

    assert full == [False, False, False, False, True, True]


def test_a_unit_without_slices_has_no_effects() -> None:
    """Nothing in, nothing out."""
    assert fold_unit(core_over(States())) == Effects(PARTITION)


class UnansweredOnce(EventCodec):
    """A codec whose registry cannot be asked for the second record's schema, the first time."""

    def __init__(self) -> None:
        super().__init__(CATALOGUE, TOPICS)
        self.calls = 0

    def decode(self, source: Source, key: bytes | None, value: bytes | None) -> Event:
        """Fail at the second call."""
        self.calls += 1
        if self.calls == 2:
            raise TransientError("the registry does not answer")
        return super().decode(source, key, value)


def test_a_registry_that_does_not_answer_leaves_the_unit_as_it_was() -> None:
    """The same slice can be added again, and counts once."""
    states, part = States(), slice_from(0, call("a"), call("b"), call("c"))
    unit = Unit(dataclasses.replace(core_over(states), events=UnansweredOnce()), PARTITION)

    with pytest.raises(TransientError):
        unit.add(part)
    unit.add(part)
    effects = states.keep(unit.seal())

    assert effects.tally.consumed == effects.tally.applied == {Source.CALL: 3}
    assert stored(states).version == 3
