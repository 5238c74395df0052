"""A store that is filled with a simulated population, as the snapshot worker fills it."""

from sqlalchemy import Engine

from ckm_stream.codec.state import encode_employee, encode_state
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import Delivery, ProfileState
from ckm_stream.evidence.sources.population import SimulatedPopulation
from ckm_stream.snapshots.batch import Progress, SnapshotBatch
from ckm_stream.snapshots.rows import employee_row, profile_row
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.populations import POLICY

_TOPIC = "ckm.changelog.profile.v1"


def fill_store(engine: Engine, population: SimulatedPopulation, policy: Policy = POLICY) -> None:
    """Write every customer and employee of a population into a migrated store."""
    profiles = [
        profile_row(
            customer_id,
            0,
            offset,
            encode_state(ProfileState(facts, b"", Delivery.empty(0)), policy),
            policy,
        )
        for offset, (customer_id, facts) in enumerate(population.facts.items())
    ]
    employees = [
        employee_row(employee_id, 0, offset, encode_employee(state, policy), policy)
        for offset, (employee_id, state) in enumerate(population.employee_states.items())
    ]
    writer = SnapshotWriter(engine)
    (start,) = writer.positions([(_TOPIC, 0)]).values()
    step = Progress(topic=_TOPIC, partition=0, expected=start, new=start + len(profiles))
    writer.write(SnapshotBatch(profiles=profiles, employees=employees, progress=[step]))
