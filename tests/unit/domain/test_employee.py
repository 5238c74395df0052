"""The employee's state: contacts handled, usable notes, and their rate."""

from itertools import permutations

import pytest

from ckm_stream.codec.state import encode_employee
from ckm_stream.domain.employee import (
    EmployeeState,
    apply_employee_event,
    decayed_contacts,
    note_rate,
)
from ckm_stream.domain.events import MICROS
from tests.support.touchpoints import POLICY, T0_S, WEEK_S, contact


def test_contacts_and_notes_decay_with_the_half_life_of_motivation() -> None:
    """One noted contact 26 weeks ago, one without a note today: 1.5 handled, 0.5 noted."""
    state = EmployeeState.empty(0)
    apply_employee_event(state, contact("a", T0_S - 26 * WEEK_S), POLICY)
    apply_employee_event(state, contact("b", note_usable=False), POLICY)

    assert decayed_contacts(state, as_of_s=T0_S, policy=POLICY) == pytest.approx((1.5, 0.5))
    rate = note_rate(state, as_of_s=T0_S, policy=POLICY)
    assert rate == pytest.approx((3 + 0.5) / (10 + 1.5))
    assert state.last_occurred_at == T0_S * MICROS


def test_nobody_known_has_the_prior_rate() -> None:
    """3 in 10."""
    assert note_rate(EmployeeState.empty(0), as_of_s=T0_S, policy=POLICY) == pytest.approx(0.3)


def test_a_duplicate_contact_changes_nothing() -> None:
    """It is named by its source and id."""
    state = EmployeeState.empty(0)

    applied = [apply_employee_event(state, contact(), POLICY) for _ in range(2)]

    assert applied == [True, False]
    assert decayed_contacts(state, as_of_s=T0_S, policy=POLICY) == (1.0, 1.0)


def test_any_order_of_contacts_gives_the_same_bytes() -> None:
    """As for customers."""
    contacts = [contact(f"e{n}", T0_S - n * 1000, note_usable=n % 2 == 0) for n in range(4)]

    encoded = set()
    for sequence in permutations(contacts):
        state = EmployeeState.empty(0)
        for event in sequence:
            apply_employee_event(state, event, POLICY)
        encoded.add(encode_employee(state, POLICY))

    assert len(encoded) == 1
