"""
The analysts' queries, by the example that runs them, on the store that the demo fills.

The purchases in it are the real ones of the CDNOW sample; the same rows are put into PostgreSQL, so
that every query can be asked of both.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, select

from ckm_stream.snapshots.store import migrate, open_engine
from ckm_stream.snapshots.tables import METADATA
from tests.support.examples import EXAMPLES, run_example
from tests.support.ports import new_port
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.timeout(240), pytest.mark.embedded]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "integrate" / "analysts.md").read_text()
QUERIES = (EXAMPLES / "query_store.sql").read_text()
_READ_TOKENS = "SELECT secret_hash FROM access_token"
_WRITE = "UPDATE current_score SET total = 1"


@pytest.fixture(scope="module")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the SQLite store that the demo fills."""
    folder = tmp_path_factory.mktemp("demo")
    names = ("METRICS__PROFILE", "METRICS__SNAPSHOT", "METRICS__GATEWAY", "GATEWAY_")
    env = {name: value for name, value in os.environ.items() if not name.startswith("CKM__")}
    env |= {f"CKM__{name}_PORT": str(new_port()) for name in names}
    ended = subprocess.run(
        [sys.executable, "-m", "ckm_stream", "demo", "--once"],
        env={**env, "CKM__DATA_DIR": str(folder)},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    (found,) = folder.rglob("ckm.db")
    return found


@pytest.fixture
def postgres_copy(demo_store: Path, postgres_server: PostgresServer) -> Iterator[str]:
    """Give the URL of a PostgreSQL store with the same rows."""
    with postgres_server.fresh_database() as url:
        source, target = open_engine(f"sqlite:///{demo_store}"), open_engine(url)
        migrate(target)
        with source.connect() as reading, target.begin() as writing:
            for table in METADATA.sorted_tables:
                rows = [dict(row._mapping) for row in reading.execute(select(table))]
                if rows:
                    writing.execute(insert(table), rows)
        source.dispose()
        target.dispose()
        yield url.replace("postgresql+psycopg://", "postgresql://")


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as both databases would print it: instants, truth values, and sums of floats."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name == "query":
            found[name] = re.sub("_(sqlite|postgresql)$", "", value)
        elif name in {"lead_user", "simulated"}:
            found[name] = bool(value)
        elif name == "as_of":
            found[name] = datetime.fromisoformat(value).astimezone(UTC)
        elif name == "records":
            found[name] = int(value)
        elif isinstance(value, float):
            found[name] = f"{value:.9g}"
        else:
            found[name] = value
    return found


def refusal(store: str, statement: str) -> str:
    """Return why PostgreSQL refuses a statement."""
    with psycopg.connect(store) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement.encode())
    return str(refused.value)


def ckm(store: Path, *arguments: str) -> Any:
    """Return what a ``ckm`` command prints as JSON about a store."""
    done = subprocess.run(
        [sys.executable, "-m", "ckm_stream", *arguments, "--json"],
        env={**os.environ, "CKM__STORE__URL": f"sqlite:///{store}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def test_every_query_answers_the_same_on_both_databases(
    demo_store: Path, postgres_copy: str
) -> None:
    """Each has rows, equal but for how a database writes a value."""
    answers = []
    for store in (str(demo_store), postgres_copy):
        ended = run_example("query_store.py", env={"CKM_STORE": store})
        assert ended.code == 0, ended.errors
        answers.append([comparable(row) for row in ended.rows])

    names = re.findall(r"^-- name: (\S+)$", QUERIES, re.MULTILINE)
    assert answers[0] == answers[1]
    assert {row["query"] for row in answers[0]} == {
        re.sub("_(sqlite|postgresql)$", "", name) for name in names
    }


def test_an_analysts_rights_are_enough_and_no_more(postgres_copy: str) -> None:
    """By the page's own grants: every query runs, the tokens' hashes and any write are refused."""
    statements = re.findall(r"^(?:CREATE ROLE|GRANT) .*;$", PAGE, re.MULTILINE)
    with psycopg.connect(postgres_copy, autocommit=True) as admin:
        for statement in statements:
            admin.execute(statement.encode())
        try:
            store = postgres_copy.replace("postgres@", "analyst@")
            ended = run_example("query_store.py", env={"CKM_STORE": store})
            refusals = [refusal(store, each) for each in (_READ_TOKENS, _WRITE)]
        finally:
            admin.execute("DROP OWNED BY analyst")
            admin.execute("DROP ROLE analyst")

    assert len(statements) == 3
    assert ended.code == 0, ended.errors
    assert {row["query"] for row in ended.rows} >= {"key_sources", "why", "topics_postgresql"}
    assert refusals == [
        "permission denied for table access_token",
        "permission denied for table current_score",
    ]


def test_what_the_queries_say_is_what_ckm_says(demo_store: Path) -> None:
    """The ranking is that of `ckm top`, the reasons are those of `ckm explain`."""
    asked = run_example("query_store.py", "key_sources", "why", env={"CKM_STORE": str(demo_store)})
    assert asked.code == 0, asked.errors
    ranking = [row for row in asked.rows if row["query"] == "key_sources"]
    reasons = [row for row in asked.rows if row["query"] == "why"]

    top = ckm(demo_store, "top", "--class", "key_source", "--limit", str(len(ranking)))
    explained = ckm(demo_store, "explain", reasons[0]["customer_id"])

    assert len(ranking) >= 10
    assert [(row["customer_id"], row["total"]) for row in ranking] == [
        (each["customer_id"], each["total"]) for each in top
    ]
    assert {row["indicator"]: row["contribution"] for row in reasons} == {
        each["indicator"]: each["contribution"] for each in explained["factors"]
    }


def test_a_query_cannot_change_the_store(tmp_path: Path) -> None:
    """The example opens the store for reading alone."""
    store = tmp_path / "store.db"
    connection = sqlite3.connect(store)
    connection.execute("CREATE TABLE score (total REAL)")
    connection.close()
    queries = tmp_path / "queries.sql"
    queries.write_text("-- name: wipe\nDROP TABLE score;\n")

    ended = run_example(
        "query_store.py", env={"CKM_STORE": str(store), "CKM_QUERIES": str(queries)}
    )

    assert ended.code == 1
    assert "readonly database" in ended.errors


def test_the_page_shows_the_queries_that_are_tested() -> None:
    """Each query on the analysts' page is word for word in the file that is run here."""
    shown = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

    assert len(shown) >= 5
    assert [query for query in shown if query not in QUERIES] == []
