"""Later answers: counted as the acceptance rate counts them, and drawn anew."""

import numpy as np
import pytest

from ckm_stream.domain.facts import Facts, add_event
from ckm_stream.domain.indicators import read_evidence
from ckm_stream.evidence.sources.answers import answer_of, later_answers, later_until_s
from ckm_stream.simulation.customers import SimulationPlan, persona_of, simulate
from tests.support.populations import POLICY

PLAN = SimulationPlan(customers=200, seed=31, events_per_customer=40.0)


def test_an_answer_counts_what_it_counts_in_the_acceptance_rate() -> None:
    """Each event by itself, read at its own instant, is the evidence that it answers with."""
    kinds = set()
    for customer in simulate(PLAN):
        for event in customer.events:
            facts = Facts.empty()
            add_event(facts, event, POLICY)
            evidence = read_evidence(facts, event.occurred_s, POLICY)["acceptance_rate"]

            answer = answer_of(event)

            assert (answer or (0.0, 0.0)) == pytest.approx(evidence, abs=1e-12)
            kinds.add(answer)

    assert kinds == {None, (1.0, 0.0), (0.0, 1.0), (0.0, 0.5)}


def test_answers_are_added_up_for_each_customer() -> None:
    """None at all counts half, so the weight is below the number of approaches."""
    answers = later_answers(PLAN)

    assert (answers.accepted <= answers.weight).all()
    assert (answers.weight <= answers.approaches).all()
    assert (answers.weight >= answers.approaches / 2).all()
    assert answers.approaches.sum() > 2_000


def test_the_willing_accept_more_often() -> None:
    """What is judged by is the persona that the history was drawn from, too."""
    answers = later_answers(PLAN)
    willingness = np.array([persona_of(PLAN.seed, index).willingness for index in range(200)])
    often = answers.approaches >= 10

    rates = answers.accepted[often] / answers.weight[often]

    assert np.corrcoef(rates, willingness[often])[0, 1] > 0.8


def test_answers_are_gathered_for_twice_as_long_as_the_history() -> None:
    """So that there are enough of them to tell an error of 0.01."""
    assert later_until_s(PLAN) - PLAN.end_s == 2 * (PLAN.end_s - PLAN.start_s)
