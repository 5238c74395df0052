"""What a board is made of: rows of panels, and the variables that its readers choose by."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard

from deploy.grafana.panels import DATASOURCE, PanelBuilder

TAG: Final = "ckm-stream"
#: Consumer lag as the workers tell it, and as two exporters do that stand beside the brokers.
LAG_METRICS: Final = (
    "ckm_consumer_lag_events",
    "kafka_consumergroup_lag",
    "kafka_consumergroup_group_lag",
)
_ALL: Final = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])

VariableBuilder = Builder[dashboard.VariableModel]


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading, filling the width from the left."""

    title: str
    panels: tuple[PanelBuilder, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """
    One dashboard.

    Args:
        name: Of its file and, with ``ckm-`` in front, its address.
        title: Shown to people.
        says: In a sentence, what it is for.
        variables: What its readers choose by, beside the data source.
        rows: From top to bottom.
    """

    name: str
    title: str
    says: str
    variables: tuple[Callable[[], VariableBuilder], ...]
    rows: tuple[Row, ...]

    def build(self) -> dashboard.Dashboard:
        """Return the dashboard as Grafana knows it, the same every time."""
        board = (
            build.Dashboard(self.title)
            .uid(f"ckm-{self.name}")
            .description(self.says)
            .tags([TAG])
            .timezone("browser")
            .time("now-3h", "now")
            .refresh("30s")
            .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
            .annotation(_alerts())
            .link(_others())
            .with_variable(_datasource())
        )
        for variable in self.variables:
            board.with_variable(variable())
        for row in self.rows:
            board.with_row(build.Row(row.title))
            for panel in row.panels:
                board.with_panel(panel)
        built = board.build()
        numbers = count(1)
        for each in built.panels or []:
            each.id_val = next(numbers)
        return built


def jobs() -> VariableBuilder:
    """Return the choice among programs: the jobs of deploy/prometheus/prometheus.yml."""
    return _choice("job", 'label_values(up{job=~"ckm-.+"}, job)', all_of="ckm-.+")


def instances() -> VariableBuilder:
    """Return the choice among the processes of the chosen jobs."""
    return _choice("instance", 'label_values(up{job=~"$job"}, instance)', all_of=".+")


def topics() -> VariableBuilder:
    """Return the choice among the topics that the chosen programs read."""
    return _choice(
        "topic", 'label_values(ckm_consumer_lag_events{job=~"$job"}, topic)', all_of=".+"
    )


def lag_metrics() -> VariableBuilder:
    """Return the choice of who is believed about consumer lag."""
    first, *_ = LAG_METRICS
    return (
        build.CustomVariable("lag_metric")
        .label("lag metric")
        .description("Who tells the lag: the workers, or an exporter beside the brokers.")
        .values(",".join(LAG_METRICS))
        .current(dashboard.VariableOption(selected=True, text=first, value=first))
    )


def _choice(name: str, query: str, *, all_of: str) -> VariableBuilder:
    return (
        build.QueryVariable(name)
        .label(name)
        .datasource(DATASOURCE)
        .query(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)  # noqa: FBT003 -- the library's signature
        .include_all(True)  # noqa: FBT003 -- likewise
        .all_value(all_of)
        .current(_ALL)
    )


def _datasource() -> VariableBuilder:
    return (
        build.DatasourceVariable("datasource")
        .label("data source")
        .type("prometheus")
        .current(dashboard.VariableOption(selected=True, text="default", value="default"))
    )


def _alerts() -> build.AnnotationQuery:
    return (
        build.AnnotationQuery()
        .name("alerts that fire")
        .datasource(DATASOURCE)
        .enable(True)  # noqa: FBT003 -- the library's signature
        .icon_color("red")
        .expr('ALERTS{alertname=~"CkmStream.+", alertstate="firing"}')
    )


def _others() -> build.DashboardLink:
    return (
        build.DashboardLink("ckm-stream")
        .type(dashboard.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .include_vars(True)  # noqa: FBT003 -- the library's signature
        .keep_time(True)  # noqa: FBT003 -- likewise
    )
