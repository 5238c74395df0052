"""
One function for each kind of panel, so that all boards look and behave the same.

Every panel has a title, a sentence on what it shows and what to think of it, and a unit; the
functions take all three. Queries are PromQL with Grafana's variables in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

from grafana_foundation_sdk.builders import common, heatmap, prometheus, stat, statetimeline, text
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import timeseries as lines_of
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models import prometheus as prometheus_models
from grafana_foundation_sdk.models import text as text_models

#: Units by Grafana's names for them.
SECONDS: Final = "s"
BYTES: Final = "bytes"
SHARE: Final = "percentunit"
COUNT: Final = "short"
PER_SECOND: Final = "cps"
PLAIN: Final = "none"

DATASOURCE: Final = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
#: Every query is of the jobs and instances that the reader has chosen.
CHOSEN: Final = 'job=~"$job", instance=~"$instance"'
_RED, _GREEN, _ORANGE = "red", "green", "orange"
_HALF: Final = 12
_NUMBER: Final = 4
_TALL: Final = 8

PanelBuilder = Builder[dashboard.Panel]


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression, and what its lines are called: labels in double braces."""

    expr: str
    legend: str


def lines(
    title: str, says: str, unit: str, *queries: Query, stacked: bool = False, width: int = _HALF
) -> PanelBuilder:
    """Return values over time, a line for each series."""
    panel = (
        lines_of.Panel()
        .title(title)
        .description(says)
        .datasource(DATASOURCE)
        .unit(unit)
        .min(0)
        .span(width)
        .height(_TALL)
        .targets(
            [_ranged(query, ref) for query, ref in zip(queries, ascii_uppercase, strict=False)]
        )
        .line_width(1)
        .fill_opacity(10)
        .show_points(common_models.VisibilityMode.NEVER)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    return panel


def number(
    title: str, says: str, unit: str, expr: str, *, alarm_above: float | None = None
) -> PanelBuilder:
    """Return one number as it is now, red above *alarm_above*."""
    steps = [dashboard.Threshold(value=None, color=_GREEN)]
    if alarm_above is not None:
        steps.append(dashboard.Threshold(value=alarm_above, color=_RED))
    return (
        stat.Panel()
        .title(title)
        .description(says)
        .datasource(DATASOURCE)
        .unit(unit)
        .span(_NUMBER)
        .height(_NUMBER)
        .targets([_ranged(Query(expr, title))])
        .thresholds(build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps))
        .color_mode(common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def heat(title: str, says: str, unit: str, expr: str) -> PanelBuilder:
    """Return how often which values came, over time; *expr* is the rate of buckets, by ``le``."""
    query = _ranged(Query(expr, "{{le}}")).format(prometheus_models.PromQueryFormat.HEATMAP)
    return (
        heatmap.Panel()
        .title(title)
        .description(says)
        .datasource(DATASOURCE)
        .unit(unit)
        .span(_HALF)
        .height(_TALL)
        .targets([query])
        .calculate(False)  # noqa: FBT003 -- the library's signature
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .color(
            heatmap.HeatmapColorOptions()
            .mode(heatmap_models.HeatmapColorMode.SCHEME)
            .scheme("Blues")
        )
    )


def states(title: str, says: str, query: Query, *, width: int = _HALF) -> PanelBuilder:
    """Return since when something is well (1) or not (0)."""
    mapping = dashboard.ValueMap(
        options={
            "0": dashboard.ValueMappingResult(text="no", color=_RED, index=0),
            "1": dashboard.ValueMappingResult(text="yes", color=_GREEN, index=1),
        }
    )
    return (
        statetimeline.Panel()
        .title(title)
        .description(says)
        .datasource(DATASOURCE)
        .unit(PLAIN)
        .span(width)
        .height(_TALL)
        .mappings([mapping])
        .targets([_ranged(query)])
        .merge_values(True)  # noqa: FBT003 -- the library's signature
        .show_value(common_models.VisibilityMode.NEVER)
    )


def note(title: str, says: str, *, width: int = _HALF) -> PanelBuilder:
    """Return words in Markdown, where there is something to know and nothing to measure."""
    return (
        text.Panel()
        .title(title)
        .description(says)
        .mode(text_models.TextMode.MARKDOWN)
        .content(says)
        .span(width)
        .height(_TALL)
    )


def quantiles(series: str, by: Sequence[str], *levels: float, where: str = "") -> list[Query]:
    """Return a query for each of *levels*, such as 0.99, of the histogram *series*."""
    labels = "".join(f" {{{{{label}}}}}" for label in by)
    groups = ", ".join([*by, "le"])
    chosen = f"{CHOSEN}, {where}" if where else CHOSEN
    return [
        Query(
            f"histogram_quantile({level:g}, sum by ({groups}) "
            f"(rate({series}_bucket{{{chosen}}}[$__rate_interval])))",
            f"p{level * 100:g}{labels}",
        )
        for level in levels
    ]


def buckets(series: str, *, where: str = "") -> str:
    """Return the rate of the buckets of the histogram *series*, as ``heat`` takes it."""
    chosen = f"{CHOSEN}, {where}" if where else CHOSEN
    return f"sum by (le) (rate({series}_bucket{{{chosen}}}[$__rate_interval]))"


def rate(series: str, *by: str, where: str = "") -> str:
    """Return the growth per second of a counter, added up but for the labels *by*."""
    chosen = f"{CHOSEN}, {where}" if where else CHOSEN
    groups = f" by ({', '.join(by)})" if by else ""
    return f"sum{groups} (rate({series}{{{chosen}}}[$__rate_interval]))"


def _ranged(query: Query, ref: str = "A") -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expr).legend_format(query.legend)
    return made.ref_id(ref).range()


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.TABLE)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)  # noqa: FBT003 -- the library's signature
        .calcs(["lastNotNull", "max"])
    )
