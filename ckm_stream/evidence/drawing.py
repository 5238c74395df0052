"""
Drawing plots as SVG text, to be put into a page: no script, no font file, no network.

Lines differ in dash as well as in colour (Okabe and Ito's, which the colour-blind can tell apart),
so that a print in grey still reads. The same drawing gives the same text.
"""

import re
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ckm_stream.evidence.results import Measured

COLOURS: Final = (
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
REFERENCE: Final = "#444444"


def add_line(
    axes: Axes, place: int, points: tuple[Sequence[float], Sequence[float]], label: str
) -> None:
    """Draw a line that looks like no other *place*."""
    axes.plot(
        *points,
        label=label,
        color=COLOURS[place % len(COLOURS)],
        linestyle=_DASHES[place % len(_DASHES)],
        linewidth=1.6,
    )


def percent(axes: Axes, which: str) -> None:
    """Label an axis, ``x`` or ``y``, in percent."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))


def draw_diagonal(axes: Axes, label: str) -> None:
    """Draw the line on which two shares are equal, and make the axes those of shares."""
    axes.plot([0, 1], [0, 1], color=REFERENCE, linewidth=1, linestyle=":", label=label)
    for which in ("x", "y"):
        percent(axes, which)
    axes.set(xlim=(0, 1), ylim=(0, 1))


def draw_gains(
    figure: Figure, curves: Sequence[tuple[str, Sequence[float]]], best: Sequence[float]
) -> Axes:
    """Draw what each first hundredth of the customers holds, by title, beside the best possible."""
    axes = figure.subplots()
    shares = [place / 100 for place in range(101)]
    for place, (title, gains) in enumerate(curves):
        add_line(axes, place, (shares, gains), title)
    axes.plot(shares, best, color=REFERENCE, linewidth=1, label="best possible")
    draw_diagonal(axes, "by lot")
    return axes


def draw_shares(figure: Figure, rows: Sequence[tuple[str, Measured]], *, decimals: int) -> Axes:
    """Draw a share for each title, from the bottom up, as a point with its interval."""
    axes = figure.subplots()
    for height, (_, share) in enumerate(rows):
        if share.low is not None and share.high is not None:
            axes.plot([share.low, share.high], [height] * 2, color=COLOURS[0], linewidth=2)
        if share.value is not None:
            axes.plot([share.value], [height], "o", color=COLOURS[0])
            name = f"{share.value * 100:.{decimals}f} %"
            axes.annotate(
                name, (share.value, height), (0, 5), textcoords="offset points", ha="center"
            )
    axes.set_yticks(range(len(rows)), [title for title, _ in rows])
    axes.set_xlim(0.0, 1.0)
    percent(axes, "x")
    return axes


def height_of(rows: Sequence[object]) -> float:
    """Return the height, in inches, of a drawing of so many shares."""
    return 1.2 + 0.36 * len(rows)


def svg(name: str, draw: Callable[[Figure], None], *, height: float) -> str:
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
