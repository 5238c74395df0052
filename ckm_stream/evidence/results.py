"""
What an evaluation found, as plain values: for tables, for JSON and for the report alike.

Shares are in [0, 1], money is in the unit of the file, days are ``datetime.date``; ``None`` stands
for what could not be measured.
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Measured:
    """
    A measure with its 95 % bootstrap interval.

    Attributes:
        value: On the customers as they are; None if it is not defined for them.
        low: Lower end of the interval; None without resamples, or if one leaves it undefined.
        high: Upper end, likewise.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """
    What was evaluated.

    Attributes:
        file: Name of the file.
        lines: How many purchases and refunds it has.
        refunds: How many of them are below 0.
        calibration_start: Day of the cohort's first purchase.
        calibration_end: Last day of what the rankings know.
        horizon_end: Last day of what they are judged on.
        horizon_weeks: Length of the horizon.
        customers: Who bought in calibration: the cohort.
        repeat_customers: Those of them with two or more days of purchase in calibration.
        later_customers: Those of them who bought in the horizon.
        later_purchases: Their days of purchase in the horizon.
        later_spend: What they spent in it, refunds taken off.
        best_top_decile_share: Share of it that the tenth with the highest spend holds, which no
            ranking can exceed.
    """

    file: str
    lines: int
    refunds: int
    calibration_start: date
    calibration_end: date
    horizon_end: date
    horizon_weeks: float
    customers: int
    repeat_customers: int
    later_customers: int
    later_purchases: int
    later_spend: float
    best_top_decile_share: float


@dataclass(frozen=True, slots=True)
class HalfLifeChoice:
    """
    How the half-life was chosen: on calibration alone.

    Attributes:
        start: First day of the earlier window, calibration's last third.
        end: Its last day, which is calibration's.
        weeks: The half-lives that were tried.
        top_decile_shares: For each of them: share of the window's spend in the top tenth.
        chosen_weeks: The one with the highest share.
    """

    start: date
    end: date
    weeks: tuple[int, ...]
    top_decile_shares: tuple[float, ...]
    chosen_weeks: int


@dataclass(frozen=True, slots=True)
class ModelFit:
    """
    A model as it was fitted to calibration.

    Attributes:
        name: Its name, such as ``mbg_nbd``.
        title: Its name for people.
        customers: How many customers it was fitted to.
        parameters: Maximum-likelihood estimates by name; empty if refused.
        log_likelihood: The greatest log-likelihood; None if refused.
        refused: Why there is no fit; None if there is one.
    """

    name: str
    title: str
    customers: int
    parameters: dict[str, float]
    log_likelihood: float | None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class RankingResult:
    """
    How well a ranking foresaw the horizon.

    Attributes:
        name: Its name, such as ``decayed_sum``.
        title: Its name for people.
        refused: Why it could not be made; None if it could, else all measures are None.
        top_decile_share: Share of later spend held by the tenth that it ranks first.
        normalised_gini: Gini coefficient of later spend by it, over that by later spend itself.
        auc: Chance that a later buyer ranks above one who did not buy.
        mean_absolute_error: Of its forecast of later spend, in money per customer.
        decayed_sum_lead: Top-decile share of the decayed sum less this one's, on the same
            resamples; None for the decayed sum itself.
    """

    name: str
    title: str
    refused: str | None = None
    top_decile_share: Measured | None = None
    normalised_gini: Measured | None = None
    auc: Measured | None = None
    mean_absolute_error: Measured | None = None
    decayed_sum_lead: Measured | None = None


@dataclass(frozen=True, slots=True)
class RankingCurve:
    """
    What a ranking's plots show.

    Attributes:
        name: Name of the ranking.
        gains: Share of later spend held by the first 0 %, 1 % ... 100 % of the customers.
        forecast_by_decile: Mean forecast of later spend in each tenth, first tenth first.
        spend_by_decile: Mean later spend in each tenth.
    """

    name: str
    gains: tuple[float, ...]
    forecast_by_decile: tuple[float, ...]
    spend_by_decile: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Weekly:
    """
    Purchases in the horizon, added up week by week.

    Attributes:
        weeks: Weeks since calibration's end: 0, 1 ... and the horizon's end.
        purchases: Days of purchase of the cohort up to then.
        expected: What each fitted model expected of them at calibration's end, by its name.
    """

    weeks: tuple[float, ...]
    purchases: tuple[int, ...]
    expected: dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """
    Everything that an evaluation of purchases found.

    Attributes:
        data: What was evaluated.
        half_life: How the decayed sum's half-life was chosen.
        models: The models of buying and of spending.
        rankings: The rankings, the decayed sum first.
        best_gains: The gains curve of perfect foresight.
        curves: What the plots show of each ranking that could be made.
        weekly: Purchases against expectations.
        resamples: How many resamples the intervals come from.
        seed: Their seed.
    """

    data: Data
    half_life: HalfLifeChoice
    models: tuple[ModelFit, ...]
    rankings: tuple[RankingResult, ...]
    best_gains: tuple[float, ...]
    curves: tuple[RankingCurve, ...]
    weekly: Weekly
    resamples: int
    seed: int
