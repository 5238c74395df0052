"""
Tables for people, from values read from the store; every one that shows simulated data says so.

Whatever comes from outside (ids, texts) is printed without control characters and without
markup: a customer's note must not steer a terminal.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ckm_stream.domain.score import Indicator
from ckm_stream.snapshots.stored import (
    ClassSize,
    ExplainedScore,
    LifetimeValue,
    RankedSource,
    StoredProfile,
    StoredSection,
)

SIMULATED: Final = "simulated"
_DAY_S: Final = 86_400
# Columns that a narrow terminal must not break: who, what, and whether it is real.
_WHOLE: Final = frozenset(
    {"#", "Class", "Customer", "Data", "Effect", "Epoch", "Indicator", "Total", "When"}
)
_SECTIONS: Final = ("About", "For", "From")


def print_tables(*tables: RenderableType) -> None:
    """Print *tables* on standard output, one below the other."""
    console = Console()
    for table in tables:
        console.print(table)


def plain(value: object) -> Text:
    """Return *value* as text for a table: one line, no markup, no control characters."""
    if value is None:
        return Text("-")
    return Text("".join(each if each.isprintable() else "\ufffd" for each in str(value)))


def ranking_table(ranking: Iterable[RankedSource]) -> Table:
    """Show customers by their total."""
    rows = list(ranking)
    table = new_table("Highest totals", simulated=any(row.simulated for row in rows))
    add_columns(table, "#", justify="right")
    add_columns(table, "Customer", "Class")
    add_columns(table, "Total", "Value", "Will", "Absorb", justify="right")
    add_columns(table, "Lead", "Data")
    for row in rows:
        numbers = (row.total, row.value, row.willingness, row.absorption)
        table.add_row(
            str(row.place),
            plain(row.customer_id),
            row.source_class,
            *(f"{number:.3f}" for number in numbers),
            "yes" if row.lead_user else "",
            SIMULATED if row.simulated else "real",
        )
    return table


def class_table(sizes: Iterable[ClassSize], *, simulated: bool) -> Table:
    """Show how many customers each class has."""
    table = new_table("Customers by class", simulated=simulated)
    add_columns(table, "Class")
    add_columns(table, "Customers", justify="right")
    for size in sizes:
        table.add_row(size.source_class, f"{size.customers:,}")
    return table


def explanation_table(score: ExplainedScore) -> Table:
    """Show what made a score: the factors as they were announced with it."""
    title = Text.assemble(
        "Why ",
        plain(score.customer_id),
        f" is {score.source_class} with {score.total:.3f}, as of {show_instant(score.as_of)}",
    )
    table = new_table(
        title,
        simulated=score.simulated,
        caption=plain(
            f"Effects add up to {sum(each.contribution for each in score.factors):+.4f}, "
            f"from the reference total {score.reference_total:.3f} to this total, in natural "
            f"logarithms. Epoch {score.epoch_id}, version {score.version}. "
            f"Engagement: {words(score.engagement)} ({score.engagement_reason})."
        ),
    )
    add_columns(table, "Indicator")
    add_columns(table, "Effect", "Value", "Scaled", "Weight", "Evidence", justify="right")
    add_columns(table, "Half-life", "Newest event")
    for factor in score.factors:
        table.add_row(
            f"{factor.indicator} {words(Indicator(factor.indicator).name)}",
            f"{factor.contribution:+.4f}",
            f"{factor.value:,.4g}",
            f"{factor.normalised:.3f}",
            f"{factor.weight:.3f}",
            f"{factor.n_eff:.1f}",
            f"{factor.half_life_s / _DAY_S:g} d",
            plain(factor.newest_event_id),
        )
    return table


def profile_view(profile: StoredProfile) -> Group:
    """Show a profile: its three sections, its scores, its changes of class."""
    heading = Text.assemble(
        ("Customer ", "bold"),
        plain(profile.customer_id),
        f" ({SIMULATED} data)" if profile.simulated else "",
        f"\nversion {profile.version}, as of {show_instant(profile.as_of)}\n",
    )
    parts: list[RenderableType] = [heading]
    if profile.lifetime is not None:
        parts.append(_lifetime_line(profile.lifetime))
    sections = (profile.about, profile.for_, profile.from_)
    for name, section in zip(_SECTIONS, sections, strict=True):
        parts += _section_tables(f"{name} the customer", section)
    scores = new_table("Newest scores")
    add_columns(scores, "As of", "Class")
    add_columns(scores, "Total", "Value", "Willingness", "Absorption", justify="right")
    for score in profile.scores:
        numbers = (score.total, score.value, score.willingness, score.absorption)
        scores.add_row(
            show_instant(score.as_of), score.source_class, *(f"{number:.3f}" for number in numbers)
        )
    classes = new_table("Changes of class")
    add_columns(classes, "As of", "From", "To", "Reason")
    for change in profile.classes:
        classes.add_row(
            show_instant(change.as_of),
            change.previous_class or "-",
            change.source_class,
            change.reason,
        )
    return Group(*parts, scores, classes)


def _lifetime_line(lifetime: LifetimeValue) -> Text:
    return Text(
        f"By model {lifetime.model} of epoch {lifetime.epoch_id}: still a customer with "
        f"probability {lifetime.probability_alive:.2f}; {lifetime.expected_purchases:.2f} days "
        f"with a purchase and {lifetime.expected_margin:,} minor units of margin are "
        f"expected in {lifetime.horizon_weeks} weeks.\n"
    )


def _section_tables(title: str, section: StoredSection) -> list[RenderableType]:
    summary = new_table(title, show_header=False)
    for name, value in section.summary.items():
        summary.add_row(*_named_figure(name, value))
    if not section.items:
        return [summary]
    items = new_table(f"{title}: newest items")
    add_columns(items, "When", "Kind", "Stage", "Form", "Text", "Source")
    for item in section.items:
        items.add_row(
            show_instant(item.occurred_at),
            item.kind,
            item.stage,
            item.form.lower(),
            plain(item.text or ", ".join(item.topics)),
            plain(item.source),
        )
    return [summary, items]


def new_table(title: str | Text, *, simulated: bool = False, **options: Any) -> Table:  # noqa: ANN401 -- rich's own
    """Make a table that is at least as wide as its title, so that the title stays one line."""
    whole = Text.assemble(title, f" ({SIMULATED} data)" if simulated else "", style="bold")
    return Table(
        title=whole,
        min_width=whole.cell_len,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        **options,
    )


def add_columns(table: Table, *names: str, justify: Any = "left") -> None:  # noqa: ANN401 -- rich's own literal
    """Add columns of these names."""
    for name in names:
        table.add_column(name, justify=justify, no_wrap=name in _WHOLE)


def show_instant(instant: datetime) -> str:
    """Return an instant to the minute."""
    return f"{instant:%Y-%m-%d %H:%M}"


def words(name: str) -> str:
    """Return a name from the code as people write it."""
    return name.lower().replace("_", " ")


def _named_figure(name: str, value: object) -> tuple[str, Text]:
    """Name a figure and show it; what ends in ``_s`` is an instant in Unix seconds."""
    if name.endswith("_s"):
        shown = show_instant(datetime.fromtimestamp(value, UTC)) if isinstance(value, int) else None
        return words(name.removesuffix("_s")), plain(shown)
    return words(name), plain(_figure(value))


def _figure(value: object) -> object:
    match value:
        case float():
            return f"{value:,.3g}"
        case Mapping():
            return ", ".join(f"{key} {_figure(each)}" for key, each in value.items())
        case _:
            return value
