"""
The demo's events: the real CDNOW purchases, and simulated contacts of the same customers.

Calls, tickets and feedback do not exist for these customers, so they are simulated, seeded, and
say so (source ``simulated``). All purchases are real: none is simulated here. How valuable a
persona is comes from what the customer really spent; the rest is drawn.
"""

import heapq
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Final

from ckm_stream.domain.events import Purchase, TouchpointEvent
from ckm_stream.publishing import cdnow
from ckm_stream.publishing.ordering import time_key
from ckm_stream.simulation import scenes
from ckm_stream.simulation.chance import chance_for, draw_count, draw_one
from ckm_stream.simulation.persona import Persona, Role
from ckm_stream.simulation.stage import DAY_S, RECORD_SHOP, Stage

END_S: Final = int(datetime(1998, 7, 1, tzinfo=UTC).timestamp())

_REFERRED_SHARE: Final = 0.12
# Gives 3.5 simulated events per customer on average (a test keeps it within 3 to 4).
_SCENES_PER_ACTIVITY: Final = 2.8


@dataclass(frozen=True, slots=True)
class _Buyer:
    customer_id: str
    first_s: int
    spent: int


def demo_events(seed: int) -> Iterator[TouchpointEvent]:
    """Yield the real purchases and the contacts simulated from *seed*, in one order of time."""
    bought = list(cdnow.purchases())
    simulated = sorted(simulated_contacts(seed, bought), key=time_key)
    yield from heapq.merge(sorted(bought, key=time_key), simulated, key=time_key)


def simulated_contacts(seed: int, bought: list[Purchase]) -> Iterator[TouchpointEvent]:
    """Yield calls, tickets and feedback of everybody who *bought*, customer by customer."""
    buyers = sorted(_buyers(bought), key=lambda buyer: (buyer.first_s, buyer.customer_id))
    spendings = sorted(buyer.spent for buyer in buyers)
    for place, buyer in enumerate(buyers):
        chance = chance_for("demo", seed, buyer.customer_id)
        value = bisect_left(spendings, buyer.spent) / len(spendings)
        persona = _draw_persona(chance, buyer.customer_id, value)
        stage = Stage(persona, chance, f"demo{seed}-{buyer.customer_id}", END_S, RECORD_SHOP)
        if place and chance.random() < _REFERRED_SHARE:
            stage.referred_by = buyers[chance.randrange(place)].customer_id
        for _ in range(draw_count(chance, _SCENES_PER_ACTIVITY * persona.activity)):
            _play_scene(stage, chance.randrange(buyer.first_s + DAY_S, END_S))
        yield from stage.events


def _buyers(bought: list[Purchase]) -> Iterator[_Buyer]:
    spent: dict[str, int] = {}
    first_s: dict[str, int] = {}
    for event in bought:
        customer_id = event.customer_id
        spent[customer_id] = spent.get(customer_id, 0) + event.amount
        first_s[customer_id] = min(first_s.get(customer_id, END_S), event.occurred_s)
    return (_Buyer(each, first_s[each], spent[each]) for each in spent)


def _draw_persona(chance: Random, customer_id: str, value: float) -> Persona:
    """Draw who is behind a customer: the big spenders among the willing talk the most."""
    willingness = chance.betavariate(1.0, 1.2)
    absorbability = chance.betavariate(4.0, 1.2)
    activity = chance.lognormvariate(-1.1, 0.8) * (0.3 + 7.0 * willingness * value)
    return Persona(customer_id, Role.ORDINARY, value, willingness, absorbability, activity)


def _play_scene(stage: Stage, at_s: int) -> None:
    willingness = stage.persona.willingness
    play = draw_one(
        stage.chance,
        {
            scenes.play_inbound_call: 0.2 + 0.3 * willingness,
            scenes.play_outbound_call: 0.3,
            scenes.play_ticket: 0.25,
            scenes.play_feedback: 0.05 + 0.5 * willingness,
        },
    )
    play(stage, at_s)
