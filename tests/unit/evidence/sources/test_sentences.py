"""What is said of simulated populations: true, in figures that a manager can use."""

from dataclasses import replace

from ckm_stream.evidence.results import Measured
from ckm_stream.evidence.sources import sentences
from tests.support.source_evaluations import TRUTH_NAMES, source_evaluation_by_hand, source_ranking

BY_HAND = source_evaluation_by_hand()


def test_the_headline_says_how_many_are_found_and_how_many_without_the_score() -> None:
    """With its interval; by lot, by money and by contacts for comparison."""
    assert sentences.headline(BY_HAND) == (
        "Of the 300 customers whom the total score puts first, 78 % are key sources (95 % "
        "interval: 73 % to 83 %). Of customers drawn by lot it would be 5 %, of those who spent "
        "most 33 %, of those who made most contacts 2 %."
    )


def test_the_headline_claims_no_interval_that_is_not_there() -> None:
    """Without resamples the sentence goes on."""
    total = replace(BY_HAND.rankings[0], precision_at_r=dict.fromkeys(TRUTH_NAMES, Measured(0.781)))
    bare = replace(BY_HAND, rankings=(total, *BY_HAND.rankings[1:]))

    assert "78 % are key sources. Of customers" in sentences.headline(bare)


def test_bars_that_do_not_hold_are_named_with_figure_and_limit() -> None:
    """Or all of them hold."""
    held = replace(BY_HAND, bars=BY_HAND.bars[:1])

    assert sentences.bars(held) == "All 1 bars hold."
    assert sentences.bars(BY_HAND) == (
        "Bars that do not hold: calibration error is 0.031 and ought to be at most 0.01; "
        "precision of another is not measured and ought to be at least 0.42."
    )


def test_rankings_are_told_apart_by_the_interval_of_their_difference() -> None:
    """Better, alike, worse, and those that nobody can say it of."""
    assert sentences.comparison(BY_HAND) == [
        "Found more key sources than the total score, by more than chance explains: The value.",
        "Not to be told apart from the total score on these populations: The total_own_epoch.",
        "Found fewer key sources, by more than chance explains: The contacts.",
        "Not compared, because there are no intervals: The spend.",
    ]


def test_only_kinds_that_there_are_get_a_sentence() -> None:
    """One worse ranking, one sentence."""
    worse = source_ranking("worse", 0.1, Measured(0.6, 0.5, 0.7))
    few = replace(BY_HAND, rankings=(BY_HAND.rankings[0], worse))

    assert sentences.comparison(few) == [
        "Found fewer key sources, by more than chance explains: The worse."
    ]


def test_calibration_is_told_in_percentage_points_beside_chance_and_raw_rates() -> None:
    """With how many answers it rests on."""
    told = sentences.calibration(BY_HAND)

    assert "130,000 later answers of 5,900 customers" in told
    assert "off by 3.1 percentage points on average, where chance alone makes 0.4" in told
    assert told.endswith("raw rates, not shrunk, were off by 10.2.")


def test_suspects_are_named_for_each_epoch() -> None:
    """None, or how many of which kind."""
    other, zero = sentences.suspects(BY_HAND)

    assert other == (
        "Epoch other: of 1,002 bots, 1,003 liars, 1,004 newcomers, none came to be called key "
        "sources; of the 45 who did, 40 are."
    )
    assert zero == (
        "Epoch zero: of 1,002 bots, 1,003 liars, 1,004 newcomers, 3 (2 liars, 1 newcomer) came "
        "to be called key sources; of the 48 who did, 40 are."
    )
