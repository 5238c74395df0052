"""The events that the benchmarks work on."""

from itertools import islice

from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.publishing.simulate import simulated_events
from ckm_stream.simulation.customers import SimulationPlan


def simulated_load(events: int, customers: int) -> list[TouchpointEvent]:
    """Return so many events, all customers mixed, in the order of their time."""
    # A customer's number of events is drawn: 1.3 times as many are simulated, so that they suffice.
    per_customer = max(1.0, 1.3 * events / customers)
    plan = SimulationPlan(customers=customers, seed=1, events_per_customer=per_customer)
    return list(islice(simulated_events(plan), events))
