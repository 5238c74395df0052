"""Changelog records become rows."""

import msgspec
import pytest

from ckm_stream.codec.state import encode_employee, encode_state
from ckm_stream.domain.choices import HalfLives
from ckm_stream.domain.employee import EmployeeState, apply_employee_event
from ckm_stream.domain.events import EmployeeContact, Purchase, PurchaseKind
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.errors import ConfigurationError
from ckm_stream.snapshots.batch import EmployeeRow, ProfileRow, Tombstone
from ckm_stream.snapshots.rows import employee_row, profile_row

POLICY = Policy()
NOON = 1_709_208_000_123_457


def purchase(source: str) -> Purchase:
    """Make an order of 35.00."""
    return Purchase(
        event_id="e-1",
        source=source,
        customer_id="c-1",
        occurred_at=NOON,
        recorded_at=NOON,
        order_id="o-1",
        kind=PurchaseKind.ORDER,
        currency="EUR",
        amount=3500,
    )


def state_after(event: Purchase) -> bytes:
    """Encode the state of a customer of one event."""
    state = ProfileState.empty(3)
    apply_event(state, event, POLICY)
    state.delivery.version = 1
    return encode_state(state, POLICY)


def test_profile_row_is_as_of_the_newest_event() -> None:
    """A row has the state's own bytes, its version, its newest event's time and its sections."""
    state = state_after(purchase("shop"))

    row = profile_row("c-1", 3, 17, state, POLICY)

    assert isinstance(row, ProfileRow)
    assert (row.customer_id, row.partition, row.changelog_offset) == ("c-1", 3, 17)
    assert (row.version, row.as_of, row.state) == (1, NOON, state)
    about = msgspec.to_builtins(row.about)
    assert (about["orders"], about["order_amount"], about["days_silent"]) == (1, 3500, 0.0)


@pytest.mark.parametrize(("source", "simulated"), [("simulated", True), ("shop", False)])
def test_simulated_events_mark_the_profile(source: str, simulated: bool) -> None:
    """One event of the source "simulated" is enough, and only such a one."""
    row = profile_row("c-1", 0, 0, state_after(purchase(source)), POLICY)

    assert isinstance(row, ProfileRow)
    assert row.simulated is simulated


def test_employee_row_counts_contacts_as_of_the_newest() -> None:
    """Two contacts of the same instant, one of them noted, count as two and one."""
    state = EmployeeState.empty(0)
    for number in (0, 1):
        contact = EmployeeContact(
            event_id=f"e-{number}",
            source="shop",
            employee_id="rep-1",
            occurred_at=NOON,
            recorded_at=NOON,
            note_usable=number == 0,
        )
        apply_employee_event(state, contact, POLICY)

    row = employee_row("rep-1", 0, 5, encode_employee(state, POLICY), POLICY)

    assert isinstance(row, EmployeeRow)
    assert (row.handled, row.noted) == pytest.approx((2.0, 1.0))
    assert row.as_of == NOON
    prior = POLICY.priors.employee_motivation
    assert row.note_rate == pytest.approx((prior.a + 1) / (prior.a + prior.b + 2))


def test_record_without_a_value_is_a_tombstone() -> None:
    """A null value in a changelog takes the row away."""
    assert profile_row("c-1", 0, 9, None, POLICY) == Tombstone("c-1", 9)
    assert employee_row("rep-1", 0, 9, None, POLICY) == Tombstone("rep-1", 9)


def test_state_of_another_policy_is_refused() -> None:
    """Sums made with other half-lives mean something else and are not shown."""
    other = Policy(half_lives=HalfLives(trust=63_072_000))

    with pytest.raises(ConfigurationError):
        profile_row("c-1", 0, 0, state_after(purchase("shop")), other)
