"""From changelog records to rows: decode a state once, and read from it what people will query."""

from ckm_stream.codec.state import decode_employee, decode_state
from ckm_stream.domain import counters
from ckm_stream.domain.employee import decayed_contacts, note_rate
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.sections import sections
from ckm_stream.snapshots.batch import EmployeeRow, ProfileRow, Tombstone


def profile_row(
    customer_id: str, partition: int, offset: int, state: bytes | None, policy: Policy
) -> ProfileRow | Tombstone:
    """
    Make a customer's row, as of its newest event, from a changelog record.

    Raises:
        ConfigurationError: If the state was written under another policy or layout.
    """
    if state is None:
        return Tombstone(key=customer_id, changelog_offset=offset)
    profile = decode_state(state, policy)
    as_of = profile.last_occurred_at
    view = sections(profile.facts, as_of_s=as_of // MICROS)
    return ProfileRow(
        customer_id=customer_id,
        partition=partition,
        changelog_offset=offset,
        version=profile.delivery.version,
        as_of=as_of,
        simulated=profile.facts.counts[counters.SIMULATED] > 0,
        about=view.about,
        for_=view.for_,
        from_=view.from_,
        state=state,
    )


def employee_row(
    employee_id: str, partition: int, offset: int, state: bytes | None, policy: Policy
) -> EmployeeRow | Tombstone:
    """
    Make an employee's row, as of the newest contact, from a changelog record.

    Raises:
        ConfigurationError: If the state was written under another policy or layout.
    """
    if state is None:
        return Tombstone(key=employee_id, changelog_offset=offset)
    employee = decode_employee(state, policy)
    as_of = employee.last_occurred_at
    as_of_s = as_of // MICROS
    handled, noted = decayed_contacts(employee, as_of_s=as_of_s, policy=policy)
    return EmployeeRow(
        employee_id=employee_id,
        partition=partition,
        changelog_offset=offset,
        version=employee.delivery.version,
        as_of=as_of,
        handled=handled,
        noted=noted,
        note_rate=note_rate(employee, as_of_s=as_of_s, policy=policy),
        state=state,
    )
