"""What ``ckm evaluate sources`` does."""

from pathlib import Path

import typer
from rich.console import Console

from ckm_stream.cli.printing import print_json
from ckm_stream.evidence.resampling import Resampling
from ckm_stream.evidence.sources.evaluation import evaluate_sources
from ckm_stream.evidence.sources.plan import SourcesPlan
from ckm_stream.evidence.sources.report import require_plots, write_report
from ckm_stream.settings import load_settings


def evaluate_simulated(
    plan: SourcesPlan, resampling: Resampling, *, html: Path | None, as_json: bool
) -> None:
    """
    Evaluate scores on simulated populations; print what was found, and write a report to *html*.

    Raises:
        ConfigurationError: If a setting or the plan is not as needed, or there can be no report.
        FitError: If a population is too small, or too little is known of it.
    """
    if html is not None:
        require_plots()  # before the work, not after it
    settings = load_settings()
    what = f"{plan.populations} populations of {plan.customers:,} customers"
    with Console(stderr=True).status(f"simulating and judging {what}"):
        evaluation = evaluate_sources(
            plan,
            policy=settings.scoring,
            comparisons=settings.epoch.comparisons,
            resampling=resampling,
        )
    if html is not None:
        write_report(html, evaluation)
    if as_json:
        print_json(evaluation)
    else:
        from ckm_stream.cli.source_tables import print_evaluation

        print_evaluation(evaluation)
        if html is not None:
            typer.echo(f"report written to {html}")
