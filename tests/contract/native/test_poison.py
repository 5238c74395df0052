"""
No valid event can end a worker: whatever passes the checks is folded, scored and written for ever.

Extreme but valid events, thousands to one customer, through both cores: equal bytes, no error.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.state import decode_state, encode_state
from ckm_stream.codec.topics import Source
from ckm_stream.domain import counters
from ckm_stream.domain.checks import MAX_AMOUNT, check_event
from ckm_stream.domain.events import MICROS, ProfileEvent, PurchaseKind, PurchaseLine, ReferralKind
from ckm_stream.domain.facts import merge
from ckm_stream.domain.sections import sections
from ckm_stream.domain.sketch import MOST
from ckm_stream.domain.slots import MILLE
from ckm_stream.pipeline.records import Effects
from ckm_stream.pipeline.unit import Unit
from tests.contract.native.test_unit import compiled_core, native
from tests.support.touchpoints import (
    POLICY,
    T0_S,
    call,
    feedback,
    order,
    reading,
    referral,
    refund,
    ticket,
)
from tests.support.units import PARTITION, States, core_over, record, slice_of

#: Enough of the greatest amounts for any sum of 64 bits to be full: 2^53 * 1,024 is 2^63.
_MANY: Final = 5_000
_LAST_S: Final = POLICY.landmark_s + POLICY.horizon_s
_FARTHEST: Final = (1 << 63) - 1


def effects_of(core: Any, unit_type: type[Unit], events: Sequence[ProfileEvent]) -> Effects:
    """Fold events of one type in one unit; their records say that they were just written."""
    records = [record(offset, event) for offset, event in enumerate(events)]
    source = {
        "Purchase": Source.PURCHASE,
        "Referral": Source.REFERRAL,
        "TextReading": Source.TEXT,
        "Feedback": Source.FEEDBACK,
        "Call": Source.CALL,
        "Ticket": Source.TICKET,
    }[type(events[0]).__name__]
    unit = unit_type(core, PARTITION)
    unit.add(slice_of(records, source))
    return unit.seal()


def both(events: Sequence[ProfileEvent]) -> tuple[Effects, States]:
    """Fold *events* with both cores, compare all that comes out, and return it."""
    for event in events:
        check_event(event, record_timestamp_ms=-1, policy=POLICY)
    states, others = States(), States()
    expected = states.keep(effects_of(core_over(states), Unit, events))
    made = others.keep(effects_of(compiled_core(others), native.CompiledUnit, events))
    assert made == expected
    assert expected.rejections == []
    return expected, states


def most(name: str, at_s: int = _LAST_S, **changes: Any) -> ProfileEvent:
    """Return an order of everything that an order may have, as much as it may have of it."""
    line = PurchaseLine(sku="s" * 500, category="c", quantity=(1 << 31) - 1, amount=MAX_AMOUNT)
    return order(name, at_s, **{"amount": MAX_AMOUNT, "cost": 1, "lines": (line, line)} | changes)


KINDS: Final[dict[str, Callable[[int], ProfileEvent]]] = {
    "orders": lambda n: most(f"o{n}"),
    "orders on one day": lambda n: most(f"o{n}", T0_S, cost=0),
    "orders at a loss": lambda n: most(f"o{n}", amount=1, cost=MAX_AMOUNT),
    "refunds": lambda n: most(f"r{n}", kind=PurchaseKind.REFUND),
    "refunds without cost": lambda n: refund(f"r{n}", amount=MAX_AMOUNT, cost=0),
    "referrals": lambda n: referral(f"f{n}", _LAST_S, margin=MAX_AMOUNT),
    "referred refunds": lambda n: referral(f"f{n}", kind=ReferralKind.REFUND, margin=MAX_AMOUNT),
    "praise": lambda n: reading(f"w{n}", _LAST_S, sentiment=MILLE),
    "displeasure": lambda n: reading(f"w{n}", _LAST_S, sentiment=-MILLE),
    "feedback": lambda n: feedback(f"b{n}", _LAST_S, rating=float(MAX_AMOUNT), novelty=1.0),
    "calls of ages": lambda n: call(f"c{n}", wait_s=1.7e308, duration_s=1.7e308, note="n"),
    "tickets": lambda n: ticket(f"t{n}", _LAST_S, ticket_id="t" * 200, text="x"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_extreme_events_to_one_customer_end_nothing(kind: str) -> None:
    """Each event passes the checks; the state they leave is read, scored, shown and merged."""
    effects, states = both([KINDS[kind](number) for number in range(_MANY)])

    state = decode_state(states.data["profiles", b"c-1"], POLICY)
    assert effects.tally.applied.total() == _MANY
    assert state.delivery.version == _MANY
    assert effects.updates
    sections(state.facts, as_of_s=state.last_occurred_at // MICROS)
    state.facts = merge(state.facts, state.facts)
    assert decode_state(encode_state(state, POLICY), POLICY) == state


def test_plain_totals_stop_at_63_bits_in_any_order() -> None:
    """They saturate, so the order of events still changes nothing; the scores never read them."""
    refunds = [refund(f"r{n}", amount=MAX_AMOUNT - n, cost=0) for n in range(1100)]
    orders = [order(f"o{n}", T0_S + n, amount=MAX_AMOUNT, cost=1) for n in range(1100)]

    for events in (refunds, orders):
        _, states = both(events)
        _, reverse = both(events[::-1])
        state = decode_state(states.data["profiles", b"c-1"], POLICY)
        other = decode_state(reverse.data["profiles", b"c-1"], POLICY)
        assert state.facts == other.facts
        total = max(state.facts.counts[counters.REFUND_AMOUNT], state.facts.first_value[2])
        assert total == MOST == _FARTHEST


@given(st.sampled_from([0, -1, 1, _FARTHEST, -_FARTHEST - 1, T0_S * MICROS]), st.booleans())
def test_whenever_an_event_was_recorded_both_cores_agree(recorded_at: int, on_time: bool) -> None:
    """Nothing checks ``recorded_at`` of a record with a timestamp: no difference may overflow."""
    event = order("o", T0_S + on_time, recorded_at=recorded_at)
    each = record(7, event)
    stamped = type(each)(each.offset, each.key, each.value, timestamp=T0_S * 1000)
    made = []
    for core, unit_type in ((core_over, Unit), (compiled_core, native.CompiledUnit)):
        unit = unit_type(core(States()), PARTITION)
        unit.add(slice_of([stamped], Source.PURCHASE))
        made.append(unit.seal())

    assert made[0] == made[1]
    assert made[0].tally.applied.total() == 1
