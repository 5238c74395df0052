"""
Every score update against the oracle: is it the score of events that its customer really had?

Topics interleave freely, so version 7 may be any seven events that are a prefix of each topic.
Which ones they were is read from the changelog state of that version, and replayed: both guarantees
make the state durable before, or together with, the update that tells of it.
"""

from collections.abc import Iterable, Iterator

from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.state import decode_state
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import EmployeeContact
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.domain.score import Score, ScoreUpdate
from tests.support.oracle import Applied, Oracle
from tests.support.reading import ReadRecord

#: The last applied offset of each source, in the sources' order; -1 for none.
Offsets = tuple[int, ...]


def update_problems(
    updates: list[ReadRecord],
    changelog: list[ReadRecord],
    oracle: Oracle,
    outputs: OutputCodec,
    *,
    exactly_once: bool,
) -> list[str]:
    """Return what is wrong with the score updates, after *oracle* has replayed all sources."""
    sent: dict[str, list[ScoreUpdate]] = {}
    for record in updates:
        assert record.value is not None
        update = outputs.decode_score_update(record.value)
        sent.setdefault(update.customer_id, []).append(update)
    states = _states_by_version(changelog, oracle)
    problems = (
        [f"{len(unknown)} unknown customers announced"]
        if (unknown := sent.keys() - oracle.truth.profiles.keys())
        else []
    )
    for customer in oracle.truth.profiles:
        mine = sent.get(customer, [])
        history = _History(oracle, oracle.truth.history.get(customer, []))
        found = [
            *(_repetitions(mine) if exactly_once else ()),
            *_contradictions(mine),
            *_newest_problems(mine, oracle.truth.profiles[customer], oracle),
            *_unexplained(mine, states.get(customer, {}), history),
        ]
        problems += [f"{customer}: {problem}" for problem in found]
    return problems


def class_gaps(updates: list[ReadRecord], outputs: OutputCodec) -> list[str]:
    """Return where the class that an update came from is not the class of the one before it."""
    sent: dict[str, dict[int, ScoreUpdate]] = {}
    for record in updates:
        assert record.value is not None
        update = outputs.decode_score_update(record.value)
        sent.setdefault(update.customer_id, {})[update.version] = update
    gaps = []
    for customer, versions in sent.items():
        before = None
        for version in sorted(versions):
            update = versions[version]
            if update.previous_class is not before:
                gaps.append(f"{customer}: version {version} came from {update.previous_class}")
            before = update.score.source_class
    return gaps


def _states_by_version(
    changelog: list[ReadRecord], oracle: Oracle
) -> dict[str, dict[int, Offsets]]:
    states: dict[str, dict[int, Offsets]] = {}
    for record in changelog:
        if record.key is not None and record.value is not None:
            delivery = decode_state(record.value, oracle.policy).delivery
            offsets = states.setdefault(record.key.decode(), {})
            offsets[delivery.version] = tuple(delivery.applied)
    return states


def _repetitions(sent: list[ScoreUpdate]) -> Iterator[str]:
    places = [(update.version, update.as_of) for update in sent]
    if places != sorted(set(places)):
        yield f"updates repeat or go back: {places}"


def _contradictions(sent: list[ScoreUpdate]) -> Iterator[str]:
    scores: dict[tuple[int, int, int], Score] = {}
    for update in sent:
        place = (update.version, update.as_of, update.score.epoch_id)
        if scores.setdefault(place, update.score) != update.score:
            yield f"two updates of version {update.version} have different contents"


def _newest_problems(sent: list[ScoreUpdate], state: ProfileState, oracle: Oracle) -> Iterator[str]:
    final = oracle.score(state)
    newest = max(sent, key=lambda update: (update.version, update.as_of), default=None)
    if newest is None:
        yield "no update was sent"
    elif (
        newest.score.source_class is not final.source_class
        or abs(newest.score.total - final.total) >= oracle.policy.epsilon
    ):
        yield "newest update is not within epsilon of the final score"


def _unexplained(
    sent: list[ScoreUpdate], states: dict[int, Offsets], history: "_History"
) -> Iterator[str]:
    for update in sorted(sent, key=lambda each: each.version):
        offsets = states.get(update.version)
        if offsets is None:
            yield f"update of version {update.version} tells of no state in the changelog"
        elif not history.explains(update, offsets):
            yield f"update of version {update.version} is not the score of the events before it"


class _History:
    """The events of one customer, replayed up to any offsets."""

    def __init__(self, oracle: Oracle, applied: Iterable[Applied]) -> None:
        self._oracle = oracle
        self._topics: list[list[Applied]] = [[] for _ in Source]
        for each in applied:
            self._topics[each.source].append(each)
        self._state = ProfileState.empty(0)
        self._counts = [0] * len(Source)

    def explains(self, update: ScoreUpdate, offsets: Offsets) -> bool:
        """Tell whether the events up to *offsets* make exactly this update."""
        counts = self._counts_at(offsets)
        if sum(counts) != update.version:
            return False
        state = self._replay(counts)
        return state.last_occurred_at == update.as_of and self._oracle.score(state) == update.score

    def _counts_at(self, offsets: Offsets) -> list[int]:
        limits = [*offsets, *[-1] * (len(Source) - len(offsets))]
        return [
            sum(each.offset <= limit for each in topic)
            for topic, limit in zip(self._topics, limits, strict=True)
        ]

    def _replay(self, counts: list[int]) -> ProfileState:
        if any(wanted < done for wanted, done in zip(counts, self._counts, strict=True)):
            self._state, self._counts = ProfileState.empty(0), [0] * len(Source)
        for topic, done, wanted in zip(self._topics, self._counts, counts, strict=True):
            for each in topic[done:wanted]:
                assert not isinstance(each.event, EmployeeContact)
                apply_event(self._state, each.event, self._oracle.policy)
        self._counts = counts
        return self._state
