"""The bars that scores have to reach, and whether they do: SCORING.md's, out of sample."""

from collections.abc import Sequence
from typing import Final

from ckm_stream.evidence.sources.classes import count_suspects
from ckm_stream.evidence.sources.results import (
    Bar,
    Calibration,
    Classes,
    SourceRanking,
    TruthResult,
)

PRECISION_AT_R: Final = 0.42
CALIBRATION_ERROR: Final = 0.01
#: What one rate for everybody has.
AUC_OF_ONE_RATE: Final = 0.5


def check_bars(
    truths: Sequence[TruthResult],
    ranking: SourceRanking,
    calibration: Calibration,
    classes: Sequence[Classes],
) -> tuple[Bar, ...]:
    """
    Hold the figures against the bars.

    Args:
        truths: What key sources are.
        ranking: The ranking by the total score, out of sample.
        calibration: Its first rate is the service's, out of sample.
        classes: Of all epochs, none of which may believe a bot, a liar or a newcomer.
    """
    rate = calibration.rates[0]
    suspects = sum(map(count_suspects, classes))
    return (
        *(
            _at_least(
                f"precision_at_r_{truth.name}",
                f"Precision at R: {truth.title.lower()}",
                PRECISION_AT_R,
                ranking.precision_at_r[truth.name].value,
            )
            for truth in truths
        ),
        Bar(
            "willingness_ece",
            "Calibration error of the acceptance rate",
            CALIBRATION_ERROR,
            "<=",
            rate.ece,
            rate.ece <= CALIBRATION_ERROR,
        ),
        Bar(
            "willingness_auc",
            "AUC of the acceptance rate",
            AUC_OF_ONE_RATE,
            ">",
            rate.auc.value,
            rate.auc.value is not None and rate.auc.value > AUC_OF_ONE_RATE,
        ),
        Bar(
            "suspects_as_key_sources",
            "Bots, liars and newcomers called key sources",
            0.0,
            "<=",
            float(suspects),
            suspects == 0,
        ),
    )


def _at_least(name: str, title: str, bar: float, figure: float | None) -> Bar:
    return Bar(name, title, bar, ">=", figure, figure is not None and figure >= bar)
