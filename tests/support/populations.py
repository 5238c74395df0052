"""Simulated populations with their ground truth, folded into facts without a broker."""

from functools import lru_cache

from ckm_stream.domain.policy import Policy
from ckm_stream.evidence.sources.population import SimulatedPopulation, simulate_population
from ckm_stream.simulation.customers import SimulationPlan

POLICY = Policy()


@lru_cache(maxsize=4)
def simulated(
    customers: int, seed: int = 1, events_per_customer: float = 20.0
) -> SimulatedPopulation:
    """Simulate and fold a population; do not change what it holds."""
    plan = SimulationPlan(customers=customers, seed=seed, events_per_customer=events_per_customer)
    return simulate_population(plan, POLICY)
