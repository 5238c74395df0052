"""
What is learnt from the population, frozen for as long as it is in use.

Scores are a pure function of (facts, now, epoch). Epoch 0 has seen nobody: it maps indicators by
saturation and takes weights, thresholds and references from the policy. A later epoch replaces
the scale by quantile tables and the rest by fits, behind the same names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

from ckm_stream.domain.choices import PerIndicator, Priors
from ckm_stream.domain.decay import total_of
from ckm_stream.domain.network import Network
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import Indicator
from ckm_stream.domain.topics import TopicTable

INDICATORS = tuple(Indicator)
NO_NETWORK: Final = Network()


#: Later than any event: an epoch that waits to be activated. In microseconds it has 63 bits, the
#: most that Avro's long holds.
NEVER_S: Final = 1 << 43


class Scale(Protocol):
    """Maps the twelve indicators, in their own units, into [0, 1], each monotonically."""

    def normalise_all(self, values: Sequence[float]) -> list[float]:
        """Return all twelve, V1 to A4, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Saturation:
    """z / (z + z50) for z >= 0; indicators that are not named are shares already and are kept."""

    #: (place, z50) of each indicator that has no upper end; z50 > 0.
    half_points: tuple[tuple[int, float], ...]

    def normalise_all(self, values: Sequence[float]) -> list[float]:
        """Return all twelve, V1 to A4, in [0, 1]."""
        normalised = list(values)
        for place, z50 in self.half_points:
            z = normalised[place]
            normalised[place] = z / (z + z50)
        return normalised


@dataclass(frozen=True, slots=True)
class FittedModel:
    """
    A model of buying or spending, by name (``bg_nbd``), with its parameters in the model's order.

    ``log_likelihood`` is that of the ``customers`` it was fitted to.
    """

    name: str
    parameters: tuple[float, ...]
    log_likelihood: float
    customers: int


@dataclass(frozen=True)
class Epoch:
    """
    A frozen scale with all that goes with it; ``epoch_id`` is published with every score.

    ``within`` holds the weights of the indicators inside their dimension (each four add up to 1),
    ``between`` the exponents of the dimensions (adding up to 1), ``high`` the score from which a
    dimension is high, ``reference`` the normalised indicators of the median customer, ``priors``
    what is believed of a customer without evidence, ``employee_rates`` the usable notes per
    contact by employee bin, empty if not known yet. A score as of ``effective_from_s`` or later
    uses the epoch, until a later one does. What was learnt was learnt from so many ``customers``
    as of ``as_of_s``; ``models`` price lifetimes at read and play no part in a score, ``network``
    is what referrals bring beyond the first step, ``topics`` tell lead users, by rising keys.
    """

    epoch_id: int
    effective_from_s: int
    scale: Scale
    within: tuple[float, ...]
    between: tuple[float, float, float]
    high: tuple[float, float, float]
    reference: tuple[float, ...]
    priors: Priors
    employee_rates: tuple[float, ...] = ()
    as_of_s: int = 0
    customers: int = 0
    models: tuple[FittedModel, ...] = ()
    network: Network = NO_NETWORK
    topics: tuple[TopicTable, ...] = ()

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """The weight of each indicator in the total: within its dimension times between them."""
        return tuple(self.between[place // 4] * each for place, each in enumerate(self.within))

    @cached_property
    def reference_means(self) -> tuple[float, float, float]:
        """The weighted means of the reference customer's indicators, by dimension."""
        return means(self.reference, self.within)

    @cached_property
    def topic_tables(self) -> Mapping[int, TopicTable]:
        """The topics by their keys."""
        return {each.key: each for each in self.topics}

    def normalise(self, indicator: Indicator, value: float) -> float:
        """Return *value*, in the indicator's own unit, as a number in [0, 1]."""
        place = INDICATORS.index(indicator)
        values = [0.0] * len(INDICATORS)
        values[place] = value
        return self.scale.normalise_all(values)[place]


def means(x: Sequence[float], within: Sequence[float]) -> tuple[float, float, float]:
    """Return the weighted mean of each dimension's four indicators, before any floor."""
    u = within
    return (
        u[0] * x[0] + u[1] * x[1] + u[2] * x[2] + u[3] * x[3],
        u[4] * x[4] + u[5] * x[5] + u[6] * x[6] + u[7] * x[7],
        u[8] * x[8] + u[9] * x[9] + u[10] * x[10] + u[11] * x[11],
    )


def epoch_zero(policy: Policy) -> Epoch:
    """Return the epoch that is in force before any population is known."""
    z50s = enumerate(_floats(policy.saturation))
    scale = Saturation(tuple((place, z50) for place, z50 in z50s if z50))
    weights = _floats(policy.indicator_weights)
    within = [
        each / total_of(weights[start : start + 4])
        for start in (0, 4, 8)
        for each in weights[start : start + 4]
    ]
    total = total_of(policy.dimension_weights.values())
    value, willingness, absorption = policy.dimension_weights.values()
    return Epoch(
        epoch_id=0,
        effective_from_s=policy.landmark_s,
        scale=scale,
        within=tuple(within),
        between=(value / total, willingness / total, absorption / total),
        high=policy.high.values(),
        reference=tuple(scale.normalise_all(_floats(policy.reference))),
        priors=policy.priors,
    )


def _floats(group: PerIndicator) -> tuple[float, ...]:
    return tuple(float(each) for each in group.values())
