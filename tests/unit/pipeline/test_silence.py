"""Who is looked at when, and which classes are found to have changed."""

from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from ckm_stream.codec.layouts import NEWEST_LAYOUT
from ckm_stream.codec.state import decode_state
from ckm_stream.domain.days import DAY_S
from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.events import MICROS, TouchpointEvent
from ckm_stream.domain.score import ScoreUpdate, SourceClass, UpdateReason
from ckm_stream.domain.scoring import score_profile
from ckm_stream.pipeline.epochs import Epochs
from ckm_stream.pipeline.fold import PROFILES, ProfileFold
from ckm_stream.pipeline.records import Effects
from ckm_stream.pipeline.silence import Silences
from ckm_stream.pipeline.store import DictStore
from ckm_stream.pipeline.unit import Core, Unit
from ckm_stream.simulation.customers import (
    DEFAULT_END_S,
    SimulationPlan,
    persona_of,
    simulate,
    simulate_customer,
)
from ckm_stream.simulation.persona import Role
from tests.support.touchpoints import order
from tests.support.units import (
    EVENTS,
    OUTPUTS,
    PARTITION,
    POLICY,
    TOPICS,
    States,
    core_over,
    fold_unit,
    slice_from,
)

ZERO = epoch_zero(POLICY)
EVERYBODY = 10_000


class CountingStore(DictStore):
    """Counts how often a state is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get(self, key: bytes) -> bytes | None:
        """Return the state of *key*."""
        self.reads += 1
        return super().get(key)


class Partition:
    """A partition's states, and whoever watches over its silence."""

    def __init__(self) -> None:
        self.states = States()
        self.epochs = Epochs(ZERO)
        self.fold = ProfileFold(
            topics=TOPICS,
            events=EVENTS,
            outputs=OUTPUTS,
            policy=POLICY,
            epoch_at=self.epochs.at,
            layout=NEWEST_LAYOUT,
        )
        self.core: Core = core_over(self.states, profiles=self.fold)
        self.store = CountingStore()
        self.silences = self.new_silences()

    def new_silences(self) -> Silences:
        """Return a successor's watch, that knows nothing but the states."""
        return Silences(
            PARTITION,
            fold=self.fold,
            store=self.store,
            next_epoch=self.epochs.next_after,
            policy=POLICY,
        )

    def keep(self, effects: Effects) -> Effects:
        """Take a unit's states in, and note whose they are."""
        entries = self.states.keep(effects).changelog.get(PROFILES, [])
        self.store.put_many(entries)
        self.silences.note(key for key, _ in entries)
        return effects

    def apply(self, *events: TouchpointEvent) -> None:
        """Fold events and note who has changed."""
        for event in events:
            self.keep(fold_unit(self.core, slice_from(self._offset(), event)))

    def _offset(self) -> int:
        self._next = getattr(self, "_next", -1) + 1
        return self._next

    def tend(self, now_s: int, *, looks: int = EVERYBODY) -> list[ScoreUpdate]:
        """Announce what has changed by now, until there is nothing more; return the updates."""
        updates: list[ScoreUpdate] = []
        while True:
            changes = self.silences.due(now_s, looks=looks)
            unit = Unit(self.core, PARTITION)
            unit.announce_changes(changes)
            effects = self.keep(unit.seal())
            updates += [OUTPUTS.decode_score_update(each.value) for each in effects.updates]
            if not changes and not self.silences.has_more and not self.silences._changed:
                return updates

    def class_at(self, customer: str, at_s: int, epoch: Epoch = ZERO) -> SourceClass:
        """Return a customer's class by the domain's own reading."""
        state = decode_state(self.states.data[PROFILES, customer.encode()], POLICY)
        return score_profile(state.facts, as_of_s=at_s, epoch=epoch, policy=POLICY).source_class

    @property
    def keys(self) -> list[bytes]:
        """Whose states there are."""
        return [key for table, key in self.states.data if table == PROFILES]


def filled(customers: int = 25) -> Partition:
    """Return a partition of simulated customers."""
    partition = Partition()
    plan = SimulationPlan(customers=customers, seed=3, events_per_customer=40.0)
    for each in simulate(plan):
        partition.apply(*each.events)
    return partition


