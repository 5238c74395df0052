"""Events as bad days deliver them: repeated, shuffled and late; and what they should come to."""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from ckm_stream.codec.events import EventCodec, key_of, source_of
from ckm_stream.codec.state import decode_employee, decode_state
from ckm_stream.domain.events import MICROS, Event, TouchpointEvent
from ckm_stream.domain.forwarding import forward
from ckm_stream.domain.policy import Policy
from tests.support.oracle import Oracle
from tests.support.reading import ReadRecord
from tests.support.verify import Published

_DAY = 86_400 * MICROS
_WINDOW = 10


@dataclass(frozen=True, slots=True)
class Disorder:
    """
    Events in the order of their publication.

    Attributes:
        events: All of them, the repeated ones twice.
        repeated: How many are a second copy, up to 24 hours of event time after the first.
        late: How many come up to 7 days of event time after their place.
    """

    events: list[TouchpointEvent]
    repeated: int
    late: int


def disorder(events: list[TouchpointEvent], *, seed: int) -> Disorder:
    """Repeat 5 % of *events*, which are in time order, delay 2 %, and shuffle windows of 10."""
    chance = random.Random(seed)
    repeated = chance.sample(events, len(events) // 20)
    late = set(chance.sample(range(len(events)), len(events) // 50))
    placed = [
        (event.occurred_at + (chance.randrange(7 * _DAY) if number in late else 0), event)
        for number, event in enumerate(events)
    ]
    placed += [(event.occurred_at + chance.randrange(_DAY), event) for event in repeated]
    placed.sort(key=lambda each: each[0])
    published = [event for _, event in placed]
    for start in range(0, len(published), _WINDOW):
        window = published[start : start + _WINDOW]
        chance.shuffle(window)
        published[start : start + _WINDOW] = window
    return Disorder(published, len(repeated), len(late))


def canonical_replay(
    events: Iterable[TouchpointEvent], codec: EventCodec, policy: Policy
) -> Oracle:
    """Replay each of *events* once and in time order, and then what they forward."""
    oracle = Oracle(codec, policy)
    forwarded: list[Event] = []
    for event in events:
        oracle.feed(source_of(event), [_record(event, codec)])
        forwarded += forward(event, policy=policy)
    for other in forwarded:
        oracle.feed(source_of(other), [_record(other, codec)])
    return oracle


def differences(published: Published, canonical: Oracle) -> list[str]:
    """Return whose state in the changelogs is not, to the byte, what the canonical replay made."""
    policy, truth = canonical.policy, canonical.truth
    found = {
        record.key: canonical.substance(decode_state(record.value, policy))
        for record in published.profile_changelog
        if record.key is not None and record.value is not None
    } | {
        record.key: canonical.employee_substance(decode_employee(record.value, policy))
        for record in published.employee_changelog
        if record.key is not None and record.value is not None
    }
    expected = {
        key.encode(): canonical.substance(state) for key, state in truth.profiles.items()
    } | {
        key.encode(): canonical.employee_substance(state) for key, state in truth.employees.items()
    }
    return sorted(
        key.decode()
        for key in found.keys() | expected.keys()
        if found.get(key) != expected.get(key)
    )


def _record(event: Event, codec: EventCodec) -> ReadRecord:
    return ReadRecord("", 0, 0, -1, key_of(event).encode(), codec.encode(event), ())
