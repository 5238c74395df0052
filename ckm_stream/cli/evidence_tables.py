"""Tables of an evaluation for a terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ckm_stream.evidence import sentences
from ckm_stream.evidence.results import Evaluation, Measured


def print_evaluation(evaluation: Evaluation) -> None:
    """Print what was found on standard output: sentences, rankings, models, half-lives."""
    console = Console()
    for sentence in _sentences(evaluation):
        console.print(Text(sentence))
    for table in (
        rankings_table(evaluation),
        models_table(evaluation),
        half_lives_table(evaluation),
    ):
        console.print(table)


def rankings_table(evaluation: Evaluation) -> Table:
    """Show how each ranking did, 95 % intervals below."""
    data = evaluation.data
    table = titled_table(
        f"{data.customers:,} customers up to {data.calibration_end}, judged on the "
        f"{data.horizon_weeks:g} weeks to {data.horizon_end}",
    )
    table.add_column("Ranking")
    for name in ("Top tenth", "Gini", "AUC", "Mean error"):
        table.add_column(name, justify="right")
    for each in evaluation.rankings:
        if each.refused is not None:
            table.add_row(Text(each.title), "refused")
            continue
        table.add_row(
            Text(each.title),
            figure_cell(each.top_decile_share, "{:.3f}"),
            figure_cell(each.normalised_gini, "{:.3f}"),
            figure_cell(each.auc, "{:.3f}"),
            figure_cell(each.mean_absolute_error, "{:,.2f}"),
        )
    return table


def models_table(evaluation: Evaluation) -> Table:
    """Show what each model was fitted to, and what came out."""
    table = titled_table("Models, fitted to calibration alone")
    table.add_column("Model", no_wrap=True)
    table.add_column("Customers", justify="right")
    table.add_column("Log-likelihood", justify="right")
    table.add_column("Parameters")
    for each in evaluation.models:
        told = "refused" if each.log_likelihood is None else f"{each.log_likelihood:,.2f}"
        parameters = ", ".join(f"{name} {value:.4f}" for name, value in each.parameters.items())
        table.add_row(
            Text(each.title), f"{each.customers:,}", told, Text(each.refused or parameters)
        )
    return table


def half_lives_table(evaluation: Evaluation) -> Table:
    """Show how each half-life did on the earlier window, and which was chosen."""
    choice = evaluation.half_life
    table = titled_table(f"Half-lives on calibration's last third, {choice.start} to {choice.end}")
    table.add_column("Weeks", justify="right")
    table.add_column("Top-decile share", justify="right")
    table.add_column("")
    for weeks, share in zip(choice.weeks, choice.top_decile_shares, strict=True):
        table.add_row(str(weeks), f"{share:.3f}", "chosen" if weeks == choice.chosen_weeks else "")
    return table


def _sentences(evaluation: Evaluation) -> list[str]:
    return [
        sentences.headline(evaluation),
        *sentences.comparison(evaluation),
        *sentences.refusals(evaluation),
    ]


def titled_table(title: str) -> Table:
    """Return an empty table under its title."""
    heading = Text(title, style="bold")
    return Table(title=heading, min_width=heading.cell_len, title_justify="left", box=SIMPLE_HEAD)


def figure_cell(measured: Measured | None, form: str) -> str:
    """Return a figure, and its interval on a line of its own."""
    if measured is None or measured.value is None:
        return "-"
    value = form.format(measured.value)
    if measured.low is None or measured.high is None:
        return value
    return f"{value}\n{form.format(measured.low)}..{form.format(measured.high)}"