def test_every_change_by_silence_is_announced_once_at_its_second() -> None:
    """From class to class until the unknown; a second before it was still the old one."""
    partition = filled()

    updates = partition.tend(DEFAULT_END_S + 3000 * DAY_S)

    assert len({each.customer_id for each in updates}) > 5
    assert len(updates) == len({(each.customer_id, each.as_of) for each in updates})
    for each in updates:
        at_s = each.as_of // MICROS
        assert each.reason is UpdateReason.DECAY
        assert each.score.as_of_s == at_s
        assert each.score.source_class is partition.class_at(each.customer_id, at_s)
        assert each.previous_class is partition.class_at(each.customer_id, at_s - 1)
        assert each.previous_class is not each.score.source_class
    last = {each.customer_id: each.score.source_class for each in updates}
    assert set(last.values()) == {SourceClass.UNKNOWN}
    assert partition.tend(DEFAULT_END_S + 4000 * DAY_S) == []


def test_it_does_not_matter_how_often_somebody_looks() -> None:
    """Every hour of the first days, or once after years: the same announcements, to the second."""
    rarely, often = filled(12), filled(12)
    end_s = DEFAULT_END_S + 400 * DAY_S
    at_once = rarely.tend(end_s)
    bit_by_bit: list[ScoreUpdate] = []
    for now_s in range(DEFAULT_END_S - 30 * DAY_S, end_s, DAY_S // 2):
        bit_by_bit += often.tend(now_s)
    bit_by_bit += often.tend(end_s)

    def in_order(updates: list[ScoreUpdate]) -> list[Any]:
        return sorted((each.customer_id, each.as_of, each.score) for each in updates)

    assert in_order(at_once) == in_order(bit_by_bit)
    assert at_once


def newcomers() -> Partition:
    """Return a partition of customers who came 14 days ago or later, and who tell much."""
    partition = Partition()
    plan = SimulationPlan(customers=1, seed=3, events_per_customer=900.0)
    new = (each for each in range(500) if persona_of(plan.seed, each).role is Role.NEWCOMER)
    for index in islice(new, 8):
        partition.apply(*simulate_customer(plan, index).events)
    return partition


def known_from_s(partition: Partition, customer: str) -> int:
    """Return the second at which a customer is known for long enough."""
    state = decode_state(partition.states.data[PROFILES, customer.encode()], POLICY)
    return state.facts.first_s + 28 * DAY_S


@pytest.mark.parametrize("step_s", [3_600 * 7, 90 * DAY_S])
def test_who_has_become_known_in_silence_is_announced_once_at_that_second(step_s: int) -> None:
    """On the 28th day, however often somebody looks; after that, silence leads to the unknown."""
    partition = newcomers()
    unknown = {key.decode(): known_from_s(partition, key.decode()) for key in partition.keys}
    known = {
        name: at_s
        for name, at_s in unknown.items()
        if partition.class_at(name, at_s) is not SourceClass.UNKNOWN
    }

    updates: list[ScoreUpdate] = []
    for now_s in range(DEFAULT_END_S, DEFAULT_END_S + 91 * DAY_S, step_s):
        updates += partition.tend(now_s)

    first = {each.customer_id: each for each in reversed(updates)}
    assert len(known) > 3
    assert {name: each.as_of for name, each in first.items()} == {
        name: at_s * MICROS for name, at_s in known.items()
    }
    for name, each in first.items():
        assert each.reason is UpdateReason.DECAY
        assert each.previous_class is SourceClass.UNKNOWN
        assert each.score.source_class is partition.class_at(name, known[name])
        assert partition.class_at(name, known[name] - 1) is SourceClass.UNKNOWN
    assert len(updates) == len({(each.customer_id, each.as_of) for each in updates})


def test_a_successor_announces_who_becomes_known_in_silence() -> None:
    """From the states alone, and nobody twice."""
    partition = newcomers()
    middle_s = sorted(known_from_s(partition, key.decode()) for key in partition.keys)[4]
    alone = newcomers().tend(DEFAULT_END_S + 40 * DAY_S)

    before = partition.tend(middle_s)
    partition.silences = partition.new_silences()
    partition.silences.look_at_all()
    after = partition.tend(DEFAULT_END_S + 40 * DAY_S)

    assert before
    assert after
    assert sorted(map(repr, [*before, *after])) == sorted(map(repr, alone))


def test_who_stays_unknown_is_not_looked_at_again() -> None:
    """One order tells too little, on the 28th day too: one reading of the state, and no more."""
    partition = Partition()
    partition.apply(order("once", DEFAULT_END_S))
    partition.silences.due(DEFAULT_END_S, looks=EVERYBODY)
    partition.store.reads = 0

    for day in range(60):
        assert partition.tend(DEFAULT_END_S + day * DAY_S) == []

    assert partition.store.reads == 0


def test_nothing_is_announced_before_its_time() -> None:
    """By a clock that stands at the newest event nobody has been silent yet."""
    partition = filled(12)
    updates = partition.tend(DEFAULT_END_S)

    assert all(each.as_of <= DEFAULT_END_S * MICROS for each in updates)


def test_a_successor_that_knows_only_the_states_goes_on() -> None:
    """Killed between two announcements: none is repeated, none is missing."""
    alone, handed_over = filled(12), filled(12)
    middle_s, end_s = DEFAULT_END_S + 60 * DAY_S, DEFAULT_END_S + 3000 * DAY_S
    expected = [*alone.tend(middle_s), *alone.tend(end_s)]

    before = handed_over.tend(middle_s)
    handed_over.silences = handed_over.new_silences()
    handed_over.silences.look_at_all()
    after = handed_over.tend(end_s)

    assert sorted(map(repr, [*before, *after])) == sorted(map(repr, expected))


def test_an_event_in_time_takes_the_change_back() -> None:
    """Who comes again just before is announced by the event, not by silence."""
    partition = filled(25)
    (first, *_) = sorted(filled(25).tend(DEFAULT_END_S + 300 * DAY_S), key=lambda each: -each.as_of)
    partition.tend(first.as_of // MICROS - 1)
    back = order("back", first.as_of // MICROS - 1, customer_id=first.customer_id)

    partition.apply(back)
    updates = partition.tend(first.as_of // MICROS)

    assert (first.customer_id, first.as_of) not in [(u.customer_id, u.as_of) for u in updates]


def test_an_epoch_changes_classes_at_its_first_second() -> None:
    """All whose class is another one then are announced with the reason EPOCH, as of it."""
    partition = filled(25)
    from_s = DEFAULT_END_S + DAY_S // 3
    partition.tend(from_s - 1)
    before = {key.decode(): partition.class_at(key.decode(), from_s - 1) for key in partition.keys}
    strict = replace(ZERO, epoch_id=4, effective_from_s=from_s, high=(0.95, 0.95, 0.95))
    partition.epochs.take(strict)
    partition.silences.look_at_all()

    updates = partition.tend(from_s)

    changed = {
        name for name, known in before.items() if partition.class_at(name, from_s, strict) != known
    }
    assert {each.customer_id for each in updates} == changed
    assert changed
    assert {each.reason for each in updates} == {UpdateReason.EPOCH}
    assert {(each.as_of, each.score.epoch_id) for each in updates} == {(from_s * MICROS, 4)}


def test_who_is_idle_is_hardly_ever_read() -> None:
    """A year of silence costs 17 readings of a state: one at first, then those of the looks."""
    partition = filled(25)
    partition.tend(DEFAULT_END_S + 3 * DAY_S)
    partition.store.reads = 0

    for day in range(4, 365):
        partition.tend(DEFAULT_END_S + day * DAY_S)

    assert partition.store.reads < 17 * 25
    assert partition.store.reads < 361 * 25 / 20


def test_everybody_is_looked_at_a_few_at_a_time() -> None:
    """After a takeover as many as were asked for, until there are no more."""
    partition = filled(12)
    partition.silences = partition.new_silences()
    partition.silences.look_at_all()
    rounds: list[int] = []
    while not rounds or partition.silences.has_more:
        before = partition.store.reads
        partition.silences.due(DEFAULT_END_S, looks=5)
        rounds.append(partition.store.reads - before)

    assert sum(rounds) == len(partition.keys)
    assert max(rounds) == 5


@pytest.mark.parametrize("wrong", ["last_at", "announced"])
def test_a_change_that_is_no_longer_one_is_not_announced(wrong: str) -> None:
    """The state has moved on since it was looked at."""
    partition = filled(25)
    silences = partition.silences
    changes = silences.due(DEFAULT_END_S + 300 * DAY_S, looks=EVERYBODY)
    change = max(changes)
    customer = change.key.decode()
    if wrong == "last_at":
        partition.apply(order("again", change.at_s + 1, customer_id=customer))
    else:
        unit = Unit(partition.core, PARTITION)
        unit.announce_changes([change])
        partition.states.keep(unit.seal())

    unit = Unit(partition.core, PARTITION)
    unit.announce_changes([change])

    assert unit.seal().updates == []
