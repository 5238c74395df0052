"""
The report of an evaluation for people: one HTML file with its plots inside.

Nothing is loaded from anywhere and nothing runs in it; everything that comes from outside (the
file's name, messages) is escaped. The plots need matplotlib, the package's extra ``report``.
"""

from pathlib import Path
from types import ModuleType

from ckm_stream.evidence import sentences
from ckm_stream.evidence.glossary import glossary
from ckm_stream.evidence.page import (
    figure,
    glossary_section,
    heading,
    page,
    paragraphs,
    plot,
    require_drawing,
    table,
    write_page,
)
from ckm_stream.evidence.results import Evaluation, ModelFit, RankingResult


def require_plots() -> ModuleType:
    """
    Return the module that draws.

    Raises:
        ConfigurationError: If matplotlib is not installed.
    """
    return require_drawing("ckm_stream.evidence.plots")


def write_report(path: Path, evaluation: Evaluation) -> None:
    """
    Write the report to a file, in place of one that is there.

    Raises:
        ConfigurationError: If matplotlib is not installed, or the file cannot be written.
    """
    write_page(path, render_report(evaluation))


def render_report(evaluation: Evaluation) -> str:
    """
    Return the report as the text of an HTML file.

    Raises:
        ConfigurationError: If matplotlib is not installed.
    """
    return page(
        f"Which customers will buy? {evaluation.data.file}",
        sentences.headline(evaluation),
        [
            *paragraphs(sentences.comparison(evaluation)),
            *paragraphs([sentences.forecast_errors(evaluation)]),
            *paragraphs(sentences.refusals(evaluation)),
            _data_section(evaluation),
            _rankings_section(evaluation),
            *_plot_sections(evaluation),
            _models_section(evaluation),
            glossary_section(glossary()),
        ],
    )


def _data_section(evaluation: Evaluation) -> str:
    data = evaluation.data
    known = f"{data.calibration_start} to {data.calibration_end}"
    judged = f"the {data.horizon_weeks:g} weeks to {data.horizon_end}"
    refunds = f", {data.refunds:,} of them refunds" if data.refunds else ""
    bought = f"{data.later_spend:,.2f}"
    rows = [
        ("File", f"{data.file}: {data.lines:,} lines{refunds}"),
        ("Calibration", f"{known}: {data.customers:,} customers"),
        ("of them bought again in it", f"{data.repeat_customers:,}"),
        ("Horizon", judged),
        (
            "of the customers bought in it",
            f"{data.later_customers:,}, on {data.later_purchases:,} days, for {bought}",
        ),
    ]
    return heading("What was looked at") + table(["", ""], rows, numbers_from=2)


def _rankings_section(evaluation: Evaluation) -> str:
    drawn = f"95 % intervals below each figure from {evaluation.resamples:,} resamples"
    head = ["Ranking", "Top-decile share", "Normalised Gini", "AUC", "Mean error"]
    rows = [_ranking_row(each) for each in evaluation.rankings]
    caption = drawn if evaluation.resamples else ""
    return heading("How each ranking did") + table(head, rows, caption=caption)


def _ranking_row(ranking: RankingResult) -> tuple[str, ...]:
    if ranking.refused is not None:
        return (f"{ranking.title}: {ranking.refused}",)
    return (
        ranking.title,
        figure(ranking.top_decile_share, "{:.1%}"),
        figure(ranking.normalised_gini, "{:.3f}"),
        figure(ranking.auc, "{:.3f}"),
        figure(ranking.mean_absolute_error, "{:,.2f}"),
    )


def _plot_sections(evaluation: Evaluation) -> list[str]:
    plots = require_plots()
    choice = evaluation.half_life
    return [
        heading("Who holds what is bought later"),
        plot(
            plots.shares_plot(evaluation),
            "Share of later spend held by the tenth that each ranking puts first, with 95 % "
            "intervals.",
        ),
        plot(
            plots.gains_plot(evaluation),
            "Going down each ranking from its best customer: how much of later spend is reached. "
            "The higher the curve on the left, the better the ranking.",
        ),
        heading("How close the forecasts of money were"),
        plot(
            plots.deciles_plot(evaluation),
            "Mean spend of each tenth of the customers in the horizon, and its forecast.",
        ),
        plot(
            plots.weekly_plot(evaluation),
            "Purchases of all customers in the horizon, added up, and what the models expected of "
            "them when calibration ended.",
        ),
        heading("How the half-life was chosen"),
        plot(
            plots.half_life_plot(evaluation),
            f"Top-decile share in the last third of calibration, {choice.start} to {choice.end}, "
            f"by half-life. {choice.chosen_weeks} weeks were chosen; the horizon had no part in "
            "it.",
        ),
    ]


def _models_section(evaluation: Evaluation) -> str:
    head = ["Model", "Customers", "Log-likelihood", "Parameters"]
    rows = [_model_row(each) for each in evaluation.models]
    return heading("The models") + table(head, rows, caption="Fitted to calibration alone.")


def _model_row(fit: ModelFit) -> tuple[str, ...]:
    if fit.refused is not None or fit.log_likelihood is None:
        return (f"{fit.title}: {fit.refused}",)
    parameters = ", ".join(f"{name} {value:.4f}" for name, value in fit.parameters.items())
    return fit.title, f"{fit.customers:,}", f"{fit.log_likelihood:,.2f}", parameters
