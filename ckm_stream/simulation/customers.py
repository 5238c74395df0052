"""
Realistic touchpoints of any number of customers, with the ground truth that they were drawn from.

Customer *i* of seed *s* is the same whatever the number of customers, and costs no memory once
yielded. Bots, liars and newcomers are planted, so that a score can be judged by what it should
not believe as well as by the key sources that it should find.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.errors import ConfigurationError
from ckm_stream.simulation import scenes
from ckm_stream.simulation.chance import chance_for, draw_count, draw_one
from ckm_stream.simulation.persona import Persona, Role, draw_persona
from ckm_stream.simulation.stage import DAY_S, Stage

# The end of simulated time unless asked otherwise: a constant, so that a seed says it all.
DEFAULT_END_S: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
DEFAULT_START_S: Final = int(datetime(2024, 7, 1, tzinfo=UTC).timestamp())

_MOST_EVENTS: Final = 10_000
_NEWCOMER_DAYS: Final = 14
_REFERRED_SHARE: Final = 0.15
# Events per scene and unit of activity, follow-ups included (measured on 20,000 customers).
_EVENTS_PER_SCENE: Final = 1.37


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPlan:
    """
    What to simulate.

    Attributes:
        customers: How many customers, >= 0.
        seed: Any integer; the same plan gives the same events on any machine.
        events_per_customer: Mean number of events, > 0; most have fewer, some many more.
        start_s: First instant of event time, Unix seconds.
        end_s: First instant after the last event, Unix seconds.
    """

    customers: int
    seed: int
    events_per_customer: float = 20.0
    start_s: int = DEFAULT_START_S
    end_s: int = DEFAULT_END_S

    def __post_init__(self) -> None:
        """
        Refuse a plan that cannot be played.

        Raises:
            ConfigurationError: If a number is out of range; the message names it.
        """
        if self.customers < 0:
            raise ConfigurationError(f"customers must be >= 0, not {self.customers}")
        if not 0 < self.events_per_customer <= _MOST_EVENTS:
            raise ConfigurationError(f"events per customer must be > 0 and <= {_MOST_EVENTS}")
        if self.end_s - self.start_s < DAY_S:
            raise ConfigurationError("the end must be at least a day after the start")


@dataclass(frozen=True, slots=True)
class SimulatedCustomer:
    """A customer's latent truth, and the events drawn from it in time order."""

    persona: Persona
    referred_by: str | None
    events: tuple[TouchpointEvent, ...]

    def truth(self) -> dict[str, Any]:
        """Return the ground truth as a plain JSON object."""
        return {
            "customer_id": self.persona.customer_id,
            "role": self.persona.role.value,
            "value": self.persona.value,
            "willingness": self.persona.willingness,
            "absorbability": self.persona.absorbability,
            "is_key_source": self.persona.is_key_source,
            "referred_by": self.referred_by,
            "events": len(self.events),
        }


def simulate(plan: SimulationPlan) -> Iterator[SimulatedCustomer]:
    """Yield the customers of *plan* one after another, each with all of its events."""
    for index in range(plan.customers):
        yield simulate_customer(plan, index)


def simulate_customer(plan: SimulationPlan, index: int) -> SimulatedCustomer:
    """Simulate customer *index* (>= 0) alone; the plan's number of customers plays no part."""
    persona = persona_of(plan.seed, index)
    chance = chance_for(plan.seed, index, "events")
    referred_by = _draw_referrer(plan.seed, index)
    first_s = plan.start_s
    if persona.role is Role.NEWCOMER:
        first_s = max(first_s, plan.end_s - _NEWCOMER_DAYS * DAY_S)
    stage = Stage(persona, chance, f"s{plan.seed}-{index}", plan.end_s, referred_by=referred_by)
    for _ in range(max(1, draw_count(chance, _mean_scenes(plan, persona)))):
        _play_scene(stage, chance.randrange(first_s, plan.end_s))
    events = sorted(stage.events, key=lambda event: event.occurred_at)
    return SimulatedCustomer(persona, referred_by, tuple(events))


def simulate_later(
    plan: SimulationPlan, index: int, *, until_s: int
) -> tuple[TouchpointEvent, ...]:
    """
    Simulate what customer *index* does after the plan's end, at the same rate, in time order.

    Nothing of it is drawn with the chance that the plan's own events were drawn with, so what was
    known at the plan's end can be judged by it. What began before the end is not continued.

    Args:
        plan: The customers, and their events per time.
        index: Which customer, >= 0.
        until_s: First instant after the last event, Unix seconds, > the plan's end.
    """
    persona = persona_of(plan.seed, index)
    chance = chance_for(plan.seed, index, "later")
    prefix, referred_by = f"s{plan.seed}-{index}-later", _draw_referrer(plan.seed, index)
    stage = Stage(persona, chance, prefix, until_s, referred_by=referred_by)
    stretch = (until_s - plan.end_s) / (plan.end_s - plan.start_s)
    for _ in range(draw_count(chance, _mean_scenes(plan, persona) * stretch)):
        _play_scene(stage, chance.randrange(plan.end_s, until_s))
    return tuple(sorted(stage.events, key=lambda event: event.occurred_at))


def persona_of(seed: int, index: int) -> Persona:
    """Return the latents of customer *index*, without its events."""
    return draw_persona(chance_for(seed, index, "persona"), customer_id_of(index))


def customer_id_of(index: int) -> str:
    """Return the id of simulated customer *index*."""
    return f"sim-{index:07d}"


def _draw_referrer(seed: int, index: int) -> str | None:
    """Draw who referred a customer: an earlier one, the more willing of two, and no newcomer."""
    chance = chance_for(seed, index, "referrer")
    if index == 0 or chance.random() >= _REFERRED_SHARE:
        return None
    drawn = [persona_of(seed, chance.randrange(index)) for _ in range(2)]
    there = [each for each in drawn if each.role is not Role.NEWCOMER]
    return max(there, key=lambda each: each.willingness).customer_id if there else None


def _mean_scenes(plan: SimulationPlan, persona: Persona) -> float:
    return plan.events_per_customer * persona.activity / _EVENTS_PER_SCENE


def _play_scene(stage: Stage, at_s: int) -> None:
    persona = stage.persona
    if persona.role is Role.BOT:
        scenes.play_inbound_call(stage, at_s)
        return
    play = draw_one(
        stage.chance,
        {
            scenes.play_purchase: 0.15 + 0.6 * persona.value,
            scenes.play_campaign: 0.25,
            scenes.play_outbound_call: 0.2,
            scenes.play_inbound_call: 0.1 + 0.4 * persona.willingness,
            scenes.play_ticket: 0.2,
            scenes.play_feedback: 0.5 * persona.willingness,
        },
    )
    play(stage, at_s)
