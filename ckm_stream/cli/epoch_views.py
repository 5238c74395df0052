"""Tables of `ckm epoch` for people, from the documents that scripts get."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ckm_stream.cli.epoch_documents import Document
from ckm_stream.cli.rendering import add_columns, new_table, plain, show_instant, words
from ckm_stream.domain.topics import TELLING_FROM
from ckm_stream.population.fit import RATES
from ckm_stream.population.moments import FEWEST

_PER: Final = {"new_categories": " a year", "contact_frequency": " a week"}
_TOPICS_SHOWN: Final = 5
_NO_REPORT: Final = "It was not fitted to this store, which does not know how it came about."


def epochs_table(rows: Iterable[Document]) -> Table:
    """Show the epochs that there are, from their summaries."""
    table = new_table("Epochs")
    add_columns(table, "Epoch", justify="right")
    add_columns(table, "State", "In force from", "Learnt as of")
    add_columns(table, "Customers", justify="right")
    for row in rows:
        table.add_row(
            str(row["epoch_id"]),
            row["state"],
            _instant(row["effective_from"]),
            _instant(row["as_of"]) if row["epoch_id"] else "from the settings",
            f"{row['customers']:,}" if row["epoch_id"] else "-",
        )
    return table


def epoch_view(document: Document) -> RenderableType:
    """Show all that is known of an epoch, from its document."""
    parts: list[RenderableType] = [Text(each) for each in _opening(document)]
    parts += [_dimension_table(document), _indicator_table(document), _prior_table(document)]
    rates = document["employee_rates"]
    parts.append(
        Text(
            "Employees note something usable in "
            + ", ".join(f"{rate:.1%}" for rate in rates)
            + f" of their contacts, by {len(rates)} bins of employees."
            if rates
            else "Employees are not known: A3 is its prior's mean for everybody."
        )
    )
    if document["network_customers"]:
        parts.append(
            Text(
                f"Of {document['network_customers']:,} customers it is known what their referrals' "
                "own referrals bring."
            )
        )
    parts.append(Text(_topics(document["topics"])))
    for model in document["models"]:
        parameters = ", ".join(f"{each:.4g}" for each in model["parameters"])
        parts.append(
            Text(f"Model {model['name']}: {parameters} ({model['customers']:,} customers).")
        )
    parts += [
        Text(f"Model {name} was not fitted: {reason}.")
        for name, reason in document["models_refused"].items()
    ]
    if not document["models"]:
        parts.append(Text("No model of lifetime values is fitted."))
    return Group(*parts)


def _opening(document: Document) -> Iterable[str]:
    number, state = document["epoch_id"], document["state"]
    start = document["effective_from"]
    since = "" if start is None else f", from {show_instant(start)} UTC on"
    yield f"Epoch {number}: {state}{since}."
    if not number:
        yield "It has seen no population: all of it is from the settings."
        return
    customers, known = document["customers"], document["customers_known"]
    learnt = f"Learnt as of {show_instant(document['as_of'])} UTC from {customers:,} customers"
    if known is None:
        yield f"{learnt}. {_NO_REPORT}"
        return
    simulated = document["customers_simulated"]
    yield (
        f"{learnt}, {known:,} of them with evidence enough for a class"
        f"{f', {simulated:,} with simulated data' if simulated else ''}; "
        f"the epoch before was {document['before_id']}."
    )


def _topics(topics: Sequence[Document]) -> str:
    if not topics:
        return f"Nobody is a lead user: no topic has {TELLING_FROM} customers who spoke of it."
    most = ", ".join(f"{each['customers']:,}" for each in topics[:_TOPICS_SHOWN])
    rest = ", …" if len(topics) > _TOPICS_SHOWN else ""
    return f"Topics that tell lead users: {len(topics)}, of {most}{rest} customers."


def _dimension_table(document: Document) -> Table:
    ratios = document["consistency_ratios"]
    compared = "; ".join(f"{group} {ratio:.3f}" for group, ratio in ratios.items())
    table = new_table(
        "Dimensions",
        caption=f"Consistency ratios of the comparisons: {compared or 'nothing is compared'}.",
    )
    add_columns(table, "Dimension")
    add_columns(table, "Exponent", "Before", "High from", "Before", justify="right")
    add_columns(table, "Threshold")
    kept = {None: "-", True: "kept: it still fits", False: "at the 0.7 quantile"}
    for each in document["dimensions"]:
        table.add_row(
            each["dimension"],
            _number(each["exponent"], ".3f"),
            _number(each["exponent_before"], ".3f"),
            _number(each["high"], ".3f"),
            _number(each["high_before"], ".3f"),
            kept[each["high_kept"]],
        )
    return table


def _indicator_table(document: Document) -> Table:
    table = new_table(
        "Indicators",
        caption="Weights are within their dimension. Those by entropy reward spread, whatever it "
        "means: they are a diagnostic and never used.",
    )
    add_columns(table, "Indicator")
    add_columns(table, "Weight", "Before", "By entropy", "Median", "Evidence of", justify="right")
    for each in document["indicators"]:
        table.add_row(
            f"{each['indicator']} {words(each['name'])}",
            _number(each["weight"], ".3f"),
            _number(each["weight_before"], ".3f"),
            _number(each["entropy_weight"], ".3f"),
            _number(each["median"], ",.4g"),
            _number(each["with_evidence"], ","),
        )
    return table


def _prior_table(document: Document) -> Table:
    table = new_table("Priors", caption="A prior weighs as much as so many pieces of evidence.")
    add_columns(table, "Prior of")
    add_columns(table, "Mean", "Before", "Weighs", "Before", "Evidence of", justify="right")
    add_columns(table, "Learnt")
    for each in document["priors"]:
        name = each["prior"]
        table.add_row(
            words(name) + _PER.get(name, ""),
            _number(each["mean"], ".3g"),
            _number(each.get("mean_before"), ".3g"),
            _number(_weight(name, each["a"], each["b"]), ".3g"),
            _number(_weight(name, each.get("a_before"), each.get("b_before")), ".3g"),
            _number(each.get("customers"), ","),
            _learnt(each),
        )
    return table


def _weight(name: str, a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return None
    return a if name in RATES else a + b


def _learnt(prior: Document) -> str:
    match prior.get("is_learnt"):
        case None:
            return "-"
        case True:
            return "yes"
        case _ if prior["customers"] < FEWEST:
            return f"no: {FEWEST} are needed"
        case _:
            return "no: nothing happened to any"


def changes_view(document: Document, *, simulated: bool, limit: int) -> RenderableType:
    """Show what another epoch would change; of the customers, the first *limit*."""
    tables: list[RenderableType] = [_class_table(document, simulated=simulated)]
    moves = new_table("Changes of class", simulated=simulated)
    add_columns(moves, "From", "To")
    add_columns(moves, "Customers", justify="right")
    moved = [each for each in document["classes"] if each["class_before"] != each["class_after"]]
    for each in sorted(moved, key=lambda each: -each["customers"]):
        moves.add_row(each["class_before"], each["class_after"], f"{each['customers']:,}")
    if moved:
        tables.append(moves)
    changed: Sequence[Document] = document["changed"]
    customers = new_table("Customers in another class", simulated=simulated)
    add_columns(customers, "Customer", "From", "To")
    add_columns(customers, "Before", "Total", justify="right")
    for each in changed[:limit]:
        customers.add_row(
            plain(each["customer_id"]),
            each["class_before"],
            each["class_after"],
            f"{each['total_before']:.3f}",
            f"{each['total_after']:.3f}",
        )
    if customers.row_count:
        tables.append(customers)
    more = len(changed) - customers.row_count
    if more:
        tables.append(Text(f"{more:,} more: --limit shows more of them, --json all."))
    return Group(*tables)


def _class_table(document: Document, *, simulated: bool) -> Table:
    before, after = Counter[str](), Counter[str]()
    for each in document["classes"]:
        before[each["class_before"]] += each["customers"]
        after[each["class_after"]] += each["customers"]
    table = new_table("Customers by class", simulated=simulated)
    add_columns(table, "Class")
    add_columns(table, "Before", "After", justify="right")
    for name in sorted({*before, *after}):
        table.add_row(name, f"{before[name]:,}", f"{after[name]:,}")
    return table


def _instant(instant: Any) -> str:  # noqa: ANN401 -- a datetime of a document, or None
    return "-" if instant is None else show_instant(instant)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
