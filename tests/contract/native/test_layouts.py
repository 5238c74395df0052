"""States that go to and fro between releases: either core, either layout, the same customers."""

import dataclasses
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckm_stream.codec.layouts import LAYOUTS
from ckm_stream.codec.state import decode_employee, decode_state, encode_state
from ckm_stream.codec.topics import Source
from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.events import ProfileEvent, TextReading
from ckm_stream.pipeline import fold as reference
from ckm_stream.pipeline.fold import EMPLOYEES, PROFILES
from ckm_stream.pipeline.records import Effects
from ckm_stream.pipeline.unit import Core, Unit
from tests.support.touchpoints import contact, feedback, histories, order
from tests.support.units import (
    EVENTS,
    OUTPUTS,
    PARTITION,
    POLICY,
    TOPICS,
    States,
    core_over,
    slice_from,
)

native = pytest.importorskip("ckm_stream.native.unit", reason="the compiled core was not built")

#: Releases that may share the partitions of a group: a core, and the layout that it writes.
RELEASES: Final = [(core, layout) for core in ("python", "compiled") for layout in LAYOUTS]
EPOCH_ZERO: Final = epoch_zero(POLICY)


def unit_of(
    release: tuple[str, int], states: States, epoch: Epoch = EPOCH_ZERO
) -> tuple[Core, Unit]:
    """Return a unit as a worker of *release* would make it, over the states that are durable."""
    core, layout = release
    folds, unit = (reference, Unit) if core == "python" else (native, native.CompiledUnit)
    profiles = folds.ProfileFold(
        topics=TOPICS,
        events=EVENTS,
        outputs=OUTPUTS,
        policy=POLICY,
        epoch_at=lambda _as_of_s: epoch,
        layout=layout,
    )
    employees = folds.EmployeeFold(policy=POLICY, layout=layout)
    both: dict[Source, Any] = {
        source: employees if source is Source.EMPLOYEE else profiles for source in Source
    }
    made = dataclasses.replace(core_over(states), folds=both)
    return made, unit(made, PARTITION)


def run(events: list[Any], releases: list[tuple[str, int]]) -> tuple[list[Effects], States]:
    """Give each event to a worker of the release of its turn; return all effects and states."""
    states, made = States(), []
    for number, event in enumerate(events):
        _, unit = unit_of(releases[number % len(releases)], states)
        unit.add(slice_from(number, event))
        made.append(states.keep(unit.seal()))
    return made, states


def substance(states: States) -> dict[tuple[str, bytes], Any]:
    """Return what every layout holds of the states, whatever layout each was left in."""
    return {
        (table, key): (
            encode_state(decode_state(data, POLICY), POLICY, layout=1)
            if table == PROFILES
            else decode_employee(data, POLICY)
        )
        for (table, key), data in states.data.items()
    }


@settings(deadline=None)
@given(
    # Layout 1 has no room for texts.
    histories().map(lambda events: [e for e in events if not isinstance(e, TextReading)]),
    st.lists(st.sampled_from(RELEASES), min_size=1, max_size=6),
)
def test_a_state_that_goes_to_and_fro_between_releases_is_the_same(
    events: list[ProfileEvent], releases: list[tuple[str, int]]
) -> None:
    """Whichever release had it in turn: equal parts that all have, equal effects."""
    everything = [*events, contact("a"), contact("b")]

    made, states = run(everything, releases)
    expected, expected_states = run(everything, [("python", 1)])

    assert substance(states) == substance(expected_states)
    for ours, theirs in zip(made, expected, strict=True):
        assert ours.updates == theirs.updates
        assert ours.items == theirs.items
        assert ours.forwarded == theirs.forwarded


@pytest.mark.parametrize("core", ["python", "compiled"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_state_is_left_in_the_layout_that_is_set(core: str, layout: int) -> None:
    """Whatever layout it was found in."""
    for found in LAYOUTS:
        _, states = run([order("a"), contact("x")], [("python", found)])
        for number, event in ((7, order("b")), (8, contact("y"))):
            _, unit = unit_of((core, layout), states)
            unit.add(slice_from(number, event))
            states.keep(unit.seal())

        places = {PROFILES: 3, EMPLOYEES: 1}
        assert {data[places[table]] for (table, _), data in states.data.items()} == {layout}


def test_the_epoch_announced_is_kept_alike_in_layout_two() -> None:
    """The id of the epoch that a score was announced in, for its repetition."""
    epoch = dataclasses.replace(EPOCH_ZERO, epoch_id=300)
    left = []
    for core in ("python", "compiled"):
        states = States()
        _, unit = unit_of((core, 2), states, epoch)
        unit.add(slice_from(0, feedback("a")))
        states.keep(unit.seal())
        left.append(states.data)

    assert left[0] == left[1]
    (state,) = (each for (table, _), each in left[0].items() if table == PROFILES)
    assert decode_state(state, POLICY).delivery.announced_epoch == 300
