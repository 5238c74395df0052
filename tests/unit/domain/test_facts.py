"""Facts: first and last times, and which events are the newest evidence of what."""

from itertools import permutations

from ckm_stream.domain import counters
from ckm_stream.domain.events import MICROS, SIMULATED_SOURCE, CallOutcome
from ckm_stream.domain.facts import Facts, Newest, add_event, merge, note_newest
from tests.support.touchpoints import POLICY, T0_S, call, order


def test_times_are_those_of_the_first_and_last_event() -> None:
    """Whatever comes first; before any event they are -1."""
    facts = Facts.empty()
    assert (facts.first_s, facts.last_at) == (-1, -1)

    for number, at_s in enumerate((T0_S + 5, T0_S, T0_S + 9)):
        add_event(facts, order(f"o{number}", at_s), POLICY)

    assert (facts.first_s, facts.last_at) == (T0_S, (T0_S + 9) * MICROS)
    assert (facts.first_purchase_s, facts.last_purchase_s) == (T0_S, T0_S + 9)


def test_each_indicator_has_one_newest_event() -> None:
    """An entry stays for the indicators that it is the newest of, and goes with the last."""
    entries: list[Newest] = [(1, "a", 0b111), (2, "b", 0b010), (3, "c", 0b110)]

    results = []
    for sequence in permutations(entries):
        newest: list[Newest] = []
        for entry in sequence:
            note_newest(newest, entry)
        results.append(newest)

    assert results == [[(3, "c", 0b110), (1, "a", 0b001)]] * 6


def test_events_of_one_instant_are_ordered_by_id() -> None:
    """A tie of times is broken by the ids; equal ids of two systems are one entry."""
    newest: list[Newest] = []
    for entry in ((5, "b", 0b01), (5, "a", 0b11), (5, "b", 0b100)):
        note_newest(newest, entry)

    assert newest == [(5, "b", 0b101), (5, "a", 0b010)]


def test_an_event_of_no_evidence_is_the_newest_of_nothing() -> None:
    """A lost inbound call without consent says nothing of any indicator."""
    facts = Facts.empty()

    add_event(facts, call(outcome=CallOutcome.NO_ANSWER), POLICY)

    assert facts.newest == []


def test_empty_facts_share_nothing() -> None:
    """What one customer does is not seen in another."""
    one, other = Facts.empty(), Facts.empty()

    add_event(one, order(), POLICY)

    assert other == Facts.empty()


def test_simulated_events_are_counted_as_such() -> None:
    """Whoever shows a profile can say that it is not real."""
    facts = Facts.empty()

    add_event(facts, order("real"), POLICY)
    add_event(facts, order("made up", source=SIMULATED_SOURCE), POLICY)

    assert facts.counts[counters.SIMULATED] == 1


def test_merged_facts_are_those_of_both() -> None:
    """Neither side changes; the first and last times are taken over both."""
    left, right = Facts.empty(), Facts.empty()
    add_event(left, order("a", T0_S), POLICY)
    add_event(right, order("b", T0_S + 9), POLICY)

    merged = merge(left, right)

    assert (merged.first_purchase_s, merged.last_purchase_s) == (T0_S, T0_S + 9)
    assert merged.counts[counters.ORDERS] == 2
    assert [entry[1] for entry in merged.newest] == ["b"]
    assert left.counts[counters.ORDERS] == right.counts[counters.ORDERS] == 1
