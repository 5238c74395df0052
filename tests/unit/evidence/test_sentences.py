"""What is said of an evaluation: true, in figures that a manager can use."""

from dataclasses import replace

from ckm_stream.evidence import sentences
from ckm_stream.evidence.results import Measured
from tests.support.evaluations import evaluation_by_hand


def test_the_headline_says_what_the_top_tenth_held_and_what_chance_and_foresight_hold() -> None:
    """With its interval, of the ranking that was chosen before the horizon."""
    assert sentences.headline(evaluation_by_hand()) == (
        "The tenth of the customers whom the decayed sum ranks first held 51 % of what was bought "
        "in the next 13 weeks (95 % interval: 46 % to 56 %); a tenth drawn by lot would hold 10 %, "
        "and the best tenth possible held 78 %."
    )


def test_the_headline_claims_no_interval_that_is_not_there() -> None:
    """Without resamples the sentence goes on."""
    evaluation = evaluation_by_hand()
    first = replace(evaluation.rankings[0], top_decile_share=Measured(0.514))
    evaluation = replace(evaluation, rankings=(first, *evaluation.rankings[1:]))

    assert "held 51 % of what was bought in the next 13 weeks; a" in sentences.headline(evaluation)


def test_rankings_are_told_apart_by_the_interval_of_their_difference() -> None:
    """Better, alike, worse, and those that nobody can say it of; a refused one is nowhere."""
    assert sentences.comparison(evaluation_by_hand()) == [
        "Better than the decayed sum, by more than chance explains: The bg_nbd.",
        "Not to be told apart from the decayed sum on these customers: The equal.",
        "Worse than the decayed sum, by more than chance explains: The worse.",
        "Not compared, because there are no intervals: The lone.",
    ]


def test_the_error_of_each_forecast_is_told_beside_what_was_spent() -> None:
    """An error of 29 is much or little only beside a mean of 25."""
    told = sentences.forecast_errors(evaluation_by_hand())

    assert "The bg_nbd came closest: customers spent 25.00 on average" in told
    assert "off by 29.00 on average" in told
    assert "31.00 by The sum, 29.00 by The bg_nbd, 40.00 by The equal" in told


def test_a_refusal_is_told_with_its_reason() -> None:
    """By the model's name."""
    assert sentences.refusals(evaluation_by_hand()) == [
        "MBG/NBD could not be fitted: a <b>landed</b> on its bound."
    ]


def test_a_share_is_whole_percent() -> None:
    """And a dash if there is none."""
    assert [sentences.percent(each) for each in (0.514, 1.0, None)] == ["51 %", "100 %", "-"]
