"""Three truths about who a key source is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.evidence.sources.truths import (
    HONEST,
    TRUTHS,
    latents,
    planted,
    top_by_geometric_mean,
    top_by_least,
)
from ckm_stream.simulation.customers import persona_of
from ckm_stream.simulation.persona import HIGH_FROM, Persona, Role

shares = st.floats(0.0, 1.0)
personas_of_any_kind = st.lists(
    st.builds(Persona, st.just("c"), st.sampled_from(Role), shares, shares, shares, st.just(1.0)),
    min_size=1,
    max_size=60,
)
SIMULATED = [persona_of(41, index) for index in range(3_000)]


@given(personas_of_any_kind)
def test_no_truth_holds_who_deceives_or_is_new(personas: list[Persona]) -> None:
    """Whatever the latents of a bot, a liar or a newcomer."""
    honest = np.array([each.role in HONEST for each in personas])

    for truth in TRUTHS:
        assert not (truth.holds(personas) & ~honest).any()


@given(personas_of_any_kind)
def test_who_is_planted_is_high_on_every_side(personas: list[Persona]) -> None:
    """And honest; nobody else is."""
    honest = np.array([each.role in HONEST for each in personas])
    high = (latents(personas) >= HIGH_FROM).all(axis=1)

    assert (planted(personas) == (honest & high)).all()


@given(personas_of_any_kind)
def test_who_is_left_out_of_the_best_tenth_has_no_more_merit(personas: list[Persona]) -> None:
    """By the geometric mean of all sides, or by the least of them."""
    honest = np.array([each.role in HONEST for each in personas])
    sides = latents(personas)

    for holds, merit in (
        (top_by_geometric_mean, sides.prod(axis=1)),
        (top_by_least, sides.min(axis=1)),
    ):
        chosen = holds(personas)
        left_out = honest & ~chosen
        assert chosen.sum() == min(round(len(personas) / 10), honest.sum())
        if chosen.any() and left_out.any():
            assert merit[chosen].min() >= merit[left_out].max()


def test_the_truths_are_three() -> None:
    """On a simulated population none is another, and none the opposite of another."""
    flags = [truth.holds(SIMULATED) for truth in TRUTHS]

    for place, one in enumerate(flags):
        for other in flags[place + 1 :]:
            assert 0.1 < (one & other).sum() / (one | other).sum() < 0.9
