"""A population as an epoch scores it."""

import numpy as np
import pytest

from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.indicators import read_evidence
from ckm_stream.domain.scoring import explain, score_profile
from ckm_stream.evidence.sources.answers import Answers
from ckm_stream.evidence.sources.reading import Epochs, judge_population, read_population
from ckm_stream.evidence.sources.truths import TRUTHS
from ckm_stream.population.fit import fit_epoch
from tests.support.populations import POLICY, simulated

POPULATION = simulated(150, seed=51)
ZERO = epoch_zero(POLICY)
NONE = Answers(np.zeros(150, dtype=np.int64), np.zeros(150), np.zeros(150))


def test_scores_are_those_of_the_service() -> None:
    """Total, dimensions, class, and the acceptance rate as it is shown."""
    read = read_population(POPULATION, ZERO, POLICY)

    for place, facts in enumerate(POPULATION.facts[name] for name in POPULATION.personas):
        options = {"as_of_s": POPULATION.as_of_s, "epoch": ZERO, "policy": POLICY}
        score = score_profile(facts, **options)  # type: ignore[arg-type]  # by their names
        factors = explain(facts, **options).factors  # type: ignore[arg-type]  # likewise
        assert read.total[place] == score.total
        dimensions = (score.value, score.willingness, score.absorption)
        assert tuple(read.dimensions[:, place]) == dimensions
        assert read.classes[place] is score.source_class
        assert read.acceptance[place] == factors[5].value
    assert read.prior_acceptance == 0.5


def test_a_population_is_read_by_three_epochs() -> None:
    """Another's, its own and none, beside its truths."""
    own = fit_epoch(POPULATION.population, POLICY, epoch_id=1, before=ZERO).epoch
    other = fit_epoch(simulated(150, seed=52).population, POLICY, epoch_id=1, before=ZERO).epoch

    judged = judge_population(POPULATION, NONE, Epochs(other=other, own=own, zero=ZERO), POLICY)

    for read, epoch in ((judged.other, other), (judged.own, own), (judged.zero, ZERO)):
        assert (read.total == read_population(POPULATION, epoch, POLICY).total).all()
    assert (judged.other.total != judged.own.total).any()
    personas = list(POPULATION.personas.values())
    assert judged.roles == tuple(each.role for each in personas)
    for truth, flags in zip(TRUTHS, judged.truths, strict=True):
        assert (flags == truth.holds(personas)).all()
    assert judged.spend.tolist() == list(POPULATION.spend.values())
    assert judged.contacts.tolist() == list(POPULATION.contacts.values())


def test_a_raw_rate_is_what_was_accepted_and_nothing_more() -> None:
    """Who was never approached has none."""
    judged = judge_population(POPULATION, NONE, Epochs(other=ZERO, own=ZERO, zero=ZERO), POLICY)

    for place, name in enumerate(POPULATION.personas):
        evidence = read_evidence(POPULATION.facts[name], POPULATION.as_of_s, POLICY)
        accepted, declined = evidence["acceptance_rate"]
        if accepted + declined:
            expected = accepted / (accepted + declined)
            assert judged.raw_acceptance[place] == pytest.approx(expected)
        else:
            assert np.isnan(judged.raw_acceptance[place])
    assert np.isnan(judged.raw_acceptance).any()
