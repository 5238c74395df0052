"""What is kept of how an epoch came about, and the choices that it was fitted under."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from ckm_stream.domain.choices import DAY_S, DimensionWeights, HalfLives, HighThresholds, Money
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import ConfigurationError
from ckm_stream.population.activation import require_readable
from ckm_stream.population.fit import fit_epoch
from ckm_stream.population.report import FitReport, reading_fingerprint, report_of
from ckm_stream.population.weights import Comparisons
from tests.support.populations import POLICY, simulated

ZERO = epoch_zero(POLICY)
FITTED = fit_epoch(
    simulated(300, seed=5).population,
    POLICY,
    epoch_id=1,
    before=ZERO,
    comparisons=Comparisons(dimensions=((1, 2, 2), (1 / 2, 1, 1), (1 / 2, 1, 1))),
)
REPORT = report_of(FITTED, before=ZERO, policy=POLICY, simulated=7)


def test_a_report_says_what_the_fit_found_and_what_was_before() -> None:
    """Indicators and priors by their names, the epoch before by its numbers."""
    found = FITTED.diagnostics

    assert (REPORT.customers_known, REPORT.customers_simulated) == (found.customers_known, 7)
    assert tuple(REPORT.with_evidence.values()) == found.with_evidence
    assert list(REPORT.with_evidence) == [
        *("V1", "V2", "V3", "V4", "W1", "W2", "W3", "W4", "A1", "A2", "A3", "A4"),
    ]
    assert tuple(REPORT.entropy_weights.values()) == found.entropy_weights
    assert REPORT.consistency_ratios == {"dimensions": pytest.approx(0.0, abs=1e-9)}
    assert {name: each.customers for name, each in REPORT.priors.items()} == {
        name: each.customers for name, each in found.priors.items()
    }
    assert (REPORT.before.epoch_id, REPORT.before.high) == (0, ZERO.high)
    assert REPORT.before.priors["trust"] == (2.0, 2.0)


def test_a_report_is_read_back_from_json_as_it_was() -> None:
    """It is kept as a document that people can query."""
    document = msgspec.json.decode(msgspec.json.encode(REPORT))

    assert msgspec.convert(document, FitReport) == REPORT


RESTS_ON: list[Callable[[Policy], Policy]] = [
    lambda policy: replace(policy, half_lives=HalfLives(trust=100 * DAY_S)),
    lambda policy: replace(policy, kappas=(1.0, 0.5, 0.2)),
    lambda policy: replace(policy, contact_window=4),
    lambda policy: replace(policy, n0=4.0),
    lambda policy: replace(policy, known_after_s=DAY_S),
    lambda policy: replace(policy, new_category_after_s=DAY_S),
    lambda policy: replace(policy, money=Money(referrer_share=0.25)),
    lambda policy: replace(policy, money=Money(referred_margin=2_000)),
    lambda policy: replace(policy, money=Money(call_cost=100)),
]
REPLACED: list[Callable[[Policy], Policy]] = [
    lambda policy: replace(policy, high=HighThresholds(value=0.3, willingness=0.3, absorption=0.3)),
    lambda policy: replace(policy, dimension_weights=DimensionWeights(value=0.5)),
    lambda policy: replace(policy, epsilon=0.02),
    lambda policy: replace(policy, max_future_s=60),
]


@pytest.mark.parametrize("change", RESTS_ON)
def test_an_epoch_is_refused_under_choices_that_its_tables_do_not_fit(
    change: Callable[[Policy], Policy],
) -> None:
    """Its knots are values of indicators that are read in another way now."""
    other = change(POLICY)

    assert reading_fingerprint(other) != reading_fingerprint(POLICY)
    with pytest.raises(ConfigurationError, match="epoch 1 was fitted under another scoring policy"):
        require_readable(FITTED.epoch, REPORT, other)


@pytest.mark.parametrize("change", REPLACED)
def test_an_epoch_is_taken_under_choices_that_it_replaces_or_that_no_score_reads(
    change: Callable[[Policy], Policy],
) -> None:
    """It brings thresholds and weights of its own."""
    require_readable(FITTED.epoch, REPORT, change(POLICY))
