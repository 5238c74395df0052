"""``ckm evaluate sources``: what a person and a script see."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ckm_stream.cli.main import app
from ckm_stream.errors import ConfigurationError, FitError

SMALL = ("--customers", 200, "--populations", 2, "--seed", 880_001, "--resamples", 20)


def ckm(*arguments: object, **environment: str) -> Result:
    """Run the command in this process."""
    words = ["evaluate", "sources", *map(str, arguments)]
    env = {"COLUMNS": "110"} | environment
    return CliRunner().invoke(app, words, env=env, catch_exceptions=False)


def ckm_json(*arguments: object, **environment: str) -> Any:
    """Run the command with --json; return what it prints."""
    result = ckm(*arguments, "--json", **environment)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_json_has_everything_that_the_help_names() -> None:
    """Rankings by truth with intervals, calibration, classes, and which bars hold."""
    report = ckm_json(*SMALL)

    assert set(report) == {
        *("simulated", "truths", "rankings", "best_gains", "curves", "calibration"),
        *("classes", "bars", "resamples", "seed"),
    }
    assert report["simulated"]["seeds"] == [880_002, 880_001]
    assert (report["resamples"], report["seed"]) == (20, 880_001)
    truths = [each["name"] for each in report["truths"]]
    total, *others = report["rankings"]
    assert total["name"] == "total"
    assert total["total_lead"] is None
    for each in others:
        assert list(each["precision_at_r"]) == list(each["total_lead"]) == truths
        for measured in each["precision_at_r"].values():
            assert measured["low"] <= measured["high"]
    for each in report["bars"]:
        assert set(each) == {"name", "title", "bar", "relation", "figure", "holds"}
    assert len(report["bars"]) == len(truths) + 3
    assert report["calibration"]["answers"] > 5_000
    assert report["classes"][0]["by_role"]["bot"]["key_source"] == 0


def test_tables_tell_a_person_the_same() -> None:
    """Sentences first, then bars, rankings, rates and classes."""
    report, result = ckm_json(*SMALL), ckm(*SMALL)

    assert result.exit_code == 0
    told = " ".join(result.stdout.split())
    found = report["rankings"][0]["precision_at_r"]["planted"]["value"]
    answers = report["calibration"]["answers"]
    for words in (
        f"whom the total score puts first, {found * 100:.0f} % are key sources",
        f"Acceptance rates, judged by {answers:,} later answers",
        "Precision at R in 2 populations of 200 customers",
        "Shrunk to the fitted prior",
        "Classes by what customers were drawn as: epoch learnt from another population",
        f"{found:.3f}",
    ):
        assert words in told, words
    # Whether bars hold or not, they were measured.
    assert any(not each["holds"] for each in report["bars"])


def test_a_report_is_written_beside_either_output(tmp_path: Path) -> None:
    """And only said so where it does not disturb a script."""
    one, other = tmp_path / "one.html", tmp_path / "other.html"

    told = ckm(*SMALL, "--html", one)
    ckm_json(*SMALL, "--html", other)

    assert f"report written to {one}" in " ".join(told.stdout.split())
    assert one.read_text() == other.read_text()
    assert "Are the key sources found?" in one.read_text()


def test_the_settings_of_the_scoring_count() -> None:
    """Where more evidence is asked for than anybody gives, no class can be learnt."""
    with pytest.raises(FitError, match=r"only 0 of 200 customers have evidence enough") as refused:
        ckm(*SMALL, CKM__SCORING__N0="100000")

    assert refused.value.exit_code == 7


def test_what_cannot_be_simulated_is_refused() -> None:
    """By the option, or by what it means."""
    assert ckm("--populations", 1).exit_code == 2
    assert ckm("--customers", 99).exit_code == 2
    with pytest.raises(ConfigurationError, match="events per customer must be > 0"):
        ckm(*SMALL, "--events-per-customer", 0)


def test_without_matplotlib_only_the_report_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the work; without --html nobody misses it."""
    for name in ("ckm_stream.evidence.sources.plots", "ckm_stream.evidence.drawing"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'ckm-stream\[report\]'"):
        ckm(*SMALL, "--html", tmp_path / "report.html")

    assert not (tmp_path / "report.html").exists()
    assert ckm(*SMALL).exit_code == 0
