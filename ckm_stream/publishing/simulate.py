"""Simulated touchpoints in the order that a publisher wants them in."""

from collections.abc import Callable, Iterator
from enum import StrEnum

from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.publishing.ordering import in_time_order
from ckm_stream.simulation.customers import SimulatedCustomer, SimulationPlan, simulate


class Order(StrEnum):
    """In which order simulated events come."""

    TIME = "time"
    CUSTOMER = "customer"


def simulated_events(
    plan: SimulationPlan,
    order: Order = Order.TIME,
    *,
    note: Callable[[SimulatedCustomer], object] = lambda _: None,
) -> Iterator[TouchpointEvent]:
    """
    Yield the events of all customers of *plan*.

    Args:
        plan: What to simulate.
        order: All customers' events in time order, or customer by customer. The first is known
            only after everybody was simulated, and spools to temporary files.
        note: Takes each customer once its events are made, for the ground truth.
    """

    def by_customer() -> Iterator[TouchpointEvent]:
        for customer in simulate(plan):
            note(customer)
            yield from customer.events

    return in_time_order(by_customer()) if order is Order.TIME else by_customer()
