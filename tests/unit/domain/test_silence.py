"""When silence alone changes a class: the first second, and the next look."""

from bisect import bisect_right
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.days import DAY_S
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.events import ProfileEvent
from ckm_stream.domain.facts import Facts, add_event
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import SourceClass
from ckm_stream.domain.scoring import score_profile
from ckm_stream.domain.silence import (
    LONGEST_LOOK_DAYS,
    ClassAt,
    first_change,
    midnights,
    next_look_s,
)
from tests.support.populations import simulated
from tests.support.touchpoints import POLICY, T0_S, histories

EPOCH = epoch_zero(POLICY)
CLASSES = list(SourceClass)


def class_of(facts: Facts, policy: Policy = POLICY) -> ClassAt:
    """Return the class of a customer by time, if nothing happens any more."""
    return lambda at_s: score_profile(facts, as_of_s=at_s, epoch=EPOCH, policy=policy).source_class


def steps(changes: list[tuple[int, SourceClass]]) -> ClassAt:
    """Return a class that is another one from given seconds on."""
    return lambda at_s: changes[bisect_right(changes, at_s, key=lambda each: each[0]) - 1][1]


@given(st.integers(1, 40 * DAY_S), st.integers(1, 50 * DAY_S))
def test_the_first_second_of_another_class_is_found(change_s: int, window_s: int) -> None:
    """To the second, wherever it lies; a change behind the window is not looked for."""
    class_at = steps([(0, SourceClass.ORDINARY), (T0_S + change_s, SourceClass.UNKNOWN)])

    found = first_change(
        class_at,
        SourceClass.ORDINARY,
        after_s=T0_S,
        until_s=T0_S + window_s,
        instants=midnights(T0_S, T0_S + window_s, POLICY.landmark_s),
    )

    assert found == (T0_S + change_s if change_s <= window_s else None)


@given(st.lists(st.integers(1, 400), unique=True, max_size=8))
def test_of_several_changes_the_first_is_found(days: list[int]) -> None:
    """Also where a later one takes it back."""
    changes = [(0, CLASSES[0])]
    changes += [(T0_S + day * DAY_S, CLASSES[n % 2 - 1]) for n, day in enumerate(sorted(days))]

    found = first_change(
        steps(changes),
        CLASSES[0],
        after_s=T0_S,
        until_s=T0_S + 500 * DAY_S,
        instants=midnights(T0_S, T0_S + 500 * DAY_S, POLICY.landmark_s),
    )

    assert found == next((at_s for at_s, each in changes[1:] if each is not CLASSES[0]), None)


@given(histories(20).filter(bool), st.integers(1, 400))
def test_no_earlier_day_has_another_class(events: list[ProfileEvent], days: int) -> None:
    """Of real scores: the second before has the known class, and so have all middays before."""
    policy = Policy(n0=0.3)
    facts = Facts.empty()
    for event in events:
        add_event(facts, event, policy)
    after_s = facts.last_at // 1_000_000
    class_at = class_of(facts, policy)
    known, until_s = class_at(after_s), after_s + days * DAY_S

    at_s = first_change(
        class_at,
        known,
        after_s=after_s,
        until_s=until_s,
        instants=midnights(after_s, until_s, policy.landmark_s),
    )

    if at_s is not None:
        assert class_at(at_s) is not known
        assert class_at(at_s - 1) is known
    before_s = until_s if at_s is None else at_s
    assert all(class_at(each) is known for each in range(after_s, before_s, DAY_S // 2))


def test_everybody_with_a_class_becomes_unknown_in_the_end() -> None:
    """Evidence ages: nobody keeps a class for ever, and nobody leaves the unknown any more."""
    population = simulated(150, seed=3)
    changed = 0
    for facts in population.facts.values():
        class_at = class_of(facts)
        after_s = max(facts.last_at // 1_000_000, facts.first_s + POLICY.known_after_s)
        seen = [class_at(after_s + month * 30 * DAY_S) for month in range(120)]
        changed += seen[0] is not SourceClass.UNKNOWN

        assert seen[-1] is SourceClass.UNKNOWN
        assert all(
            after is SourceClass.UNKNOWN
            for before, after in pairwise(seen)
            if before is SourceClass.UNKNOWN
        )
    assert changed > 20


@given(st.integers(0, 1 << 32), st.integers(0, 1000 * DAY_S))
def test_looks_become_rarer_with_silence(changed_s: int, silent_s: int) -> None:
    """The next look is a midnight ahead, at most as far as the silence has lasted, or 32 days."""
    now_s = changed_s + silent_s

    look_s = next_look_s(changed_s, now_s)

    silent_days = now_s // DAY_S - changed_s // DAY_S
    assert look_s % DAY_S == 0
    assert now_s < look_s <= now_s + max(1, min(silent_days, LONGEST_LOOK_DAYS)) * DAY_S


@given(st.integers(0, 1 << 32), st.integers(0, 300 * DAY_S), st.integers(0, 300 * DAY_S))
def test_whoever_looks_looks_at_the_same_midnights(
    changed_s: int, one_s: int, other_s: int
) -> None:
    """A successor that knows only the state falls into step."""
    early_s, late_s = sorted((changed_s + one_s, changed_s + other_s))
    look_s = early_s
    while look_s <= late_s:
        look_s = next_look_s(changed_s, look_s)

    assert next_look_s(changed_s, late_s) == look_s


@pytest.mark.parametrize(("days", "looks"), [(1, 1), (365, 16)])
def test_a_silent_year_takes_a_handful_of_looks(days: int, looks: int) -> None:
    """1, 2, 4 … 32 days, then every 32 days."""
    at_s, count = T0_S, 0
    while (at_s := next_look_s(T0_S, at_s)) <= T0_S + days * DAY_S:
        count += 1

    assert count == looks
