"""PromQL taken apart: which series an expression looks at, and by which labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import promql_parser
from promql_parser import AggregateExpr, Expr, VectorSelector

#: What Grafana puts in place of its variables, for a parser that does not know them.
GRAFANA: Mapping[str, str] = {
    "$__rate_interval": "1m",
    "$job": "ckm-.+",
    "$instance": ".+",
    "$topic": ".+",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """The series of an expression with the labels that they are chosen by, and its groupings."""

    series: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    groupings: set[str] = field(default_factory=set)

    @property
    def names(self) -> set[str]:
        """The names of the series."""
        return {name for name, _ in self.series}


def filled(expression: str, values: Mapping[str, str]) -> str:
    """Return *expression* with *values* in place of Grafana's variables, longest name first."""
    for name in sorted(values, key=len, reverse=True):
        expression = expression.replace(name, values[name])
    return expression


def parts_of(expression: str) -> Parts:
    """
    Take *expression* apart.

    Raises:
        ValueError: If it is not PromQL.
    """
    parts = Parts()

    def visit(node: Expr) -> bool:
        if isinstance(node, VectorSelector):
            assert node.name is not None, f"a series without a name in {expression}"
            labels = frozenset(matcher.name for matcher in node.matchers.matchers)
            parts.series.append((node.name, labels))
        if isinstance(node, AggregateExpr) and node.modifier is not None:
            parts.groupings.update(node.modifier.labels)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return parts
