"""An evaluation made by hand, for tests of what is said and drawn of one."""

from datetime import date

from ckm_stream.evidence.results import (
    Data,
    Evaluation,
    HalfLifeChoice,
    Measured,
    ModelFit,
    RankingCurve,
    RankingResult,
    Weekly,
)

#: A name that would break out of any place in a page, or steer a terminal.
NASTY = '"><script>alert(1)</script>&\x1b[2J.csv'


def ranking(name: str, share: float, error: float, lead: Measured | None) -> RankingResult:
    """Return a ranking with these measures, and intervals around them."""
    return RankingResult(
        name=name,
        title=f"The {name}",
        top_decile_share=Measured(share, share - 0.05, share + 0.05),
        normalised_gini=Measured(0.5, 0.4, 0.6),
        auc=Measured(0.7),
        mean_absolute_error=Measured(error, error - 2, error + 2),
        decayed_sum_lead=lead,
    )


def curve(name: str) -> RankingCurve:
    """Return a curve that rises."""
    return RankingCurve(
        name=name,
        gains=tuple((place / 100) ** 0.5 for place in range(101)),
        forecast_by_decile=tuple(float(100 - 10 * tenth) for tenth in range(10)),
        spend_by_decile=tuple(float(90 - 9 * tenth) for tenth in range(10)),
    )


def evaluation_by_hand() -> Evaluation:
    """Return an evaluation with a better, an equal, a worse, an uncompared and a refused one."""
    return Evaluation(
        data=Data(
            file=NASTY,
            lines=12_345,
            refunds=67,
            calibration_start=date(2020, 1, 6),
            calibration_end=date(2020, 12, 31),
            horizon_end=date(2021, 4, 1),
            horizon_weeks=13.0,
            customers=2_000,
            repeat_customers=900,
            later_customers=500,
            later_purchases=800,
            later_spend=50_000.0,
            best_top_decile_share=0.78,
        ),
        half_life=HalfLifeChoice(
            start=date(2020, 9, 1),
            end=date(2020, 12, 31),
            weeks=(4, 8, 13),
            top_decile_shares=(0.4, 0.45, 0.44),
            chosen_weeks=8,
        ),
        models=(
            ModelFit("bg_nbd", "BG/NBD", 2_000, {"r": 0.25, "alpha": 4.5}, -1234.5),
            ModelFit("mbg_nbd", "MBG/NBD", 2_000, {}, None, "a <b>landed</b> on its bound"),
        ),
        rankings=(
            ranking("sum", 0.514, 31.0, None),
            ranking("bg_nbd", 0.6, 29.0, Measured(-0.086, -0.1, -0.05)),
            ranking("equal", 0.5, 40.0, Measured(0.014, -0.02, 0.05)),
            ranking("worse", 0.4, 41.0, Measured(0.114, 0.08, 0.15)),
            ranking("lone", 0.4, 42.0, Measured(0.114)),
            RankingResult("mbg_nbd", "The mbg_nbd", refused="a <b>landed</b> on its bound"),
        ),
        best_gains=tuple(min(1.0, place / 30) for place in range(101)),
        curves=tuple(curve(name) for name in ("sum", "bg_nbd", "equal", "worse", "lone")),
        weekly=Weekly(
            weeks=(0.0, 6.0, 13.0),
            purchases=(0, 350, 800),
            expected={"bg_nbd": (0.0, 330.0, 700.0)},
        ),
        resamples=1_000,
        seed=1,
    )
