"""Whole units of work: the compiled core causes what the Python core causes, to the byte."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.topics import Source
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.events import Event, ProfileEvent
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import InvariantError, TransientError
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.pipeline.origin import HEADER
from ckm_stream.pipeline.recent import RecentStates
from ckm_stream.pipeline.records import Effects, Slice
from ckm_stream.pipeline.silence import Change
from ckm_stream.pipeline.unit import Core, Unit
from tests.support.batches import Batch, taken_from
from tests.support.touchpoints import T0_S, call, contact, feedback, histories, order, referral
from tests.support.units import (
    EVENTS,
    OUTPUTS,
    PARTITION,
    POLICY,
    TOPICS,
    Record,
    States,
    core_over,
    profile_fold,
    record,
    slice_from,
    slice_of,
)

native = pytest.importorskip("ckm_stream.native.unit", reason="the compiled core was not built")

Run = list[list[Slice]]


def compiled_core(states: States, policy: Policy = POLICY, **changes: Any) -> Core:
    """Return the core of ``core_over`` with the compiled rules."""
    epoch = epoch_zero(policy)
    profiles = native.ProfileFold(
        topics=TOPICS,
        events=EVENTS,
        outputs=OUTPUTS,
        policy=policy,
        epoch_at=lambda _as_of_s: epoch,
    )
    employees = native.EmployeeFold(policy=POLICY)
    return dataclasses.replace(
        core_over(states, **changes),
        folds={source: employees if source is Source.EMPLOYEE else profiles for source in Source},
    )


def effects_of(
    units: Run, core_of: Callable[..., Core], unit_type: type[Unit], **changes: Any
) -> tuple[list[Effects], States]:
    """Run units one after the other, each seeing what those before have made durable."""
    states, recent = States(), RecentStates(2)
    core, made = core_of(states, **changes), []
    for parts in units:
        unit = unit_type(core, PARTITION, recent)
        for part in parts:
            unit.add(part)
        made.append(states.keep(unit.seal()))
        unit.release()
    return made, states


def assert_same(units: Run, **changes: Any) -> list[Effects]:
    """Both cores cause the same and leave the same; return what that is."""
    expected, expected_states = effects_of(units, core_over, Unit, **changes)
    for same in (units, [[fetched(part) for part in parts] for parts in units]):
        made, states = effects_of(same, compiled_core, native.CompiledUnit, **changes)

        assert made == expected
        assert states.data == expected_states.data
    return expected


def fetched(part: Slice) -> Slice:
    """Return *part* as it is fetched: its records are in a batch, none is an object."""
    first, last = part.records[0].offset, part.records[-1].offset
    batch = Batch(
        tuple(
            (each.offset - first, each.timestamp, each.key, each.value, list(each.headers))
            for each in part.records
        ),
        base_offset=first,
        offsets=last - first + 1,
    )
    return dataclasses.replace(part, records=taken_from(batch.encode()))


def parts_of(events: list[ProfileEvent]) -> Iterator[tuple[Source, Record]]:
    """Give each event the next offset of its own topic."""
    offsets = dict.fromkeys(Source, 0)
    for event in events:
        at = slice_from(0, event)
        offsets[at.source] += 1
        yield at.source, record(offsets[at.source], event)


@given(histories(), st.data())
def test_any_history_in_any_units_has_the_same_effects(
    events: list[ProfileEvent], data: st.DataObject
) -> None:
    """Slices of any length, some of them delivered again."""
    slices = [slice_of([each], source) for source, each in parts_of(events)]
    again = data.draw(st.lists(st.sampled_from(slices), max_size=3)) if slices else []
    cuts = sorted(data.draw(st.lists(st.integers(0, len(slices)), max_size=3)))
    units = [slices[a:b] for a, b in zip([0, *cuts], [*cuts, len(slices)], strict=True)]

    assert_same([*units, again])


@given(histories(max_size=6))
def test_both_announce_again_alike(events: list[ProfileEvent]) -> None:
    """What a predecessor may not have told, from its states: the same bytes in either core."""
    slices = [slice_of([each], source) for source, each in parts_of(events)]
    _, states = effects_of([slices], core_over, Unit)
    expected = Unit(core_over(states), PARTITION)
    made = native.CompiledUnit(compiled_core(states), PARTITION)

    for unit in (expected, made):
        unit.announce_again([b"c-1"])

    assert made.seal() == expected.seal()


@given(histories(max_size=12), st.lists(st.integers(-1, 900), max_size=4))
def test_both_announce_changes_by_silence_alike(
    events: list[ProfileEvent], days: list[int]
) -> None:
    """At any instant, also one before the newest event: the same bytes, or nothing from either."""
    slices = [slice_of([each], source) for source, each in parts_of(events)]
    policy = dataclasses.replace(POLICY, n0=0.3)
    reference = profile_fold(policy)
    _, states = effects_of([slices], core_over, Unit, profiles=reference)
    newest_s = max((each.occurred_s for each in events), default=0)
    changes = [Change(newest_s + day * 86_400, b"c-1") for day in sorted(days)] if events else []
    expected = Unit(core_over(states, profiles=reference), PARTITION)
    made = native.CompiledUnit(compiled_core(states, policy), PARTITION)

    for unit in (expected, made):
        unit.announce_changes(changes)

    assert made.seal() == expected.seal()


@given(histories(max_size=6).filter(bool))
def test_both_tell_the_first_and_the_newest_second(events: list[ProfileEvent]) -> None:
    """What silence is measured by."""
    slices = [slice_of([each], source) for source, each in parts_of(events)]
    _, states = effects_of([slices], core_over, Unit)
    data = states.data[PROFILES, b"c-1"]
    folds = profile_fold(POLICY), compiled_core(states).folds[Source.CALL]

    first, newest = (
        {getattr(fold, name)(fold.load(data, PARTITION)) for fold in folds}
        for name in ("first_s", "newest_s")
    )

    seconds = [each.occurred_s for each in events]
    assert (first, newest) == ({min(seconds)}, {max(seconds)})


@given(histories(max_size=4), st.data())
def test_bytes_that_are_not_an_event_are_rejected_alike(
    events: list[ProfileEvent], data: st.DataObject
) -> None:
    """Cut, changed, lengthened or of another key: the same dead letters, the same neighbours."""
    parts = []
    for source, each in parts_of(events):
        value = each.value or b""
        place = data.draw(st.integers(0, len(value)))
        bad = data.draw(
            st.sampled_from(
                [
                    value[:place],
                    value[:place] + bytes([data.draw(st.integers(0, 255))]) + value[place + 1 :],
                    value + b"\0",
                    None,
                    b"",
                ]
            )
        )
        key = data.draw(st.sampled_from([each.key, None, b"", b"c-2"]))
        at = 3 * each.offset
        wrong = dataclasses.replace(each, offset=at, value=bad)
        right = dataclasses.replace(each, offset=at + 1)
        other = dataclasses.replace(each, offset=at + 2, key=key)
        parts.append(slice_of([wrong, right], source))
        parts.append(slice_of([other], source))

    assert_same([parts])


ODD = {
    "blank customer": order("o", customer_id="  "),
    "blank id": call(" "),
    "long id": call("x" * 300),
    "long text in few characters": feedback("f", text="漢" * 50_000),
    "too long text": feedback("f", text="x" * 100_001),
    "long topic": call("c", topics=("ü" * 400,)),
    "many topics": call("c", topics=("t",) * 101),
    "not a number": feedback("f", novelty=float("nan")),
    "infinite": call("c", wait_s=float("inf")),
    "negative": order("o", amount=-1),
    "too much": order("o", amount=(1 << 53) + 1),
    "before the landmark": order("o", at_s=1_000),
    "in the future": order("o", at_s=T0_S + 100 * 365 * 86_400),
    "no stars": call("c", satisfaction=0),
    "rating off its scale": feedback("f", rating=6.0, rating_scale=5.0),
    "scale of nothing": feedback("f", rating_scale=0.0),
    "all is well, in Chinese": feedback("f", text="水壶漏水", product="水壶", topics=("质量",)),
}


@pytest.mark.parametrize("event", ODD.values(), ids=ODD.keys())
def test_what_is_unusual_is_decided_by_the_reference(event: Event) -> None:
    """Rejected with its reason, or applied; never one here and the other there."""
    assert_same([[slice_from(1, event)]])


def test_forwarded_events_know_their_origin_in_both() -> None:
    """A contact and a referral go to their keys with the origin that makes a repeat harmless."""
    sent = order("o", referred_by="c-9"), call("c", employee_id="e-1", note="leaks")
    (effects,) = assert_same([[slice_from(5, sent[0]), slice_from(8, sent[1])]])

    assert [each.headers for each in effects.forwarded] == [
        ((HEADER, b"2:3:5"),),
        ((HEADER, b"0:3:8"),),
    ]


@pytest.mark.parametrize("forwarded", [referral("r"), contact("h")])
def test_an_origin_that_was_passed_counts_once_in_both(forwarded: Event) -> None:
    """The same origin again, an earlier one, none at all and one that is unreadable."""
    headers = [b"0:3:7", b"0:3:7", b"0:3:6", b"1:3:6", b"0:3:8", b"9:3:9", b"x", None]
    records = [
        dataclasses.replace(
            record(at, msgspec.structs.replace(forwarded, event_id=f"e{at}")),
            headers=() if header is None else (("other", b"0:3:99"), (HEADER, header)),
        )
        for at, header in enumerate(headers, start=1)
    ]
    source = slice_from(1, forwarded).source
    (effects,) = assert_same([[slice_of(records, source)]])

    assert effects.tally.applied[source] == 6


def test_a_key_of_another_partition_is_rejected_in_both() -> None:
    """It would give the customer a second state, with a second writer."""
    (effects,) = assert_same([[slice_from(1, order("o"))]], partition_of=lambda _key: 0)

    assert len(effects.dead_letters) == 1


class Unanswered:
    """An event codec whose registry cannot be asked."""

    def __init__(self) -> None:
        self.max_value_bytes = EVENTS.max_value_bytes

    def is_newest(self, source: Source, head: bytes) -> bool:
        """Fail as a registry that is away."""
        raise TransientError("the registry does not answer")


def test_a_registry_that_is_away_leaves_the_compiled_unit_as_it_was() -> None:
    """The slice can be added again when it answers."""
    core = compiled_core(States())
    away: Any = Unanswered()
    unit = native.CompiledUnit(dataclasses.replace(core, events=away), PARTITION)
    part = slice_from(1, order("o"))
    with pytest.raises(TransientError):
        unit.add(part)

    unit._core = core
    unit.add(part)

    assert unit.seal() == effects_of([[part]], core_over, Unit)[0][0]


def test_a_state_that_is_none_is_refused_by_the_compiled_core_too() -> None:
    """The reference says why."""
    states = States({("profiles", b"c-1"): b"no state"})
    unit = native.CompiledUnit(compiled_core(states), PARTITION)

    with pytest.raises(InvariantError, match="not a state"):
        unit.add(slice_from(1, order("o")))
