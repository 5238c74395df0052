"""What is folded of a simulated population is what the service would know."""

from ckm_stream.domain.employee import EmployeeState, apply_employee_event, note_rate
from ckm_stream.domain.events import EmployeeContact, Initiator, Purchase
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.forwarding import forward
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.evidence.sources.population import fold_customers, simulate_population
from ckm_stream.publishing.simulate import simulated_events
from ckm_stream.simulation.customers import SimulationPlan, simulate
from tests.support.populations import POLICY

PLAN = SimulationPlan(customers=60, seed=21)


def test_facts_are_those_of_the_service_in_the_order_of_time() -> None:
    """All customers' events as they would come, duplicates looked for, referrals forwarded."""
    states: dict[str, ProfileState] = {}
    for event in simulated_events(PLAN):
        for each in (event, *forward(event, policy=POLICY)):
            if not isinstance(each, EmployeeContact):
                state = states.setdefault(each.customer_id, ProfileState.empty(0))
                assert apply_event(state, each, POLICY)

    population = simulate_population(PLAN, POLICY)

    assert population.facts == {name: state.facts for name, state in states.items()}
    assert any(facts.referred for facts in population.facts.values())  # a control: some refer


def test_employees_are_known_as_of_the_end() -> None:
    """Their contacts, decayed, with the usable notes among them."""
    states: dict[str, EmployeeState] = {}
    for event in simulated_events(PLAN):
        for each in forward(event, policy=POLICY):
            if isinstance(each, EmployeeContact):
                state = states.setdefault(each.employee_id, EmployeeState.empty(0))
                apply_employee_event(state, each, POLICY)
    prior = POLICY.priors.employee_motivation

    employees = simulate_population(PLAN, POLICY).employees

    assert {employee.employee_id for employee in employees} == set(states)
    for employee in employees:
        rate = (prior.a + employee.noted) / (prior.a + prior.b + employee.handled)
        expected = note_rate(states[employee.employee_id], as_of_s=PLAN.end_s, policy=POLICY)
        assert abs(rate - expected) < 1e-12


def test_contacts_and_spend_are_counted_as_a_spreadsheet_would() -> None:
    """What a customer started without buying, and what was paid."""
    customers = list(simulate(PLAN))

    population = fold_customers(customers, as_of_s=PLAN.end_s, policy=POLICY)

    for each in customers:
        name = each.persona.customer_id
        started = [
            event
            for event in each.events
            if event.initiated_by is Initiator.CUSTOMER and not isinstance(event, Purchase)
        ]
        assert population.contacts[name] == len(started)
        paid = [event.amount for event in each.events if isinstance(event, Purchase)]
        assert population.spend[name] == sum(paid)
    assert any(population.spend.values())


def test_everything_of_a_customer_stands_in_one_order() -> None:
    """That of the simulation, which arrays of a population rely on."""
    population = simulate_population(PLAN, POLICY)

    names = [each.persona.customer_id for each in simulate(PLAN)]

    assert list(population.personas) == names
    assert set(population.facts) == set(names)
    assert list(population.contacts) == list(population.spend) == names


def test_what_is_fitted_to_holds_no_truth() -> None:
    """Facts, the instant and employees: nobody's latents."""
    population = simulate_population(PLAN, POLICY)

    fitted_to = population.population

    assert fitted_to.as_of_s == PLAN.end_s
    assert all(isinstance(facts, Facts) for _, facts in fitted_to.customers())
    assert not fitted_to.models
