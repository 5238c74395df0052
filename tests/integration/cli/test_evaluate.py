"""``ckm evaluate purchases``: what a person and a script see."""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ckm_stream.cli.main import app
from ckm_stream.errors import ConfigurationError
from tests.support.shops import SAMPLE

SPLIT = ("--calibration-end", "1997-09-30")
MEASURES = {"top_decile_share", "normalised_gini", "auc", "mean_absolute_error", "decayed_sum_lead"}


def ckm(*arguments: object) -> Result:
    """Run the command in this process."""
    words = ["evaluate", "purchases", *map(str, arguments)]
    return CliRunner().invoke(app, words, env={"COLUMNS": "100"}, catch_exceptions=False)


def ckm_json(*arguments: object) -> Any:
    """Run the command with --json; return what it prints."""
    result = ckm(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def measures(report: Any) -> dict[str, dict[str, float]]:
    """Return the values of each ranking's measures."""
    return {
        each["name"]: {name: each[name]["value"] for name in MEASURES if each[name]}
        for each in report["rankings"]
    }


def test_json_has_everything_and_meets_the_bars() -> None:
    """On the sample that ships, with the default horizon of 39 weeks and intervals."""
    report = ckm_json(SAMPLE, *SPLIT)

    found = measures(report)
    assert found["decayed_sum"]["top_decile_share"] >= 0.505
    assert found["decayed_sum"]["normalised_gini"] >= 0.70
    assert found["mbg_nbd"]["mean_absolute_error"] <= 29.5
    assert report["half_life"]["chosen_weeks"] == 13
    assert report["data"]["horizon_end"] == "1998-06-30"
    assert report["resamples"] == 1000
    first = report["rankings"][0]["top_decile_share"]
    assert first["low"] < first["value"] < first["high"]
    fits = {each["name"]: each for each in report["models"]}
    assert fits["bg_nbd"]["log_likelihood"] == pytest.approx(-9582.43, abs=0.05)
    assert fits["gamma_gamma"]["parameters"]["q"] == pytest.approx(3.7442, abs=1e-3)


def test_cdnows_own_format_gives_the_same_figures(tmp_path: Path) -> None:
    """As it is published: columns between spaces, dollars, no header."""
    published = tmp_path / "CDNOW_sample.txt"
    with gzip.open(SAMPLE, "rt") as rows, published.open("w") as out:
        next(rows)
        for row in rows:
            customer, day, cds, cents = row.strip().split(",")
            dollars = int(cents) / 100
            out.write(f" {int(customer):05d} {int(customer):04d} {day} {cds:>2} {dollars:7.2f}\n")

    own, shipped = (ckm_json(path, *SPLIT, "--resamples", 0) for path in (published, SAMPLE))

    shipped_measures = measures(shipped)
    for name, found in measures(own).items():
        assert found == pytest.approx(shipped_measures[name], rel=1e-9)
    for one, other in zip(own["models"], shipped["models"], strict=True):
        assert one["parameters"] == pytest.approx(other["parameters"], rel=1e-6)


def test_tables_tell_a_person_the_same() -> None:
    """Sentences first, then rankings, models and half-lives."""
    result = ckm(SAMPLE, *SPLIT, "--resamples", 100)

    assert result.exit_code == 0
    told = " ".join(result.stdout.split())
    for words in (
        "The tenth of the customers whom the decayed sum ranks first held 51 %",
        "2,357 customers up to 1997-09-30, judged on the 39 weeks to 1998-06-30",
        "Decayed sum, half-life 13 weeks 0.511",
        "MBG/NBD with Gamma-Gamma 0.499",
        "-9,582.43",
        "r 0.2426, alpha 4.4136",
        "13 0.486 chosen",
    ):
        assert words in told


def test_a_report_is_written_beside_either_output(tmp_path: Path) -> None:
    """And only said so where it does not disturb a script."""
    one, other = tmp_path / "one.html", tmp_path / "other.html"

    told = ckm(SAMPLE, *SPLIT, "--resamples", 0, "--html", one)
    ckm_json(SAMPLE, *SPLIT, "--resamples", 0, "--html", other)

    assert f"report written to {one}" in " ".join(told.stdout.split())
    assert one.read_text() == other.read_text()
    assert "held 51 % of what was bought in the next 39 weeks" in one.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SPLIT, "no column is known as the amount; name it with --amount-column"),
        ((*SPLIT, "--amount-column", "paid out"), "line 2, column 'paid out': 5 characters"),
        ((*SPLIT, "--amount-column", "none"), "there is no column 'none'"),
    ],
)
def test_columns_and_decimals_are_the_callers_to_name(
    tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    """A refusal names the option that helps, and with it the file is read."""
    path = tmp_path / "shop.csv"
    rows = [f"{number % 98};1997-0{1 + number % 9}-03;12,50" for number in range(900)]
    path.write_text("\n".join(["who;date;paid out", *rows]))
    given = ("--customer-column", "who", *options)

    with pytest.raises(ConfigurationError) as refused:
        ckm(path, *given)

    assert message in str(refused.value)
    named = ("--customer-column", "who", "--amount-column", "paid out", "--decimal-comma")
    split = ("--calibration-end", "1997-06-30", "--horizon-weeks", 9, "--resamples", 0)
    assert ckm_json(path, *named, *split)["data"]["customers"] == 98


def test_bad_input_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """A hole, a horizon beyond the data, a file that is not there: exit code 2, one line."""
    holed = tmp_path / "holed.csv"
    holed.write_text("customer,date,amount\n1,19970101,\n")

    for path, message in (
        (holed, "holed.csv has holes: line 2, column 'amount': empty; fill it in"),
        (tmp_path / "none.csv", "none.csv cannot be read"),
        (SAMPLE, "give --horizon-weeks 39 or an earlier --calibration-end"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            ckm(path, *SPLIT, "--horizon-weeks", 40)
        assert message in str(refused.value)
        assert refused.value.exit_code == 2


def test_a_date_that_is_none_is_a_usage_error() -> None:
    """As every option that cannot be read."""
    result = CliRunner().invoke(
        app, ["evaluate", "purchases", str(SAMPLE), "--calibration-end", "soon"]
    )

    assert result.exit_code == 2
    assert "calibration-end" in result.stderr


def test_without_matplotlib_only_the_report_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the file is read; without --html nobody misses it."""
    for name in ("ckm_stream.evidence.plots", "ckm_stream.evidence.drawing"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr("ckm_stream.evidence.plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'ckm-stream\[report\]'"):
        ckm(tmp_path / "none.csv", *SPLIT, "--html", tmp_path / "report.html")

    assert ckm(SAMPLE, *SPLIT, "--resamples", 0).exit_code == 0
