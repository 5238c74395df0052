"""Simulated populations with their ground truth, folded into facts without a broker."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from ckm_stream.domain.employee import EmployeeState, apply_employee_event, decayed_contacts
from ckm_stream.domain.events import EmployeeContact, TouchpointEvent
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.forwarding import forward
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.population.employees import EmployeeContacts
from ckm_stream.population.fit import Population
from ckm_stream.simulation.customers import DEFAULT_END_S, SimulationPlan, simulate
from ckm_stream.simulation.persona import Persona

POLICY = Policy()


@dataclass(frozen=True)
class Simulated:
    """Facts and personas by customer id, and the contacts of the employees."""

    facts: dict[str, Facts]
    personas: dict[str, Persona]
    employees: list[EmployeeContacts]
    as_of_s: int = DEFAULT_END_S

    @property
    def population(self) -> Population:
        """What an epoch is fitted to."""
        return Population(
            customers=self.facts.items, as_of_s=self.as_of_s, employees=self.employees
        )


@lru_cache(maxsize=4)
def simulated(customers: int, seed: int = 1, events_per_customer: float = 20.0) -> Simulated:
    """Simulate and fold a population; do not change what it holds."""
    plan = SimulationPlan(customers=customers, seed=seed, events_per_customer=events_per_customer)
    states: dict[str, ProfileState] = {}
    employees: dict[str, EmployeeState] = {}
    personas = {}
    for each in simulate(plan):
        personas[each.persona.customer_id] = each.persona
        _fold(each.events, states, employees)
    return Simulated(
        {customer: state.facts for customer, state in states.items()},
        personas,
        [
            EmployeeContacts(name, *decayed_contacts(state, as_of_s=DEFAULT_END_S, policy=POLICY))
            for name, state in employees.items()
        ],
    )


def _fold(
    events: Iterable[TouchpointEvent],
    states: dict[str, ProfileState],
    employees: dict[str, EmployeeState],
) -> None:
    for event in events:
        apply_event(states.setdefault(event.customer_id, ProfileState.empty(0)), event, POLICY)
        for other in forward(event, policy=POLICY):
            if isinstance(other, EmployeeContact):
                employee = employees.setdefault(other.employee_id, EmployeeState.empty(0))
                apply_employee_event(employee, other, POLICY)
            else:
                state = states.setdefault(other.customer_id, ProfileState.empty(0))
                apply_event(state, other, POLICY)
