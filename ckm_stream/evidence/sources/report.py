"""The report of an evaluation on simulated populations: one HTML file with its plots inside."""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from ckm_stream.domain.score import SourceClass
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
from ckm_stream.evidence.sources import sentences
from ckm_stream.evidence.sources.glossary import glossary
from ckm_stream.evidence.sources.results import SourcesEvaluation


def require_plots() -> ModuleType:
    """
    Return the module that draws.

    Raises:
        ConfigurationError: If matplotlib is not installed.
    """
    return require_drawing("ckm_stream.evidence.sources.plots")


def write_report(path: Path, evaluation: SourcesEvaluation) -> None:
    """
    Write the report to a file, in place of one that is there.

    Raises:
        ConfigurationError: If matplotlib is not installed, or the file cannot be written.
    """
    write_page(path, render_report(evaluation))


def render_report(evaluation: SourcesEvaluation) -> str:
    """
    Return the report as the text of an HTML file.

    Raises:
        ConfigurationError: If matplotlib is not installed.
    """
    return page(
        "Are the key sources found?",
        sentences.headline(evaluation),
        [
            *paragraphs([sentences.bars(evaluation), sentences.calibration(evaluation)]),
            *paragraphs(sentences.suspects(evaluation)[:1]),
            _simulated_section(evaluation),
            _bars_section(evaluation),
            *_rankings_sections(evaluation),
            *_rates_sections(evaluation),
            *_classes_sections(evaluation),
            glossary_section(glossary()),
        ],
    )


def _simulated_section(evaluation: SourcesEvaluation) -> str:
    what = evaluation.simulated
    roles = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in what.roles.items())
    seeds = ", ".join(map(str, what.seeds))
    rows = [
        ("Populations", f"{len(what.seeds)} of {what.customers:,} customers, seeds {seeds}"),
        ("Events", f"{what.events_per_customer:g} of a customer on average"),
        ("Known", f"{what.start} to {what.end}"),
        ("Answers judged by", f"{what.end} to {what.later_end}"),
        ("Drawn as", roles),
        *((each.title, f"{each.key_sources:,} ({each.share:.1%})") for each in evaluation.truths),
    ]
    return heading("What was simulated") + table(["", ""], rows, numbers_from=2)


def _bars_section(evaluation: SourcesEvaluation) -> str:
    rows = [
        (
            each.title,
            f"{each.relation} {each.bar:g}",
            "-" if each.figure is None else f"{each.figure:.3g}",
            "holds" if each.holds else "does not hold",
        )
        for each in evaluation.bars
    ]
    return heading("Which bars hold") + table(["", "Bar", "Figure", ""], rows)


def _rankings_sections(evaluation: SourcesEvaluation) -> Iterable[str]:
    plots = require_plots()
    head = ["Ranking", *(each.title for each in evaluation.truths)]
    rows = [
        (
            each.title,
            *(figure(each.precision_at_r[truth.name], "{:.1%}") for truth in evaluation.truths),
        )
        for each in evaluation.rankings
    ]
    drawn = f"95 % intervals below each figure from {evaluation.resamples:,} resamples."
    caption = "Precision at R. " + (drawn if evaluation.resamples else "")
    return [
        heading("How each ranking did"),
        *paragraphs(sentences.comparison(evaluation)),
        table(head, rows, caption=caption),
        plot(
            plots.precision_plot(evaluation),
            "Share of key sources among as many customers ranked first as there are key sources, "
            "with 95 % intervals.",
        ),
        plot(
            plots.gains_plot(evaluation),
            "Going down each ranking from its best customer: how many of the key sources are "
            "found. The higher the curve on the left, the fewer have to be contacted.",
        ),
    ]


def _rates_sections(evaluation: SourcesEvaluation) -> Iterable[str]:
    judged = evaluation.calibration
    rows = [
        (
            each.title,
            f"{each.ece:.4f}",
            f"{each.ece_by_chance:.4f}",
            figure(each.auc, "{:.3f}"),
        )
        for each in judged.rates
    ]
    caption = f"{judged.answers:,} later answers of {judged.customers:,} customers."
    return [
        heading("Who accepts an approach"),
        table(["Rate", "Calibration error", "By chance", "AUC"], rows, caption=caption),
        plot(
            require_plots().calibration_plot(evaluation),
            "Approaches in ten groups by the rate that was told: how many were accepted later. On "
            "the dotted line a rate means what it says.",
        ),
    ]


def _classes_sections(evaluation: SourcesEvaluation) -> Iterable[str]:
    first = evaluation.classes[0]
    head = ["Drawn as", *(each.value.replace("_", " ") for each in SourceClass)]
    rows = [
        (name.replace("_", " "), *(f"{counts[each.value]:,}" for each in SourceClass))
        for name, counts in first.by_role.items()
    ]
    return [
        heading("Who is called what"),
        *paragraphs(sentences.suspects(evaluation)),
        table(head, rows, caption=f"{first.title}."),
        plot(
            require_plots().classes_plot(evaluation),
            "How large each class is, among everybody and by what a customer was drawn as.",
        ),
    ]
