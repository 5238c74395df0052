"""The report: one file that stands alone, says everything, and trusts nothing from outside."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence.glossary import glossary
from ckm_stream.evidence.report import render_report, require_plots, write_report
from ckm_stream.evidence.results import Evaluation
from tests.support.evaluations import evaluation_by_hand
from tests.support.pages import Page

PLOTS = 5


@pytest.fixture(scope="module")
def page() -> Page:
    """Give the report of the evaluation by hand."""
    return Page(render_report(evaluation_by_hand()))


def test_the_page_is_whole(page: Page) -> None:
    """Everything that opens is closed, and the plots are in it."""
    assert page.open == []
    assert page.tags.count("svg") == PLOTS
    assert page.tags.count("table") == 3


def test_the_page_loads_nothing_and_runs_nothing(page: Page) -> None:
    """It can be opened from a mail, on a train, in ten years."""
    loading = {"script", "link", "iframe", "img", "image", "object", "embed", "base", "form"}

    assert loading.isdisjoint(page.tags)
    assert not any(name.startswith("on") for name, _ in page.attributes)
    for name in ("href", "xlink:href", "src"):
        assert all(value.startswith("#") for value in page.values(name))
    assert not re.search(r"url\((?!#)|@import", render_report(evaluation_by_hand()))


def test_every_id_is_there_once_and_what_is_referred_to_exists(page: Page) -> None:
    """Several drawings share the page."""
    ids = page.values("id")
    text = render_report(evaluation_by_hand())
    referred = set(re.findall(r"url\(#([^)]+)\)", text))
    referred |= {value.removeprefix("#") for value in page.values("xlink:href")}

    assert len(ids) == len(set(ids))
    assert referred  # a control: there are references
    assert referred <= set(ids)


def test_what_comes_from_outside_is_text_and_nothing_else(page: Page) -> None:
    """A file's name and a reason cannot become markup."""
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text
    assert "<b>landed</b>" in page.text
    assert "b" not in page.tags


def test_the_page_says_what_was_found(page: Page) -> None:
    """Sentences, figures with intervals, refusals, parameters, and what the words mean."""
    told = " ".join(page.text.split())

    for words in (
        "held 51 % of what was bought in the next 13 weeks",
        "Not to be told apart from the decayed sum",
        "51.4%46.4% to 56.4%",
        "31.0029.00 to 33.00",
        "MBG/NBD: a <b>landed</b> on its bound",
        "The mbg_nbd: a <b>landed</b> on its bound",
        "r 0.2500, alpha 4.5000",
        "-1,234.50",
        "12,345 lines, 67 of them refunds",
        "2020-01-06 to 2020-12-31: 2,000 customers",
        "8 weeks were chosen",
        "1,000 resamples",
        *(term for term, _ in glossary()),
    ):
        assert words in told, words


def test_every_plot_is_described_for_those_who_do_not_see_it(page: Page) -> None:
    """A role and a label on each drawing."""
    assert page.values("role") == ["img"] * PLOTS
    assert len(set(page.values("aria-label"))) == PLOTS


def test_every_term_of_the_glossary_is_explained() -> None:
    """In a sentence at least."""
    for term, words in glossary():
        assert term
        assert words.endswith(".")


def test_a_plot_names_what_it_shows() -> None:
    """Titles of rankings and models are text in the drawing, not outlines."""
    plots = require_plots()
    evaluation = evaluation_by_hand()

    for drawing, names in (
        (plots.shares_plot(evaluation), ("The sum", "The lone", "51.4 %", "best possible")),
        (plots.gains_plot(evaluation), ("The sum", "The worse", "by lot")),
        (plots.deciles_plot(evaluation), ("The sum", "The bg_nbd", "forecast", "spent")),
        (plots.weekly_plot(evaluation), ("bought", "BG/NBD expected")),
        (plots.half_life_plot(evaluation), ("8 weeks", "45.0 %")),
    ):
        assert drawing.startswith("<svg ")
        for name in names:
            assert name in drawing


def test_the_same_evaluation_gives_the_same_file() -> None:
    """No time and no chance in it: a report can be compared with an older one."""
    assert render_report(evaluation_by_hand()) == render_report(evaluation_by_hand())


def only_sums(evaluation: Evaluation) -> Evaluation:
    """Return the evaluation as it is if no model can be fitted."""
    return replace(
        evaluation,
        models=evaluation.models[1:],
        rankings=(evaluation.rankings[0], evaluation.rankings[5]),
        curves=evaluation.curves[:1],
        weekly=replace(evaluation.weekly, expected={}),
    )


def test_a_report_without_any_model_is_a_report() -> None:
    """Whatever was refused, the sums are there."""
    page = Page(render_report(only_sums(evaluation_by_hand())))

    assert page.tags.count("svg") == PLOTS
    assert "MBG/NBD could not be fitted" in page.text


def test_a_report_is_written_in_place_of_an_older_one(tmp_path: Path) -> None:
    """As UTF-8, whatever the machine's encoding."""
    path = tmp_path / "report.html"
    path.write_text("older and longer " * 100_000)

    write_report(path, evaluation_by_hand())

    assert path.read_bytes().decode() == render_report(evaluation_by_hand())


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is not there."""
    with pytest.raises(ConfigurationError, match=r"none/report\.html cannot be written: No such"):
        write_report(tmp_path / "none" / "report.html", evaluation_by_hand())


def test_without_matplotlib_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any work is done."""
    for name in ("ckm_stream.evidence.plots", "ckm_stream.evidence.drawing"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr("ckm_stream.evidence.plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'ckm-stream\[report\]'"):
        require_plots()
