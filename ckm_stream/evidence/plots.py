"""
Plots of an evaluation as SVG text, to be put into a page: no script, no font file, no network.

Lines differ in dash as well as in colour (Okabe and Ito's, which the colour-blind can tell apart),
so that a print in grey still reads. The same evaluation gives the same text.
"""

import re
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ckm_stream.evidence.results import Evaluation, RankingCurve

_COLOURS: Final = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#999999",
)
_DASHES: Final = ("-", "--", "-.", ":", (0, (6, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
_NO_METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_WIDTH: Final = 7.2
_REFERENCE: Final = "#444444"
_PANELS_ACROSS: Final = 2


def shares_plot(evaluation: Evaluation) -> str:
    """Draw the top-decile share of each ranking with its interval."""
    rows = [
        (each.title, each.top_decile_share)
        for each in reversed(evaluation.rankings)
        if each.top_decile_share is not None
    ]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for height, (_, share) in enumerate(rows):
            if share.low is not None and share.high is not None:
                axes.plot([share.low, share.high], [height] * 2, color=_COLOURS[0], linewidth=2)
            if share.value is not None:
                axes.plot([share.value], [height], "o", color=_COLOURS[0])
                name = f"{share.value * 100:.1f} %"
                axes.annotate(
                    name, (share.value, height), (0, 5), textcoords="offset points", ha="center"
                )
        axes.axvline(0.1, color=_REFERENCE, linestyle=":", label="by lot")
        best = evaluation.data.best_top_decile_share
        axes.axvline(best, color=_REFERENCE, linestyle="--", label="best possible")
        axes.set_yticks(range(len(rows)), [title for title, _ in rows])
        axes.set_xlim(0.0, 1.0)
        _percent(axes, "x")
        axes.set_xlabel("Share of later spend held by the tenth ranked first")
        figure.legend(loc="outside upper right", ncols=2)

    return _svg("shares", draw, height=1.2 + 0.36 * len(rows))


def gains_plot(evaluation: Evaluation) -> str:
    """Draw the share of later spend against the share of customers, by ranking."""
    titles = {each.name: each.title for each in evaluation.rankings}
    shares = [place / 100 for place in range(101)]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, curve in enumerate(evaluation.curves):
            _add_line(axes, place, (shares, curve.gains), titles[curve.name])
        axes.plot(
            shares, evaluation.best_gains, color=_REFERENCE, linewidth=1, label="best possible"
        )
        axes.plot([0, 1], [0, 1], color=_REFERENCE, linewidth=1, linestyle=":", label="by lot")
        for which in ("x", "y"):
            _percent(axes, which)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set_xlabel("Customers, best ranked first")
        axes.set_ylabel("Share of later spend that they held")
        axes.legend(loc="lower right")

    return _svg("gains", draw, height=5.0)


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

    return _svg("deciles", draw, height=2.9 * down)


def weekly_plot(evaluation: Evaluation) -> str:
    """Draw purchases in the horizon, added up, against what each model expected."""
    weekly = evaluation.weekly
    titles = {each.name: each.title for each in evaluation.models}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(weekly.weeks, weekly.purchases, color="black", linewidth=2, label="bought")
        for place, (name, expected) in enumerate(weekly.expected.items(), start=1):
            _add_line(axes, place, (weekly.weeks, expected), f"{titles[name]} expected")
        axes.set(xlim=(0, weekly.weeks[-1]), ylim=(0, None))
        axes.set_xlabel("Weeks after the end of calibration")
        axes.set_ylabel("Purchases since then")
        axes.legend(loc="lower right")

    return _svg("weekly", draw, height=3.6)


def half_life_plot(evaluation: Evaluation) -> str:
    """Draw the top-decile share of each half-life on the earlier window."""
    choice = evaluation.half_life
    chosen = choice.weeks.index(choice.chosen_weeks)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        places = range(len(choice.weeks))
        colours = [_COLOURS[1] if place == chosen else "#bbbbbb" for place in places]
        bars = axes.bar(places, choice.top_decile_shares, color=colours, width=0.6)
        axes.bar_label(bars, [f"{share * 100:.1f} %" for share in choice.top_decile_shares])
        axes.set_xticks(places, [f"{weeks} weeks" for weeks in choice.weeks])
        axes.margins(y=0.12)
        axes.grid(visible=False, axis="x")
        _percent(axes, "y")
        axes.set_ylabel("Share held by the top tenth")

    return _svg("half-life", draw, height=2.8)


def _draw_deciles(axes: Axes, curve: RankingCurve, title: str) -> None:
    tenths = range(1, len(curve.spend_by_decile) + 1)
    axes.bar([each - 0.2 for each in tenths], curve.spend_by_decile, 0.4, color="#555555")
    axes.bar([each + 0.2 for each in tenths], curve.forecast_by_decile, 0.4, color=_COLOURS[4])
    axes.containers[0].set_label("spent")
    axes.containers[1].set_label("forecast")
    axes.set_title(title, fontsize="medium")
    axes.set_xticks(tenths)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("Tenth of the customers, best ranked first")
    axes.set_ylabel("Mean later spend")


def _add_line(
    axes: Axes, place: int, points: tuple[Sequence[float], Sequence[float]], label: str
) -> None:
    axes.plot(
        *points,
        label=label,
        color=_COLOURS[place % len(_COLOURS)],
        linestyle=_DASHES[place % len(_DASHES)],
        linewidth=1.6,
    )


def _percent(axes: Axes, which: str) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))


def _svg(name: str, draw: Callable[[Figure], None], *, height: float) -> str:
    """Return a figure as an ``svg`` element whose ids begin with *name*."""
    text = StringIO()
    with mpl.rc_context():
        mpl.rc("svg", fonttype="none", hashsalt=name)
        mpl.rc("font", family="sans-serif", size=10)
        mpl.rc("axes", grid=True, axisbelow=True)
        mpl.rc("axes.spines", top=False, right=False)
        mpl.rc("grid", color="#dddddd", linewidth=0.6)
        mpl.rc("legend", frameon=False)
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        draw(figure)
        figure.savefig(text, format="svg", metadata=_NO_METADATA)
    drawing = text.getvalue()
    # Several drawings share a page, and ids are the page's: what refers to one has to follow it.
    drawing = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", drawing)
    return drawing[drawing.index("<svg") :].strip()
