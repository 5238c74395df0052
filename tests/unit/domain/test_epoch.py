"""Epoch 0: saturation, weights that add up, and a reference."""

import pytest

from ckm_stream.domain.epoch import INDICATORS, epoch_zero
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import Indicator

POLICY = Policy()
EPOCH = epoch_zero(POLICY)


def test_saturation_is_half_at_its_point() -> None:
    """z50 maps to 0.5, three times as much to 0.75, nothing to 0."""
    base = Indicator.BASE_POTENTIAL

    assert [EPOCH.normalise(base, z) for z in (0.0, 2_000.0, 6_000.0)] == [0.0, 0.5, 0.75]


def test_shares_are_kept_as_they_are() -> None:
    """An indicator in [0, 1] needs no scale."""
    assert EPOCH.normalise(Indicator.TRUST, 0.3) == 0.3


@pytest.mark.parametrize("indicator", INDICATORS)
def test_every_indicator_is_mapped_monotonically_into_the_unit(indicator: Indicator) -> None:
    """More is never less."""
    top = 1.0 if EPOCH.normalise(indicator, 1.0) == 1.0 else 1e9
    mapped = [EPOCH.normalise(indicator, top * step / 10) for step in range(11)]

    assert mapped == sorted(mapped)
    assert mapped[0] == 0.0
    assert mapped[-1] <= 1.0


def test_weights_add_up() -> None:
    """Within each dimension and between them."""
    assert sum(EPOCH.between) == pytest.approx(1.0)
    for start in (0, 4, 8):
        assert sum(EPOCH.within[start : start + 4]) == pytest.approx(1.0)


def test_reference_is_normalised() -> None:
    """600 of margin is 600/2600 of the way."""
    assert EPOCH.reference[0] == pytest.approx(600 / 2_600)
    assert (EPOCH.epoch_id, EPOCH.effective_from_s) == (0, POLICY.landmark_s)
