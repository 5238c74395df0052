"""``ckm top|show|explain|migrate|rebuild``: what a person and a script see."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from ckm_stream.cli import reading
from ckm_stream.cli import store as store_commands
from ckm_stream.domain.score import SourceClass
from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.store_rows import (
    PROFILES,
    batch_of,
    item_of,
    profile_of,
    rows_of,
    update_of,
)

Run = Callable[..., Result]

COMMANDS = (
    reading.top,
    reading.show,
    reading.explain,
    store_commands.migrate,
    store_commands.rebuild,
)
SCORE_FIELDS = {
    "customer_id",
    "version",
    "as_of",
    "reason",
    "epoch_id",
    "total",
    "value",
    "willingness",
    "absorption",
    "value_n_eff",
    "willingness_n_eff",
    "absorption_n_eff",
    "source_class",
    "previous_class",
    "lead_user",
    "engagement",
    "engagement_reason",
    "event_id",
}


@pytest.fixture
def ckm(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give the command line, with settings that name the test's database."""
    monkeypatch.setenv("CKM__STORE__URL", store_url)
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer(pretty_exceptions_enable=False)
    for command in COMMANDS:
        app.command()(command)

    def run(*args: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(app, args, input=answer)

    return run


@pytest.fixture
def filled(store: Engine) -> Engine:
    """Give a store with a simulated key source and a real customer."""
    writer = SnapshotWriter(store)
    writer.positions([(PROFILES, 0)])
    writer.write(
        batch_of(
            0,
            2,
            profiles=[profile_of("c-1", offset=0, simulated=True), profile_of("c-2", offset=1)],
            scores=[
                update_of("c-1", 1, total=0.9, source_class=SourceClass.KEY_SOURCE),
                update_of("c-2", 1, total=0.4),
            ],
            items=[
                item_of("i-1", "c-1", source="simulated", text="a [bold]lid\x1b[2J leaks"),
                item_of("i-2", "c-2"),
            ],
        )
    )
    return store


def parsed(result: Result) -> Any:
    """Return the JSON that a command printed."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.usefixtures("filled")
class TestTop:
    """What ``ckm top`` prints."""

    def test_table_ranks_and_says_what_is_simulated(self, ckm: Run) -> None:
        """The table's title and the customer's row both say it."""
        lines = ckm("top").stdout.splitlines()

        assert any("Highest totals (simulated data)" in line for line in lines)
        first, second = (next(line for line in lines if each in line) for each in ("c-1", "c-2"))
        assert "simulated" in first
        assert "0.900" in first
        assert "real" in second
        assert any("key_source" in line and "1" in line for line in lines[-4:])

    def test_json_fields_are_stable(self, ckm: Run) -> None:
        """A script finds these fields in each object, and no others."""
        ranking = parsed(ckm("top", "--json"))

        assert [set(each) for each in ranking] == [SCORE_FIELDS | {"place", "simulated"}] * 2
        assert [(each["customer_id"], each["place"], each["simulated"]) for each in ranking] == [
            ("c-1", 1, True),
            ("c-2", 2, False),
        ]
        assert ranking[0]["as_of"] == "2024-02-29T12:00:00.123458Z"

    def test_class_and_limit_narrow_the_ranking(self, ckm: Run) -> None:
        """Only the class asked for, and no more than the limit."""
        ordinary = parsed(ckm("top", "--class", "ordinary", "--json"))
        one = parsed(ckm("top", "--limit", "1", "--json"))

        assert [each["customer_id"] for each in ordinary] == ["c-2"]
        assert [each["customer_id"] for each in one] == ["c-1"]


@pytest.mark.usefixtures("filled")
class TestShow:
    """What ``ckm show`` prints."""

    def test_view_has_the_three_sections(self, ckm: Run) -> None:
        """About, for and from the customer, and that the data is simulated."""
        output = ckm("show", "c-1").stdout

        for part in ("Customer c-1 (simulated data)", "About the customer", "For the customer"):
            assert part in output
        assert "From the customer: newest items" in output

    def test_text_from_outside_cannot_steer_the_terminal(self, ckm: Run) -> None:
        """Markup is shown as it is, control characters are replaced."""
        output = ckm("show", "c-1").stdout

        assert "a [bold]lid\ufffd[2J leaks" in output
        assert "\x1b" not in output

    def test_real_customer_is_not_called_simulated(self, ckm: Run) -> None:
        """No word of simulation where there is none."""
        assert "simulated" not in ckm("show", "c-2").stdout

    def test_json_fields_are_stable(self, ckm: Run) -> None:
        """A script finds the sections under their names."""
        profile = parsed(ckm("show", "c-1", "--json"))

        assert set(profile) == {
            "customer_id",
            "version",
            "as_of",
            "simulated",
            "about",
            "for",
            "from",
            "scores",
            "classes",
            "lifetime",
        }
        assert profile["lifetime"] is None
        assert set(profile["from"]) == {"summary", "items"}
        assert profile["from"]["items"][0]["text"] == "a [bold]lid\x1b[2J leaks"
        assert set(profile["scores"][0]) == SCORE_FIELDS
        assert profile["classes"][0]["source_class"] == "key_source"


@pytest.mark.usefixtures("filled")
class TestExplain:
    """What ``ckm explain`` prints."""

    def test_table_lists_the_factors(self, ckm: Run) -> None:
        """Each factor with its contribution, largest first, and the sum."""
        output = ckm("explain", "c-1").stdout

        assert "Why c-1 is key_source with 0.900" in output
        assert "(simulated data)" in output
        assert output.index("V1 base potential") < output.index("W3 trust")
        assert "+0.3000" in output
        assert "91 d" in output

    def test_json_fields_are_stable(self, ckm: Run) -> None:
        """A script finds the score, the reference and the factors."""
        score = parsed(ckm("explain", "c-1", "--json"))

        assert set(score) == SCORE_FIELDS | {"simulated", "reference_total", "factors"}
        assert set(score["factors"][0]) == {
            "indicator",
            "value",
            "normalised",
            "weight",
            "contribution",
            "half_life_s",
            "n_eff",
            "newest_event_id",
        }


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("verb", ["show", "explain"])
def test_unknown_customer_is_one_sentence_and_exit_code_1(ckm: Run, verb: str) -> None:
    """A customer who is not in the store is said so on standard error."""
    result = ckm(verb, "nobody", "--json")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "customer 'nobody' is not in the store; `ckm top` lists customers\n"


@pytest.mark.parametrize("args", [["top"], ["show", "c"], ["explain", "c"], ["rebuild", "--yes"]])
def test_store_that_is_not_migrated_is_a_configuration_error(ckm: Run, args: list[str]) -> None:
    """Nothing is read from, or done to, a database without our tables."""
    result = ckm(*args)

    assert isinstance(result.exception, ConfigurationError)
    assert str(result.exception).endswith("run `ckm migrate`")
    assert "\n" not in str(result.exception)


def test_unreachable_database_is_an_error_to_try_again_after(
    ckm: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not answer is named with its remedy, without its password."""
    monkeypatch.setenv("CKM__STORE__URL", "postgresql://ckm:s3cret@127.0.0.1:1/ckm")

    result = ckm("migrate")

    assert isinstance(result.exception, TransientError)
    assert "postgresql://127.0.0.1:1/ckm" in str(result.exception)
    assert "s3cret" not in str(result.exception)


def test_migrate_makes_the_store_readable(ckm: Run, tmp_path: Path) -> None:
    """After ``ckm migrate`` an empty ranking is shown, without an error."""
    assert ckm("migrate").stdout.endswith(" is up to date\n")
    assert ckm("migrate").exit_code == 0

    assert parsed(ckm("top", "--json")) == []
    assert ckm("top").exit_code == 0
    assert tmp_path.exists()


def test_rebuild_asks_before_it_deletes(ckm: Run, filled: Engine) -> None:
    """A "no" changes nothing, a "yes" empties the store."""
    refused = ckm("rebuild", answer="n\n")
    rows_after_no = len(rows_of(filled, "profile"))
    accepted = ckm("rebuild", answer="y\n")

    assert (refused.exit_code, rows_after_no) == (1, 2)
    assert (accepted.exit_code, len(rows_of(filled, "profile"))) == (0, 0)


def test_rebuild_with_yes_does_not_ask(ckm: Run, filled: Engine) -> None:
    """Scripts give ``--yes``."""
    result = ckm("rebuild", "--yes")

    assert result.exit_code == 0
    assert "is empty" in result.stdout
    assert rows_of(filled, "knowledge_item") == []
