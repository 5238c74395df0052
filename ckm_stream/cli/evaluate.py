"""``ckm evaluate``: how well rankings and scores do, measured on data and in simulation."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

evaluate_app = typer.Typer(
    help="Measure how well rankings foresee purchases, and find key sources.",
    no_args_is_help=True,
)

_DATE = ["%Y-%m-%d"]

File = Annotated[
    Path,
    typer.Argument(
        help="Purchases: a table with a header (customer, date, amount), separated by comma, "
        "semicolon or tab, or CDNOW's own format; UTF-8, gzip or not.",
        metavar="FILE",
    ),
]
CalibrationEnd = Annotated[
    datetime, typer.Option(formats=_DATE, help="Last day of what the rankings know.")
]
HorizonWeeks = Annotated[
    int, typer.Option(min=1, max=520, help="Length of what they are judged on, in weeks.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Html = Annotated[
    Path | None,
    typer.Option(help="Write a report with plots to this file; needs `ckm-stream[report]`."),
]
Resamples = Annotated[
    int, typer.Option(min=0, max=100_000, help="Resamples for the intervals; 0 for none.")
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same intervals.")]
CustomerColumn = Annotated[str | None, typer.Option(help="Column with the customers.")]
DateColumn = Annotated[str | None, typer.Option(help="Column with the days or date-times.")]
AmountColumn = Annotated[str | None, typer.Option(help="Column with the amounts.")]
Customers = Annotated[int, typer.Option(min=100, help="Customers of each population.")]
EventsPerCustomer = Annotated[
    float, typer.Option(help="Mean number of events per customer in the 18 months that are known.")
]
Populations = Annotated[int, typer.Option(min=2, max=1_000, help="How many populations.")]
FirstSeed = Annotated[
    int,
    typer.Option("--seed", min=0, help="Of the first population; the next ones count up from it."),
]
DecimalComma = Annotated[
    bool, typer.Option("--decimal-comma", help="Amounts are written as 12,50.")
]


@evaluate_app.command("purchases")
def evaluate_purchases(  # noqa: PLR0913, PLR0917 -- options of a command, each with a default
    file: File,
    calibration_end: CalibrationEnd,
    horizon_weeks: HorizonWeeks = 39,
    as_json: AsJson = False,  # noqa: FBT002 -- a flag of the command line
    html: Html = None,
    resamples: Resamples = 1000,
    seed: Seed = 1,
    customer_column: CustomerColumn = None,
    date_column: DateColumn = None,
    amount_column: AmountColumn = None,
    decimal_comma: DecimalComma = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """
    Rank customers by what they bought up to a day, and measure it on what they bought after.

    The rankings: decayed sum of spend (half-life chosen on calibration's last third), BG/NBD,
    MBG/NBD and Pareto/NBD with Gamma-Gamma, RFM score, number of purchases, total spend. The
    measures: share of later spend held by the top tenth, normalised Gini, AUC of buying at all,
    mean absolute error of spend; each with a 95 % bootstrap interval. Needs no broker and no
    store.

    Columns are found by their names; one of cents is told by its name, such as cents. Days are
    YYYY-MM-DD, YYYYMMDD or ISO date-times. An amount below 0 is a refund: it lowers what was spent
    and is no purchase. Several purchases of a customer on one day count once. A file with holes is
    refused with line and column.

    With --json: one object with data, half_life, models (customers, parameters, log_likelihood,
    refused), rankings (top_decile_share, normalised_gini, auc, mean_absolute_error and
    decayed_sum_lead, each with value, low and high; refused), best_gains, curves, weekly,
    resamples and seed. A model that cannot be fitted is refused with its reason; the others go on.
    """
    from ckm_stream.cli.evaluating import PurchaseFile, evaluate_file
    from ckm_stream.evidence.cohort import DAYS_A_WEEK, Window
    from ckm_stream.evidence.layout import ColumnNames
    from ckm_stream.evidence.resampling import Resampling

    given = PurchaseFile(
        path=file,
        columns=ColumnNames(customer_column, date_column, amount_column),
        decimal_mark="," if decimal_comma else ".",
    )
    window = Window(calibration_end.toordinal(), horizon_weeks * DAYS_A_WEEK)
    evaluate_file(given, window, Resampling(resamples, seed), html=html, as_json=as_json)


@evaluate_app.command("sources")
def evaluate_sources(  # noqa: PLR0913, PLR0917 -- options of a command, each with a default
    customers: Customers = 3000,
    events_per_customer: EventsPerCustomer = 40.0,
    populations: Populations = 9,
    seed: FirstSeed = 1,
    as_json: AsJson = False,  # noqa: FBT002 -- a flag of the command line
    html: Html = None,
    resamples: Resamples = 1000,
) -> None:
    """
    Score simulated customers, of whom is known who is a key source, and say how many are found.

    Each population is scored by an epoch learnt from another one. The rankings: total score (also
    with the epoch of its own, and with epoch 0), value, willingness and absorption alone, number of
    contacts, money spent. Measured: precision at R by three truths, with 95 % bootstrap intervals;
    calibration error and AUC of the acceptance rate on later answers; which class bots, liars and
    newcomers get. The settings of the scoring count (CKM__SCORING__*, CKM__EPOCH__COMPARISONS__*).
    Needs no broker and no store.

    With --json: one object with simulated, truths, rankings (precision_at_r and total_lead by
    truth, each with value, low and high), best_gains, curves, calibration (rates with ece,
    ece_by_chance, auc, predicted and accepted), classes, bars (name, bar, relation, figure and
    holds), resamples and seed.

    Exit codes: 0 measured, whether or not the bars hold; 2 configuration, 7 a population that
    cannot be fitted.
    """
    from ckm_stream.cli.evaluating_sources import evaluate_simulated
    from ckm_stream.evidence.resampling import Resampling
    from ckm_stream.evidence.sources.plan import SourcesPlan

    plan = SourcesPlan(
        customers=customers,
        events_per_customer=events_per_customer,
        populations=populations,
        seed=seed,
    )
    evaluate_simulated(plan, Resampling(resamples, seed), html=html, as_json=as_json)
