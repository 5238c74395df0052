"""
Where the scenes of a simulated customer's life are played.

A stage makes event ids and times, draws what the customer's latents make likely, and collects the
events. Every event of it says source ``simulated``, and is recorded within half an hour.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from ckm_stream.domain.events import MICROS, SIMULATED_SOURCE, Channel, Purpose, TouchpointEvent
from ckm_stream.simulation.chance import blend, draw_one
from ckm_stream.simulation.persona import Persona, Role

HOUR_S: Final = 3_600
DAY_S: Final = 24 * HOUR_S


@dataclass(frozen=True, slots=True)
class World:
    """What customers buy and talk about."""

    products: tuple[str, ...]
    topics: tuple[str, ...]


APPLIANCES: Final = World(
    ("washer", "dryer", "fridge", "oven", "kettle", "heater", "fan", "router"),
    ("noise", "delivery", "price", "manual", "warranty", "repair", "app", "energy", "design"),
)
RECORD_SHOP: Final = World(
    ("box set", "import CD", "soundtrack", "live recording", "single", "gift voucher"),
    ("delivery", "search", "samples", "price", "packaging", "recommendations", "returns"),
)

_EMPLOYEES = 200
_CHANNELS = (
    Channel.PHONE,
    Channel.WEB,
    Channel.APP,
    Channel.EMAIL,
    Channel.CHAT,
    Channel.STORE,
    Channel.SOCIAL,
    Channel.MOBILE_WEB,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a touchpoint is about; where it is not filed, only the words tell."""

    product: str
    topic: str
    is_filed: bool

    @property
    def filed_topics(self) -> tuple[str, ...]:
        """The topics of the event."""
        return (self.topic,) if self.is_filed else ()

    @property
    def filed_product(self) -> str | None:
        """The product of the event."""
        return self.product if self.is_filed else None

    @property
    def filed_reason(self) -> str:
        """The reason or category of the event."""
        return self.topic if self.is_filed else ""


@dataclass(slots=True)
class Stage:
    """Where a customer's scenes are played: makes event ids and times, and collects the events."""

    persona: Persona
    chance: Random
    id_prefix: str
    end_s: int
    world: World = APPLIANCES
    referred_by: str | None = None
    events: list[TouchpointEvent] = field(default_factory=list)

    def next_id(self) -> str:
        """Return the next event id: the customer's prefix and a running number."""
        return f"{self.id_prefix}-{len(self.events)}"

    def head(self, at_s: int, channel: Channel, purpose: Purpose = Purpose.OTHER) -> dict[str, Any]:
        """Return the common fields of an event at *at_s*; captured sooner if absorbable."""
        lag_s = self.chance.expovariate(1.0) * blend(600.0, 5.0, self.persona.absorbability)
        # Microseconds of chance, so that events of one second keep an order of their own.
        occurred_at = at_s * MICROS + self.chance.randrange(MICROS)
        return {
            "event_id": self.next_id(),
            "source": SIMULATED_SOURCE,
            "customer_id": self.persona.customer_id,
            "occurred_at": occurred_at,
            "recorded_at": occurred_at + int(min(lag_s, HOUR_S / 2) * MICROS),
            "channel": channel,
            "purpose": purpose,
            "referred_by": self.referred_by,
        }

    def happens(self, probability: float) -> bool:
        """Draw whether something of this *probability* happens."""
        return self.chance.random() < probability

    def later(self, at_s: int, mean_s: float) -> int | None:
        """Return an instant some time after *at_s*, or None if that is past the end."""
        then_s = at_s + 60 + int(self.chance.expovariate(1.0) * mean_s)
        return then_s if then_s < self.end_s else None

    def channel(self) -> Channel:
        """Draw a channel: one for the hardest to absorb, up to eight for the easiest."""
        reach = 1 + round(self.persona.absorbability * (len(_CHANNELS) - 1))
        return _CHANNELS[self.chance.randrange(reach)]

    def employee(self) -> str:
        """Draw an employee; absorbable customers meet the motivated ones, who have low numbers."""
        spot = self.chance.betavariate(2.0, 4.0) * blend(1.5, 0.5, self.persona.absorbability)
        return f"emp-{int(min(spot, 0.999) * _EMPLOYEES):03d}"

    def purpose(self) -> Purpose:
        """Draw what the customer comes for."""
        if self.persona.role is Role.BOT:
            return Purpose.OTHER
        willingness = self.persona.willingness
        return draw_one(
            self.chance,
            {
                Purpose.REPORT: 0.1 + willingness,
                Purpose.SUGGESTION: willingness,
                Purpose.QUESTION: 0.5,
                Purpose.STATUS_CHASE: 1.0 - willingness,
                Purpose.REPEAT_UNRESOLVED: 0.5 * (1.0 - willingness),
            },
        )

    def subject_matter(self) -> Subject:
        """Draw what it is about, and whether the company gets it filed under that."""
        product = self.chance.choice(self.world.products)
        topic = self.chance.choice(self.world.topics)
        return Subject(product, topic, self.happens(blend(0.1, 0.98, self.persona.absorbability)))

    def satisfaction(self) -> int | None:
        """Draw a satisfaction of 1 to 5, or None when the customer was not asked."""
        if not self.happens(0.4):
            return None
        mean = blend(2.0, 5.0, self.persona.willingness)
        return max(1, min(5, round(self.chance.gauss(mean, 0.8))))
