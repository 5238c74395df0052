"""
Three truths about who a key source is, each from the latents that a customer was drawn from.

Which one is right is a matter of policy, so a ranking has to find all three. None of them holds
bots, liars and newcomers, whatever their latents.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ckm_stream.evidence.arrays import Flags, Numbers
from ckm_stream.simulation.persona import HIGH_FROM, Persona, Role

HONEST: Final = frozenset({Role.KEY_SOURCE, Role.ORDINARY})

#: The part of the customers that the second and the third truth name.
TOP: Final = 0.1


@dataclass(frozen=True, slots=True)
class Truth:
    """
    A truth to be found.

    Attributes:
        name: Its name, such as ``planted``.
        title: Its name for people.
        holds: Says of each of n customers whether it is one; bool[n].
    """

    name: str
    title: str
    holds: Callable[[Sequence[Persona]], Flags]


def planted(personas: Sequence[Persona]) -> Flags:
    """Say who is an honest customer with all three latents at 0.7 or more."""
    return np.array([each.is_key_source for each in personas], dtype=bool)


def top_by_geometric_mean(personas: Sequence[Persona]) -> Flags:
    """Say who is in the tenth with the highest geometric mean of the latents."""
    return _top(personas, latents(personas).prod(axis=1))


def top_by_least(personas: Sequence[Persona]) -> Flags:
    """Say who is in the tenth whose least latent is highest."""
    return _top(personas, latents(personas).min(axis=1))


TRUTHS: Final = (
    Truth("planted", f"All three sides {HIGH_FROM:g} or more", planted),
    Truth("geometric", "Best tenth by all sides together", top_by_geometric_mean),
    Truth("least", "Best tenth by the weakest side", top_by_least),
)


def latents(personas: Sequence[Persona]) -> Numbers:
    """Return value, willingness and absorbability, each in [0, 1]; float64[n, 3]."""
    return np.array([(each.value, each.willingness, each.absorbability) for each in personas])


def _top(personas: Sequence[Persona], merit: Numbers) -> Flags:
    """Flag the honest ones with the highest merit, as many as a tenth of all customers."""
    honest = np.array([each.role in HONEST for each in personas], dtype=bool)
    order = np.argsort(-np.where(honest, merit, -np.inf), kind="stable")
    flags = np.zeros(len(personas), dtype=bool)
    flags[order[: round(TOP * len(personas))]] = True
    return np.asarray(flags & honest)
