"""
Who a simulated customer is: the latent truth behind the events, which no event tells.

A persona is drawn once per customer. ``is_key_source`` is the ground truth that a score can be
judged by: a customer who is high on all three latents and honest.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from ckm_stream.simulation.chance import blend, draw_one

HIGH_FROM = 0.7


class Role(StrEnum):
    """What a simulated customer was planted as."""

    KEY_SOURCE = "key_source"
    ORDINARY = "ordinary"
    BOT = "bot"
    LIAR = "liar"
    NEWCOMER = "newcomer"


ROLE_SHARES: dict[Role, float] = {
    Role.KEY_SOURCE: 0.04,
    Role.ORDINARY: 0.87,
    Role.BOT: 0.03,
    Role.LIAR: 0.03,
    Role.NEWCOMER: 0.03,
}


@dataclass(frozen=True, slots=True)
class Persona:
    """
    The latents of one customer, each in [0, 1].

    Attributes:
        value: What buying and ideas are worth to the company.
        willingness: How readily the customer comes forward, answers, and trusts.
        absorbability: How well the company can take in what this customer says.
        activity: Touchpoints relative to the mean customer's, > 0; strongly skewed.
    """

    customer_id: str
    role: Role
    value: float
    willingness: float
    absorbability: float
    activity: float

    @property
    def is_key_source(self) -> bool:
        """Whether a perfect judge would call this customer a key source."""
        lowest = min(self.value, self.willingness, self.absorbability)
        return self.role in (Role.KEY_SOURCE, Role.ORDINARY) and lowest >= HIGH_FROM


def draw_persona(chance: Random, customer_id: str) -> Persona:
    """Draw a role by ``ROLE_SHARES``, then latents that fit it."""
    role = draw_one(chance, ROLE_SHARES)
    value, willingness, absorbability = (chance.betavariate(1.2, 1.8) for _ in range(3))
    activity = chance.lognormvariate(-0.32, 0.8)  # mean 1; a tenth of the customers exceed 2
    match role:
        case Role.KEY_SOURCE:
            value = blend(0.75, 1.0, value)
            willingness = blend(0.75, 1.0, willingness)
            absorbability = blend(0.75, 1.0, absorbability)
            activity = max(1.5, activity)
        case Role.BOT:
            value, willingness, absorbability = 0.02, 0.02, 0.1
            activity = 3.0 + activity
        case Role.LIAR:
            # Looks willing and talks a lot; what is said turns out wrong.
            value, willingness = blend(0.0, 0.3, value), blend(0.8, 1.0, willingness)
            activity = 1.5 + activity
        case Role.NEWCOMER:
            activity = 0.1
        case Role.ORDINARY:
            pass
    return Persona(customer_id, role, value, willingness, absorbability, activity)
