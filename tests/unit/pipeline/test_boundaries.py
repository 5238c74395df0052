"""
Wherever units end: the same states, and nothing is lost.

Wherever a worker dies is tests/property/test_crash_anywhere.py.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ckm_stream.codec.events import source_of
from ckm_stream.codec.state import decode_state, encode_state
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import MICROS, ProfileEvent
from ckm_stream.domain.profile import Delivery, ProfileState
from ckm_stream.domain.score import Score, ScoreUpdate
from ckm_stream.domain.scoring import score_profile
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.pipeline.records import Effects, OutputRecord, Slice
from tests.support.touchpoints import histories
from tests.support.units import (
    EPOCH,
    OUTPUTS,
    POLICY,
    Record,
    States,
    core_over,
    fold_unit,
    record,
    slice_of,
)

CUSTOMERS = ("c-1", "c-2")
Logs = dict[Source, list[Record]]


@st.composite
def logs(draw: st.DrawFn) -> Logs:
    """Draw what the source topics of one partition hold: new events, repeated ones, bad records."""
    events: list[ProfileEvent] = [
        replace(event, customer_id=draw(st.sampled_from(CUSTOMERS)))
        for event in draw(histories(max_size=14))
    ]
    if events:
        events += draw(st.lists(st.sampled_from(events), max_size=3))
    topics: Logs = {}
    for event in events:
        log = topics.setdefault(source_of(event), [])
        if draw(st.integers(0, 9)) == 0:
            log.append(Record(len(log), b"c-1", None))
        log.append(record(len(log), event))
    return topics


@dataclass(slots=True)
class Written:
    """What readers of the output topics have seen, in order."""

    updates: list[OutputRecord] = field(default_factory=list)
    items: list[OutputRecord] = field(default_factory=list)
    forwarded: list[OutputRecord] = field(default_factory=list)
    dead_letters: list[OutputRecord] = field(default_factory=list)

    def add(self, effects: Effects) -> None:
        """Take in what a unit has written."""
        self.updates += effects.updates
        self.items += effects.items
        self.forwarded += effects.forwarded
        self.dead_letters += effects.dead_letters

    def newest(self) -> dict[str, ScoreUpdate]:
        """Return what a consumer holds that keeps the greatest (version, as_of) per customer."""
        held: dict[str, ScoreUpdate] = {}
        for sent in self.scores():
            known = held.get(sent.customer_id)
            if known is None or (known.version, known.as_of) <= (sent.version, sent.as_of):
                held[sent.customer_id] = sent
        return held

    def scores(self) -> list[ScoreUpdate]:
        """Return the score updates, decoded."""
        return [OUTPUTS.decode_score_update(sent.value or b"") for sent in self.updates]


@dataclass(slots=True)
class Worker:
    """A worker of one partition, whose units and deaths the test decides."""

    logs: Logs
    states: States = field(default_factory=States)
    written: Written = field(default_factory=Written)
    position: Counter[Source] = field(default_factory=Counter)

    def run_unit(self, parts: list[Slice]) -> Effects:
        """Fold *parts*; nothing of it is durable yet."""
        core = core_over(self.states)
        return fold_unit(core, *parts)

    def take(self, data: Any) -> list[Slice]:
        """Take up to three slices, each from any topic that has more."""
        parts = []
        for _ in range(data.draw(st.integers(1, 3))):
            open_sources = [s for s, log in self.logs.items() if self.position[s] < len(log)]
            if not open_sources:
                break
            source = data.draw(st.sampled_from(open_sources))
            first = self.position[source]
            end = data.draw(st.integers(first + 1, len(self.logs[source])))
            parts.append(slice_of(self.logs[source][first:end], source))
            self.position[source] = end
        return parts


def in_one_unit(topics: Logs) -> Worker:
    """Return a worker that has folded everything as one unit."""
    worker = Worker(topics)
    effects = worker.run_unit([slice_of(log, source) for source, log in topics.items() if log])
    worker.states.keep(effects)
    worker.written.add(effects)
    return worker


def profiles(states: States) -> dict[str, ProfileState]:
    """Return the customers' states."""
    return {
        key.decode(): decode_state(data, POLICY)
        for (table, key), data in states.data.items()
        if table == PROFILES
    }


def substance(states: States) -> dict[str, tuple[bytes, int, list[int]]]:
    """Return facts and seen as bytes, the version, and how far each source was applied."""
    blank = Delivery.empty(0)
    return {
        customer: (
            encode_state(ProfileState(state.facts, state.seen, blank), POLICY),
            state.delivery.version,
            state.delivery.applied,
        )
        for customer, state in profiles(states).items()
    }


def contents(written: Written, name: str) -> Counter[str]:
    """
    Count equal records of one output.

    A duplicate that is delivered again forwards what the first one did, from an origin of its own.
    """
    records: list[OutputRecord] = getattr(written, name)
    if name == "forwarded":
        records = [each._replace(headers=()) for each in records]
    return Counter(map(repr, records))


def score_of(state: ProfileState) -> Score:
    """Score a profile as of its newest event."""
    as_of_s = state.last_occurred_at // MICROS
    return score_profile(state.facts, as_of_s=as_of_s, epoch=EPOCH, policy=POLICY)


def stale_customers(worker: Worker) -> Iterator[str]:
    """Yield whose newest update is of another class, or epsilon or more off the truth."""
    newest = worker.written.newest()
    for customer, state in profiles(worker.states).items():
        score, held = score_of(state), newest[customer].score
        moved = abs(score.total - held.total)
        if score.source_class is not held.source_class or moved >= POLICY.epsilon:
            yield customer


@settings(max_examples=60, deadline=None)
@given(logs(), st.data())
def test_states_and_outputs_do_not_depend_on_where_units_end(topics: Logs, data: Any) -> None:
    """Facts, seen ids, versions and offsets to the byte; items, forwards and dead letters once."""
    whole, worker = in_one_unit(topics), Worker(topics)

    while parts := worker.take(data):
        effects = worker.run_unit(parts)
        worker.states.keep(effects)
        worker.written.add(effects)

    assert substance(worker.states) == substance(whole.states)
    for name in ("items", "forwarded", "dead_letters"):
        assert contents(worker.written, name) == contents(whole.written, name)
    assert list(stale_customers(worker)) == []


@settings(max_examples=60, deadline=None)
@given(logs(), st.data())
def test_updates_of_one_version_tell_one_score(topics: Logs, data: Any) -> None:
    """For equal (version, as_of) the score's content is the same, whatever the slices were."""
    whole, worker = in_one_unit(topics), Worker(topics)
    for source, log in topics.items():
        for each in log:
            worker.written.add(worker.states.keep(worker.run_unit([slice_of([each], source)])))

    told: dict[tuple[str, int, int], Score] = {}
    for update in worker.written.scores():
        if worker.states.data.keys() == whole.states.data.keys():
            key = (update.customer_id, update.version, update.as_of)
            assert told.setdefault(key, update.score) == update.score
    final = {
        customer: (state.delivery.version, state.last_occurred_at)
        for customer, state in profiles(whole.states).items()
    }
    for update in whole.written.scores():
        assert (update.version, update.as_of) == final[update.customer_id]
        key = (update.customer_id, update.version, update.as_of)
        assert told.get(key, update.score) == update.score
