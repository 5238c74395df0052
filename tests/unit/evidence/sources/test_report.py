"""The report on simulated populations: it stands alone, and says everything."""

import sys
from pathlib import Path

import pytest

from ckm_stream.domain.score import SourceClass
from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence.sources.glossary import glossary
from ckm_stream.evidence.sources.report import render_report, require_plots, write_report
from tests.support.pages import Page
from tests.support.source_evaluations import source_evaluation_by_hand

PLOTS = 4
BY_HAND = source_evaluation_by_hand()


@pytest.fixture(scope="module")
def page() -> Page:
    """Give the report of the evaluation by hand."""
    return Page(render_report(BY_HAND))


def test_the_page_is_whole_and_stands_alone(page: Page) -> None:
    """Everything that opens is closed, the plots are in it, and nothing is loaded."""
    assert page.open == []
    assert page.tags.count("svg") == PLOTS
    assert page.tags.count("table") == 5
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(page.tags)
    for name in ("href", "xlink:href", "src"):
        assert all(value.startswith("#") for value in page.values(name))


def test_every_id_is_there_once(page: Page) -> None:
    """Several drawings share the page."""
    ids = page.values("id")

    assert ids
    assert len(ids) == len(set(ids))


def test_every_plot_is_described_for_those_who_do_not_see_it(page: Page) -> None:
    """A role and a label on each drawing."""
    assert page.values("role") == ["img"] * PLOTS
    assert len(set(page.values("aria-label"))) == PLOTS


def test_the_page_says_what_was_found(page: Page) -> None:
    """Sentences, bars, figures with intervals, classes, and what the words mean."""
    told = " ".join(page.text.split())

    for words in (
        "Of the 300 customers whom the total score puts first, 78 % are key sources",
        "3 of 2,000 customers, seeds 8, 9, 7",
        "1,003 liar",
        "78.1%73.1% to 83.1%",
        "Calibration error<= 0.010.031does not hold",
        "Precision of another>= 0.42-does not hold",
        "Rate fitted0.03100.00400.7400.730 to 0.750",
        "130,000 later answers of 5,900 customers.",
        "liar000000",
        "3 (2 liars, 1 newcomer) came to be called key sources",
        "1,000 resamples",
        *(term for term, _ in glossary()),
    ):
        assert words in told, words


def test_plots_name_what_they_show() -> None:
    """Rankings, rates, roles and classes are text in the drawings."""
    plots = require_plots()

    for drawing, names, others in (
        (plots.precision_plot(BY_HAND), ("The total", "78 %", "by lot", "bar"), ()),
        (plots.gains_plot(BY_HAND), ("The spend", "best possible"), ("The total_own_epoch",)),
        (plots.calibration_plot(BY_HAND), ("Rate raw", "exact"), ("Rate global_mean",)),
        (
            plots.classes_plot(BY_HAND),
            ("everybody", "liar", *(each.replace("_", " ") for each in SourceClass)),
            (),
        ),
    ):
        assert drawing.startswith("<svg ")
        assert all(name in drawing for name in names)
        assert not any(name in drawing for name in others)


def test_every_term_of_the_glossary_is_explained() -> None:
    """In a sentence at least."""
    assert len(glossary()) > 10
    for term, words in glossary():
        assert term
        assert words.endswith(".")


def test_the_same_evaluation_gives_the_same_file(tmp_path: Path) -> None:
    """As it is written, in UTF-8."""
    path = tmp_path / "report.html"

    write_report(path, BY_HAND)

    assert path.read_bytes().decode() == render_report(BY_HAND)


def test_without_matplotlib_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any work is done."""
    for name in ("ckm_stream.evidence.sources.plots", "ckm_stream.evidence.drawing"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'ckm-stream\[report\]'"):
        require_plots()
