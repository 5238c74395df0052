"""
The report of an evaluation for people: one HTML file with its plots inside.

Nothing is loaded from anywhere and nothing runs in it; everything that comes from outside (the
file's name, messages) is escaped. The plots need matplotlib, the package's extra ``report``.
"""

from collections.abc import Iterable
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Final

from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence import sentences
from ckm_stream.evidence.glossary import glossary
from ckm_stream.evidence.results import Evaluation, Measured, ModelFit, RankingResult

_STYLE: Final = """
body { color: #1a1a1a; background: #ffffff; font: 16px/1.5 system-ui, sans-serif;
       max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #cccccc; }
.headline { font-size: 1.15rem; border-left: 4px solid #0072b2; padding-left: 1rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; padding-bottom: .4rem; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #dddddd;
         vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
.interval { color: #555555; font-size: .8rem; }
figure { margin: 1.2rem 0; break-inside: avoid; }
figcaption { font-size: .9rem; color: #333333; }
svg { max-width: 100%; height: auto; }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin-left: 0; }
@media print { body { max-width: none; margin: 0; font-size: 11pt; } tr { break-inside: avoid; } }
"""


def require_plots() -> ModuleType:
    """
    Return the module that draws.

    Raises:
        ConfigurationError: If matplotlib is not installed.
    """
    try:
        from ckm_stream.evidence import plots  # noqa: PLC0415 -- needs an extra
    except ImportError as error:
        raise ConfigurationError(
            "a report needs matplotlib, which is not installed: pip install 'ckm-stream[report]'"
        ) from error
    return plots


def write_report(path: Path, evaluation: Evaluation) -> None:
    """
    Write the report to a file, in place of one that is there.

    Raises:
        ConfigurationError: If matplotlib is not installed, or the file cannot be written.
    """
    page = render_report(evaluation)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


def render_report(evaluation: Evaluation) -> str:
    """
    Return the report as the text of an HTML file.

    Raises:
        ConfigurationError: If matplotlib is not installed.
    """
    title = f"Which customers will buy? {evaluation.data.file}"
    body = "\n".join(
        [
            f"<h1>{escape(title)}</h1>",
            f'<p class="headline">{escape(sentences.headline(evaluation))}</p>',
            *_paragraphs(sentences.comparison(evaluation)),
            *_paragraphs([sentences.forecast_errors(evaluation)]),
            *_paragraphs(sentences.refusals(evaluation)),
            _data_section(evaluation),
            _rankings_section(evaluation),
            *_plot_sections(evaluation),
            _models_section(evaluation),
            _glossary_section(),
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
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
    return "<h2>What was looked at</h2>" + _table(["", ""], rows, numbers_from=2)


def _rankings_section(evaluation: Evaluation) -> str:
    drawn = f"95 % intervals below each figure from {evaluation.resamples:,} resamples"
    head = ["Ranking", "Top-decile share", "Normalised Gini", "AUC", "Mean error"]
    rows = [_ranking_row(each) for each in evaluation.rankings]
    caption = drawn if evaluation.resamples else ""
    return "<h2>How each ranking did</h2>" + _table(head, rows, caption=caption)


def _ranking_row(ranking: RankingResult) -> tuple[str, ...]:
    if ranking.refused is not None:
        return (f"{ranking.title}: {ranking.refused}",)
    return (
        ranking.title,
        _figure(ranking.top_decile_share, "{:.1%}"),
        _figure(ranking.normalised_gini, "{:.3f}"),
        _figure(ranking.auc, "{:.3f}"),
        _figure(ranking.mean_absolute_error, "{:,.2f}"),
    )


def _plot_sections(evaluation: Evaluation) -> list[str]:
    plots = require_plots()
    choice = evaluation.half_life
    return [
        "<h2>Who holds what is bought later</h2>",
        _plot(
            plots.shares_plot(evaluation),
            "Share of later spend held by the tenth that each ranking puts first, with 95 % "
            "intervals.",
        ),
        _plot(
            plots.gains_plot(evaluation),
            "Going down each ranking from its best customer: how much of later spend is reached. "
            "The higher the curve on the left, the better the ranking.",
        ),
        "<h2>How close the forecasts of money were</h2>",
        _plot(
            plots.deciles_plot(evaluation),
            "Mean spend of each tenth of the customers in the horizon, and its forecast.",
        ),
        _plot(
            plots.weekly_plot(evaluation),
            "Purchases of all customers in the horizon, added up, and what the models expected of "
            "them when calibration ended.",
        ),
        "<h2>How the half-life was chosen</h2>",
        _plot(
            plots.half_life_plot(evaluation),
            f"Top-decile share in the last third of calibration, {choice.start} to {choice.end}, "
            f"by half-life. {choice.chosen_weeks} weeks were chosen; the horizon had no part in "
            "it.",
        ),
    ]


def _models_section(evaluation: Evaluation) -> str:
    head = ["Model", "Customers", "Log-likelihood", "Parameters"]
    rows = [_model_row(each) for each in evaluation.models]
    return "<h2>The models</h2>" + _table(head, rows, caption="Fitted to calibration alone.")


def _model_row(fit: ModelFit) -> tuple[str, ...]:
    if fit.refused is not None or fit.log_likelihood is None:
        return (f"{fit.title}: {fit.refused}",)
    parameters = ", ".join(f"{name} {value:.4f}" for name, value in fit.parameters.items())
    return fit.title, f"{fit.customers:,}", f"{fit.log_likelihood:,.2f}", parameters


def _glossary_section() -> str:
    entries = "".join(
        f"<dt>{escape(term)}</dt><dd>{escape(words)}</dd>" for term, words in glossary()
    )
    return f"<h2>What the words mean</h2><dl>{entries}</dl>"


def _paragraphs(texts: Iterable[str]) -> list[str]:
    return [f"<p>{escape(text)}</p>" for text in texts]


def _plot(drawing: str, caption: str) -> str:
    words = escape(caption)
    drawing = drawing.replace("<svg ", f'<svg role="img" aria-label="{words}" ', 1)
    return f"<figure>{drawing}<figcaption>{words}</figcaption></figure>"


def _figure(measured: Measured | None, form: str) -> str:
    """Return a figure, and its interval on a line of its own."""
    if measured is None or measured.value is None:
        return "-"
    value = form.format(measured.value)
    if measured.low is None or measured.high is None:
        return value
    return f"{value}\n{form.format(measured.low)} to {form.format(measured.high)}"


def _table(
    head: list[str], rows: Iterable[tuple[str, ...]], *, caption: str = "", numbers_from: int = 1
) -> str:
    """Return a table; a row of one cell spans all columns."""
    kinds = [' class="number"' if place >= numbers_from else "" for place in range(len(head))]
    names = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(head, kinds, strict=True)
    )
    top = f"<thead><tr>{names}</tr></thead>" if any(head) else ""
    lines = "".join(f"<tr>{_cells(row, kinds)}</tr>" for row in rows)
    words = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="table"><table>{words}{top}<tbody>{lines}</tbody></table></div>'


def _cells(row: tuple[str, ...], kinds: list[str]) -> str:
    if len(row) == 1:
        return f'<td colspan="{len(kinds)}">{escape(row[0])}</td>'
    first = f'<th scope="row">{escape(row[0])}</th>'
    return first + "".join(
        f"<td{kind}>{_lines(cell)}</td>" for kind, cell in zip(kinds[1:], row[1:], strict=True)
    )


def _lines(cell: str) -> str:
    first, _, second = escape(cell).partition("\n")
    return f'{first}<br><span class="interval">{second}</span>' if second else first
