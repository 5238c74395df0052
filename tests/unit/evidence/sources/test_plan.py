"""Plans of simulated populations."""

import pytest

from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence.sources.plan import SourcesPlan


def test_the_seeds_follow_one_another() -> None:
    """One for each population; everything else is the same for all."""
    plan = SourcesPlan(customers=500, events_per_customer=20.0, populations=3, seed=7)

    simulations = list(plan.simulations())

    assert [each.seed for each in simulations] == [7, 8, 9]
    assert {(each.customers, each.events_per_customer) for each in simulations} == {(500, 20.0)}
    assert len({(each.start_s, each.end_s) for each in simulations}) == 1


@pytest.mark.parametrize("populations", [0, 1])
def test_one_population_cannot_be_judged_by_another(populations: int) -> None:
    """At least two."""
    with pytest.raises(ConfigurationError, match="give at least 2"):
        SourcesPlan(populations=populations)
