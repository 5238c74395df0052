"""Plots of an evaluation of purchases, as SVG text."""

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ckm_stream.evidence.drawing import (
    COLOURS,
    REFERENCE,
    add_line,
    draw_gains,
    draw_shares,
    height_of,
    percent,
    svg,
)
from ckm_stream.evidence.results import Evaluation, RankingCurve

_PANELS_ACROSS: Final = 2


def shares_plot(evaluation: Evaluation) -> str:
    """Draw the top-decile share of each ranking with its interval."""
    rows = [
        (each.title, each.top_decile_share)
        for each in reversed(evaluation.rankings)
        if each.top_decile_share is not None
    ]

    def draw(figure: Figure) -> None:
        axes = draw_shares(figure, rows, decimals=1)
        axes.axvline(0.1, color=REFERENCE, linestyle=":", label="by lot")
        best = evaluation.data.best_top_decile_share
        axes.axvline(best, color=REFERENCE, linestyle="--", label="best possible")
        axes.set_xlabel("Share of later spend held by the tenth ranked first")
        figure.legend(loc="outside upper right", ncols=2)

    return svg("shares", draw, height=height_of(rows))


def gains_plot(evaluation: Evaluation) -> str:
    """Draw the share of later spend against the share of customers, by ranking."""
    titles = {each.name: each.title for each in evaluation.rankings}

    def draw(figure: Figure) -> None:
        curves = [(titles[each.name], each.gains) for each in evaluation.curves]
        axes = draw_gains(figure, curves, evaluation.best_gains)
        axes.set_xlabel("Customers, best ranked first")
        axes.set_ylabel("Share of later spend that they held")
        axes.legend(loc="lower right")

    return svg("gains", draw, height=5.0)


def deciles_plot(evaluation: Evaluation) -> str:
    """Draw mean later spend against its forecast in each tenth, a panel for each money forecast."""
    titles = {each.name: each.title for each in evaluation.rankings}
    fitted = {each.name for each in evaluation.models}
    first = evaluation.curves[0].name
    curves = [each for each in evaluation.curves if each.name in fitted or each.name == first]
    down = -(-len(curves) // _PANELS_ACROSS)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(down, _PANELS_ACROSS, squeeze=False, sharey=True)
        for axes in panels.flat[len(curves) :]:
            axes.set_visible(False)
        for axes, curve in zip(panels.flat, curves, strict=False):
            _draw_deciles(axes, curve, titles[curve.name])
        panels[0, 0].legend()

    return svg("deciles", draw, height=2.9 * down)


def weekly_plot(evaluation: Evaluation) -> str:
    """Draw purchases in the horizon, added up, against what each model expected."""
    weekly = evaluation.weekly
    titles = {each.name: each.title for each in evaluation.models}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(weekly.weeks, weekly.purchases, color="black", linewidth=2, label="bought")
        for place, (name, expected) in enumerate(weekly.expected.items(), start=1):
            add_line(axes, place, (weekly.weeks, expected), f"{titles[name]} expected")
        axes.set(xlim=(0, weekly.weeks[-1]), ylim=(0, None))
        axes.set_xlabel("Weeks after the end of calibration")
        axes.set_ylabel("Purchases since then")
        axes.legend(loc="lower right")

    return svg("weekly", draw, height=3.6)


def half_life_plot(evaluation: Evaluation) -> str:
    """Draw the top-decile share of each half-life on the earlier window."""
    choice = evaluation.half_life
    chosen = choice.weeks.index(choice.chosen_weeks)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        places = range(len(choice.weeks))
        colours = [COLOURS[1] if place == chosen else "#bbbbbb" for place in places]
        bars = axes.bar(places, choice.top_decile_shares, color=colours, width=0.6)
        axes.bar_label(bars, [f"{share * 100:.1f} %" for share in choice.top_decile_shares])
        axes.set_xticks(places, [f"{weeks} weeks" for weeks in choice.weeks])
        axes.margins(y=0.12)
        axes.grid(visible=False, axis="x")
        percent(axes, "y")
        axes.set_ylabel("Share held by the top tenth")

    return svg("half-life", draw, height=2.8)


def _draw_deciles(axes: Axes, curve: RankingCurve, title: str) -> None:
    tenths = range(1, len(curve.spend_by_decile) + 1)
    axes.bar([each - 0.2 for each in tenths], curve.spend_by_decile, 0.4, color="#555555")
    axes.bar([each + 0.2 for each in tenths], curve.forecast_by_decile, 0.4, color=COLOURS[4])
    axes.containers[0].set_label("spent")
    axes.containers[1].set_label("forecast")
    axes.set_title(title, fontsize="medium")
    axes.set_xticks(tenths)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("Tenth of the customers, best ranked first")
    axes.set_ylabel("Mean later spend")
