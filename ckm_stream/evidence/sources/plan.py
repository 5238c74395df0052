"""Which populations to simulate in order to judge how well key sources are found."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ckm_stream.errors import ConfigurationError
from ckm_stream.simulation.customers import SimulationPlan

#: With one alone, it could only be judged by the epoch that was fitted to itself.
FEWEST_POPULATIONS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesPlan:
    """
    What to simulate.

    Attributes:
        customers: Of each population.
        events_per_customer: Mean number in the 18 months that are known, > 0.
        populations: How many, >= 2; their seeds follow one another.
        seed: Of the first.
    """

    customers: int = 3_000
    events_per_customer: float = 40.0
    populations: int = 9
    seed: int = 1

    def __post_init__(self) -> None:
        """
        Refuse a plan by which nothing could be judged.

        Raises:
            ConfigurationError: If there are too few populations.
        """
        if self.populations < FEWEST_POPULATIONS:
            raise ConfigurationError(
                f"{self.populations} populations are too few: each is judged by what was learnt "
                f"from another; give at least {FEWEST_POPULATIONS}"
            )

    def simulations(self) -> Iterator[SimulationPlan]:
        """
        Yield the plan of each population.

        Raises:
            ConfigurationError: If a number is out of range.
        """
        for number in range(self.populations):
            yield SimulationPlan(
                customers=self.customers,
                seed=self.seed + number,
                events_per_customer=self.events_per_customer,
            )
