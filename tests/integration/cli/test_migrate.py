"""``ckm migrate``: what would be done, how far, and back only if it was meant."""

import json
from collections.abc import Callable, Iterator

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from ckm_stream.cli import store as commands
from ckm_stream.errors import ConfigurationError
from ckm_stream.snapshots.store import open_engine, revision_of
from ckm_stream.snapshots.tables import REVISIONS

Run = Callable[..., Result]


@pytest.fixture
def ckm(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give the command, with settings that name the test's database."""
    monkeypatch.setenv("CKM__STORE__URL", store_url)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(commands.migrate)
    app.command()(commands.rebuild)
    return lambda *args: CliRunner().invoke(app, ["migrate", *args])


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """Give the engine of the test's database."""
    made = open_engine(store_url)
    yield made
    made.dispose()


def test_a_plan_names_each_revision_and_changes_nothing(ckm: Run, engine: Engine) -> None:
    """A line for each, with the first sentence of its module; `--json` has the same."""
    lines = ckm("--plan").stdout.splitlines()
    plan = json.loads(ckm("--plan", "--json").stdout)

    assert [line.split(":")[0] for line in lines] == [f"up to {each}" for each in REVISIONS]
    assert lines[0] == "up to 0001: Create the tables and views of version 0.1."
    assert (plan["current"], plan["target"]) == (None, REVISIONS[-1])
    assert [step["revision"] for step in plan["steps"]] == list(REVISIONS)
    assert revision_of(engine) is None


def test_a_store_is_taken_to_a_revision_and_back_only_with_down(ckm: Run, engine: Engine) -> None:
    """Without `--down` an older revision is refused, and the sentence has the remedy."""
    assert ckm("--to", "0002").stdout.endswith("is at 0002\n")
    assert ckm("--plan").stdout.startswith("up to 0003: ")
    assert ckm().stdout.endswith("is up to date\n")
    assert ckm("--plan").stdout.endswith("is up to date\n")
    assert ckm("--plan", "--to", "0001").stdout.startswith("down from 0006: ")

    refused = ckm("--to", "0001")

    assert isinstance(refused.exception, ConfigurationError)
    assert "stop the programs that write, then run `ckm migrate --down" in str(refused.exception)
    assert revision_of(engine) == REVISIONS[-1]
    assert ckm("--to", "0001", "--down").exit_code == 0
    assert revision_of(engine) == "0001"


def test_the_statements_for_postgresql_are_printed_and_not_run(ckm: Run, engine: Engine) -> None:
    """Bounds first, what builds indexes outside of transactions, the revision noted at each end."""
    ckm("--to", "0001")

    up, down = ckm("--sql").stdout, ckm("--sql", "--to", "base").stdout

    assert up.startswith("SET lock_timeout = '1s';\nSET statement_timeout = '2s';\n")
    assert "CREATE UNIQUE INDEX CONCURRENTLY uq_score_epoch_id" in up
    assert "SET version_num='0003'" in up
    assert "CREATE TABLE profile" not in up
    assert "DROP TABLE profile" in down
    assert revision_of(engine) == "0001"
