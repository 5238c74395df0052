"""What ``ckm evaluate`` does and prints."""

from dataclasses import dataclass
from pathlib import Path

import typer

from ckm_stream.cli.printing import print_json
from ckm_stream.evidence.cohort import Window
from ckm_stream.evidence.evaluation import evaluate
from ckm_stream.evidence.layout import ColumnNames
from ckm_stream.evidence.purchases import read_purchases
from ckm_stream.evidence.report import require_plots, write_report
from ckm_stream.evidence.resampling import Resampling


@dataclass(frozen=True, slots=True)
class PurchaseFile:
    """
    A file of purchases and how to read it.

    Attributes:
        path: Where it is.
        columns: Columns that were named.
        decimal_mark: Decimal mark of its amounts.
    """

    path: Path
    columns: ColumnNames
    decimal_mark: str


def evaluate_file(
    given: PurchaseFile,
    window: Window,
    resampling: Resampling,
    *,
    html: Path | None,
    as_json: bool,
) -> None:
    """
    Evaluate rankings on a file of purchases; print what was found, and write a report to *html*.

    Raises:
        ConfigurationError: If the file is not as needed, or the report cannot be made.
    """
    if html is not None:
        require_plots()  # before the work, not after it
    purchases = read_purchases(given.path, given.columns, decimal_mark=given.decimal_mark)
    evaluation = evaluate(purchases, window, resampling)
    if html is not None:
        write_report(html, evaluation)
    if as_json:
        print_json(evaluation)
    else:
        from ckm_stream.cli.evidence_tables import print_evaluation

        print_evaluation(evaluation)
        if html is not None:
            typer.echo(f"report written to {html}")
