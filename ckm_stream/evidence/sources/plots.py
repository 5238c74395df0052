"""Plots of an evaluation on simulated populations, as SVG text."""

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ckm_stream.domain.score import SourceClass
from ckm_stream.evidence.drawing import (
    COLOURS,
    REFERENCE,
    add_line,
    draw_diagonal,
    draw_gains,
    draw_shares,
    height_of,
    percent,
    svg,
)
from ckm_stream.evidence.sources.bars import PRECISION_AT_R
from ckm_stream.evidence.sources.results import SourcesEvaluation

#: Drawn by rates that say something of each customer; one rate for all would be a point.
_RATES_DRAWN: Final = ("fitted", "epoch_0", "raw")
#: It lies on the curve of the total score, to the width of a line.
_CURVES_LEFT_OUT: Final = frozenset({"total_own_epoch"})
_HATCHES: Final = ("", "//", "\\\\", "..", "xx", "--", "")


def precision_plot(evaluation: SourcesEvaluation) -> str:
    """Draw precision at R of each ranking by the first truth, with its interval."""
    truth = evaluation.truths[0]
    rows = [(each.title, each.precision_at_r[truth.name]) for each in evaluation.rankings][::-1]

    def draw(figure: Figure) -> None:
        axes = draw_shares(figure, rows, decimals=0)
        axes.axvline(truth.share, color=REFERENCE, linestyle=":", label="by lot")
        axes.axvline(PRECISION_AT_R, color=REFERENCE, linestyle="--", label="bar")
        axes.set_xlabel("Key sources among as many ranked first")
        figure.legend(loc="outside upper right", ncols=2)

    return svg("precision", draw, height=height_of(rows))


def gains_plot(evaluation: SourcesEvaluation) -> str:
    """Draw the share of the key sources found against the share of customers contacted."""
    titles = {each.name: each.title for each in evaluation.rankings}

    def draw(figure: Figure) -> None:
        drawn = [each for each in evaluation.curves if each.name not in _CURVES_LEFT_OUT]
        curves = [(titles[each.name], each.gains) for each in drawn]
        axes = draw_gains(figure, curves, evaluation.best_gains)
        axes.set_xlabel("Customers contacted, best ranked first")
        axes.set_ylabel("Share of the key sources found")
        axes.legend(loc="lower right")

    return svg("gains", draw, height=5.0)


def calibration_plot(evaluation: SourcesEvaluation) -> str:
    """Draw the share that was accepted against the rate that was told, for ten groups each."""
    rates = [each for each in evaluation.calibration.rates if each.name in _RATES_DRAWN]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, each in enumerate(rates):
            add_line(axes, place, (each.predicted, each.accepted), each.title)
            axes.plot(each.predicted, each.accepted, "o", color=COLOURS[place], markersize=4)
        draw_diagonal(axes, "exact")
        axes.set_xlabel("Rate of accepting that was told of the customers")
        axes.set_ylabel("Share that was accepted later")
        axes.legend(loc="upper left")

    return svg("calibration", draw, height=5.0)


def classes_plot(evaluation: SourcesEvaluation) -> str:
    """Draw the share of each class among all customers, and by what they were planted as."""
    classes = evaluation.classes[0].by_role
    everybody = {
        each.value: sum(counts[each.value] for counts in classes.values()) for each in SourceClass
    }
    rows = {"everybody": everybody} | classes

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        left = dict.fromkeys(rows, 0.0)
        for place, each in enumerate(SourceClass):
            shares = {
                name: counts[each.value] / max(sum(counts.values()), 1)
                for name, counts in rows.items()
            }
            _stack(axes, place, shares, left, _words(each))
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_yticks(range(len(rows)), [_words(name) for name in rows])
        axes.set_xlim(0.0, 1.0)
        percent(axes, "x")
        figure.legend(loc="outside lower center", ncols=3)

    return svg("classes", draw, height=3.6)


def _stack(
    axes: Axes, place: int, shares: dict[str, float], left: dict[str, float], label: str
) -> None:
    """Add a class to the bars, and move what comes after it to the right."""
    axes.barh(
        range(len(shares)),
        list(shares.values()),
        left=list(left.values()),
        color=COLOURS[place],
        hatch=_HATCHES[place],
        edgecolor="white",
        label=label,
    )
    for name, share in shares.items():
        left[name] += share


def _words(name: str) -> str:
    return name.replace("_", " ")
