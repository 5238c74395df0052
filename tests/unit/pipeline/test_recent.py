"""States kept decoded between units: the same effects, without decoding."""

from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.events import ProfileEvent
from ckm_stream.pipeline.fold import EMPLOYEES, PROFILES
from ckm_stream.pipeline.recent import RecentStates
from ckm_stream.pipeline.records import Effects, Slice
from ckm_stream.pipeline.unit import Unit
from tests.support.touchpoints import call, histories
from tests.support.units import PARTITION, States, core_over, slice_from


def run(states: States, recent: RecentStates, *parts: Slice) -> Effects:
    """Run a unit to its end: fold, make durable, release."""
    unit = Unit(core_over(states), PARTITION, recent)
    for part in parts:
        unit.add(part)
    effects = states.keep(unit.seal())
    unit.release()
    return effects


def test_a_state_that_is_taken_is_there_no_more() -> None:
    """Whoever takes it may change it, and what is kept must equal what is durable."""
    recent = RecentStates(2)
    recent.keep(PROFILES, {b"a": "state"})

    assert recent.take(PROFILES, b"a") == "state"
    assert recent.take(PROFILES, b"a") is None


def test_tables_do_not_mix() -> None:
    """A customer and an employee may have the same key."""
    recent = RecentStates(2)
    recent.keep(PROFILES, {b"a": "customer"})

    assert recent.take(EMPLOYEES, b"a") is None


def test_the_least_recently_used_make_room() -> None:
    """Taking and keeping a state again makes it the newest."""
    recent = RecentStates(2)
    recent.keep(PROFILES, {b"a": 1, b"b": 2})
    recent.keep(PROFILES, {b"a": recent.take(PROFILES, b"a")})
    recent.keep(PROFILES, {b"c": 3})

    assert [recent.take(PROFILES, key) for key in (b"a", b"b", b"c")] == [1, None, 3]


def test_a_released_state_is_not_read_from_its_bytes() -> None:
    """The next unit of the partition goes on with the object itself."""
    states, recent = States(), RecentStates(1)
    run(states, recent, slice_from(0, call("a")))
    states.data.clear()

    effects = run(states, recent, slice_from(0, call("b")))

    assert effects.tally.redelivered.total() == 1


def test_what_was_not_released_is_read_again() -> None:
    """A unit whose effects did not become durable leaves nothing behind."""
    states, recent = States(), RecentStates(1)
    run(states, recent, slice_from(0, call("a")))
    lost = Unit(core_over(states), PARTITION, recent)
    lost.add(slice_from(1, call("b")))
    lost.seal()

    effects = run(states, recent, slice_from(1, call("b")))

    assert effects.tally.applied.total() == 1


@given(histories(max_size=12), st.integers(0, 2))
def test_effects_do_not_depend_on_what_is_kept(events: list[ProfileEvent], capacity: int) -> None:
    """A state that was kept and one that was decoded are the same to the byte."""
    written: list[list[Effects]] = []
    for size in (0, capacity):
        states, recent = States(), RecentStates(size)
        units = [run(states, recent, slice_from(at, event)) for at, event in enumerate(events)]
        written.append(units)

    assert written[0] == written[1]
