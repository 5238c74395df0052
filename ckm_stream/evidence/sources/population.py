"""
A simulated population as the service would know it, with the truth that it was drawn from.

Everything is folded in memory, without a broker: what goes to a referrer or an employee gets there
at once, and no event comes twice.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ckm_stream.domain.employee import EmployeeState, apply_employee_event, decayed_contacts
from ckm_stream.domain.events import EmployeeContact, Initiator, Purchase, TouchpointEvent
from ckm_stream.domain.facts import Facts, add_event
from ckm_stream.domain.forwarding import forward
from ckm_stream.domain.policy import Policy
from ckm_stream.population.employees import EmployeeContacts
from ckm_stream.population.fit import Population
from ckm_stream.simulation.customers import SimulatedCustomer, SimulationPlan, simulate
from ckm_stream.simulation.persona import Persona


@dataclass(frozen=True, kw_only=True)
class SimulatedPopulation:
    """
    Customers as of one instant, each by its id, in the order in which they were simulated.

    Attributes:
        as_of_s: The instant, Unix seconds: the first after the last event.
        personas: Who each customer is, which no event tells.
        facts: What the service knows of each.
        contacts: Touchpoints that each has started, purchases left out.
        spend: What each has spent, in minor units of money.
        employees: Contacts of the employees, as of then.
        employee_states: What the service knows of each employee.
    """

    as_of_s: int
    personas: dict[str, Persona]
    facts: dict[str, Facts]
    contacts: dict[str, int]
    spend: dict[str, int]
    employees: tuple[EmployeeContacts, ...]
    employee_states: dict[str, EmployeeState]

    @property
    def population(self) -> Population:
        """What an epoch is fitted to: no truth is in it."""
        return Population(
            customers=self.facts.items, as_of_s=self.as_of_s, employees=self.employees
        )


def simulate_population(plan: SimulationPlan, policy: Policy) -> SimulatedPopulation:
    """Simulate the customers of *plan*, and fold them as of its end."""
    return fold_customers(simulate(plan), as_of_s=plan.end_s, policy=policy)


def fold_customers(
    customers: Iterable[SimulatedCustomer], *, as_of_s: int, policy: Policy
) -> SimulatedPopulation:
    """
    Fold simulated customers, all of whose events lie before *as_of_s*, referrers first.

    Raises:
        ValueError: If an event lies before the policy's landmark.
    """
    personas: dict[str, Persona] = {}
    facts: defaultdict[str, Facts] = defaultdict(Facts.empty)
    employees: dict[str, EmployeeState] = {}
    contacts: dict[str, int] = {}
    spend: dict[str, int] = {}
    for each in customers:
        customer_id = each.persona.customer_id
        personas[customer_id] = each.persona
        contacts[customer_id] = sum(map(_is_contact, each.events))
        bought = [event.amount for event in each.events if isinstance(event, Purchase)]
        spend[customer_id] = sum(bought)  # the simulator has no refunds
        _fold(each.events, facts, employees, policy)
    return SimulatedPopulation(
        as_of_s=as_of_s,
        personas=personas,
        facts=dict(facts),
        contacts=contacts,
        spend=spend,
        employees=tuple(
            EmployeeContacts(name, *decayed_contacts(state, as_of_s=as_of_s, policy=policy))
            for name, state in employees.items()
        ),
        employee_states=employees,
    )


def _is_contact(event: TouchpointEvent) -> bool:
    return event.initiated_by is Initiator.CUSTOMER and not isinstance(event, Purchase)


def _fold(
    events: Iterable[TouchpointEvent],
    facts: defaultdict[str, Facts],
    employees: dict[str, EmployeeState],
    policy: Policy,
) -> None:
    for event in events:
        add_event(facts[event.customer_id], event, policy)
        for other in forward(event, policy=policy):
            if isinstance(other, EmployeeContact):
                state = employees.setdefault(other.employee_id, EmployeeState.empty(0))
                apply_employee_event(state, other, policy)
            else:
                add_event(facts[other.customer_id], other, policy)
