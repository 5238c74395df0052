"""Bars: each holds on its own figure, at the limit and not beyond it."""

from dataclasses import replace

import pytest

from ckm_stream.evidence.results import Measured
from ckm_stream.evidence.sources.bars import check_bars
from ckm_stream.evidence.sources.results import Bar
from ckm_stream.simulation.persona import Role
from tests.support.source_evaluations import (
    TRUTH_NAMES,
    classes,
    rate,
    source_evaluation_by_hand,
    source_ranking,
)

BY_HAND = source_evaluation_by_hand()


def bars_of(
    *, precision: float = 0.5, ece: float = 0.005, auc: float | None = 0.7, liars: int = 0
) -> dict[str, Bar]:
    """Return the bars by name."""
    fitted = replace(rate("fitted", ece), auc=Measured(auc))
    calibration = replace(BY_HAND.calibration, rates=(fitted, rate("raw", 0.2)))
    called = (classes("other", {Role.ORDINARY: 9}), classes("zero", {Role.LIAR: liars}))
    found = check_bars(
        BY_HAND.truths, source_ranking("total", precision, None), calibration, called
    )
    return {each.name: each for each in found}


@pytest.mark.parametrize(("precision", "holds"), [(0.42, True), (0.4199, False), (1.0, True)])
def test_precision_is_wanted_by_every_truth(precision: float, holds: bool) -> None:
    """At least 0.42."""
    bars = bars_of(precision=precision)

    for name in TRUTH_NAMES:
        bar = bars[f"precision_at_r_{name}"]
        assert (bar.figure, bar.bar, bar.holds) == (precision, 0.42, holds)


@pytest.mark.parametrize(("ece", "holds"), [(0.01, True), (0.0101, False), (0.0, True)])
def test_rates_may_be_off_by_a_hundredth(ece: float, holds: bool) -> None:
    """At most."""
    assert bars_of(ece=ece)["willingness_ece"].holds is holds


@pytest.mark.parametrize(("auc", "holds"), [(0.5, False), (0.51, True), (None, False)])
def test_rates_have_to_tell_customers_apart(auc: float | None, holds: bool) -> None:
    """Better than one rate for all; what could not be measured does not hold."""
    assert bars_of(auc=auc)["willingness_auc"].holds is holds


def test_one_liar_in_any_epoch_is_too_many() -> None:
    """Ordinary customers are no suspects."""
    assert bars_of()["suspects_as_key_sources"].holds
    failed = bars_of(liars=1)["suspects_as_key_sources"]
    assert (failed.figure, failed.holds) == (1.0, False)


def test_a_precision_that_could_not_be_measured_does_not_hold() -> None:
    """There was no key source to find."""
    ranking = replace(
        source_ranking("total", 0.5, None),
        precision_at_r=dict.fromkeys(TRUTH_NAMES, Measured(None)),
    )

    first = check_bars(BY_HAND.truths, ranking, BY_HAND.calibration, BY_HAND.classes)[0]

    assert (first.figure, first.holds) == (None, False)
