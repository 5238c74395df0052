"""Tables of an evaluation on simulated populations, for a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ckm_stream.cli.evidence_tables import figure_cell, titled_table
from ckm_stream.domain.score import SourceClass
from ckm_stream.evidence.sources import sentences
from ckm_stream.evidence.sources.results import Classes, SourcesEvaluation


def print_evaluation(evaluation: SourcesEvaluation) -> None:
    """Print what was found on standard output: sentences, bars, rankings, rates, classes."""
    console = Console()
    for sentence in (
        sentences.headline(evaluation),
        *sentences.comparison(evaluation),
        sentences.calibration(evaluation),
        *sentences.suspects(evaluation),
        sentences.bars(evaluation),
    ):
        console.print(Text(sentence))
    for table in (
        bars_table(evaluation),
        rankings_table(evaluation),
        rates_table(evaluation),
        classes_table(evaluation.classes[0]),
    ):
        console.print(table)


def bars_table(evaluation: SourcesEvaluation) -> Table:
    """Show which bars hold."""
    table = titled_table("Bars")
    table.add_column("")
    for name in ("Bar", "Figure"):
        table.add_column(name, justify="right")
    table.add_column("")
    for each in evaluation.bars:
        figure = "-" if each.figure is None else f"{each.figure:.3g}"
        said = "holds" if each.holds else "does not hold"
        table.add_row(each.title, f"{each.relation} {each.bar:g}", figure, said)
    return table


def rankings_table(evaluation: SourcesEvaluation) -> Table:
    """Show precision at R of each ranking by each truth, 95 % intervals below."""
    what = evaluation.simulated
    table = titled_table(
        f"Precision at R in {len(what.seeds)} populations of {what.customers:,} customers",
    )
    table.add_column("Ranking")
    for truth in evaluation.truths:
        table.add_column(f"{truth.title} ({truth.share:.1%})", justify="right")
    for each in evaluation.rankings:
        found = [each.precision_at_r[truth.name] for truth in evaluation.truths]
        table.add_row(each.title, *(figure_cell(one, "{:.3f}") for one in found))
    return table


def rates_table(evaluation: SourcesEvaluation) -> Table:
    """Show how well each way to tell acceptance rates foresaw later answers."""
    judged = evaluation.calibration
    table = titled_table(
        f"Acceptance rates, judged by {judged.answers:,} later answers of "
        f"{judged.customers:,} customers"
    )
    table.add_column("Rate")
    for name in ("ECE", "by chance", "AUC"):
        table.add_column(name, justify="right")
    for each in judged.rates:
        ece, chance = f"{each.ece:.4f}", f"{each.ece_by_chance:.4f}"
        table.add_row(each.title, ece, chance, figure_cell(each.auc, "{:.3f}"))
    return table


def classes_table(classes: Classes) -> Table:
    """Show how many customers of each role are in each class."""
    table = titled_table(f"Classes by what customers were drawn as: {classes.title.lower()}")
    table.add_column("")
    for role in classes.by_role:
        table.add_column(role.replace("_", " "), justify="right")
    for each in SourceClass:
        cells = [f"{counts[each.value]:,}" for counts in classes.by_role.values()]
        table.add_row(each.value.replace("_", " "), *cells)
    return table
