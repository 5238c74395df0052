"""
What each verb imports: what it works with, and nothing that only other verbs need.

Everything together takes 3 s to import. Each verb runs in a process of its own, as far as it comes
without a broker, which then tells the modules that it has loaded.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import typer.main

from ckm_stream.cli.main import app
from ckm_stream.cli.publish import OrderName, SourceName
from ckm_stream.cli.tokens import ScopeName
from ckm_stream.publishing.files import SOURCES
from ckm_stream.publishing.simulate import Order
from ckm_stream.snapshots.store import migrate, open_engine
from ckm_stream.snapshots.tokens import Scope

# Its arguments: functions to replace by ones that do nothing, then "--", then the command line.
_PROGRAM: Final = """
import importlib, sys
from ckm_stream.cli import main
end = sys.argv.index("--")
for path in sys.argv[1:end]:
    module, _, name = path.rpartition(".")
    setattr(importlib.import_module(module), name, lambda *_, **__: None)
sys.argv[1:] = sys.argv[end + 1:]
try:
    main()
finally:
    print("\\nLOADED", *sys.modules)
"""
_FAUST: Final = ("aiohttp", "aiokafka", "faust", "mode", "uvloop", "ckm_stream.streaming")
_WORKERS: Final = ("fastapi", "prometheus_client", "structlog", *_FAUST)
_STORE: Final = ("alembic", "psycopg", "sqlalchemy", "ckm_stream.snapshots")
_KAFKA: Final = ("kafka", "ckm_stream.publishing")
_LIBRARIES: Final = ("asyncio", "fastavro", "pydantic_settings", "yaml")
_NUMBERS: Final = ("matplotlib", "numpy", "scipy")
_ANALYSTS: Final = ("jieba", "numpy", "yake")
_HTTP: Final = ("fastapi", "starlette", "uvicorn", "ckm_stream.gateway")
_STARTED: Final = (
    "ckm_stream.bootstrap.require_access",
    "ckm_stream.bootstrap.check_topics",
    "ckm_stream.streaming.worker.run_worker",
)
_SERVED: Final = (
    "ckm_stream.bootstrap.require_access",
    "ckm_stream.bootstrap.check_topics",
    "ckm_stream.gateway.server.serve",
)


@dataclass(frozen=True)
class Run:
    """A command line, the modules it must not and must load, and functions it must not call."""

    arguments: str
    avoids: tuple[str, ...]
    needs: tuple[str, ...] = ("ckm_stream.cli.main",)
    without: tuple[str, ...] = ()


RUNS: Final = (
    Run("--help", (*_WORKERS, *_STORE, *_KAFKA, *_LIBRARIES, *_NUMBERS)),
    Run("nonsense", (*_WORKERS, *_STORE, *_KAFKA, *_LIBRARIES, *_NUMBERS)),
    Run(
        "demo",
        ("structlog", *_FAUST),
        needs=("kafka", "rich", "sqlalchemy"),
        without=("ckm_stream.demo.run.run_demo",),
    ),
    Run(
        "worker",
        (*_STORE, "ckm_stream.publishing"),
        needs=("faust", "kafka", "ckm_stream.streaming.profiles"),
        without=_STARTED,
    ),
    Run("worker", (*_FAUST, *_STORE, "ckm_stream.publishing")),  # which finds no broker
    Run(
        "snapshots",
        (
            "alembic",
            "psycopg",
            "ckm_stream.pipeline.fold",
            "ckm_stream.publishing",
            "ckm_stream.streaming.profiles",
        ),
        needs=("faust", "kafka", "sqlalchemy", "ckm_stream.streaming.snapshots"),
        without=_STARTED,
    ),
    Run("snapshots", (*_FAUST, *_STORE, "ckm_stream.publishing")),
    Run(
        "texts",
        (*_STORE, *_ANALYSTS, "ckm_stream.publishing", "ckm_stream.streaming.profiles"),
        needs=("faust", "kafka", "vader", "ckm_stream.streaming.texts"),
        without=_STARTED,
    ),
    Run("texts", (*_FAUST, *_STORE, "ckm_stream.publishing")),
    Run(
        "serve",
        ("faust", "mode", "alembic", "psycopg", "numpy", "ckm_stream.streaming"),
        needs=("aiokafka", "fastapi", "sqlalchemy", "ckm_stream.gateway.app"),
        without=_SERVED,
    ),
    Run("serve", (*_FAUST, *_STORE, *_HTTP, "ckm_stream.publishing")),  # which finds no broker
    Run("evaluate --help", (*_WORKERS, *_STORE, *_KAFKA, *_LIBRARIES, *_NUMBERS)),
    Run(
        "evaluate purchases /dev/null --calibration-end 2024-12-31",
        (*_WORKERS, *_STORE, *_KAFKA, "fastavro", "matplotlib", "pydantic_settings", "yaml"),
        needs=("ckm_stream.evidence.evaluation", "numpy", "scipy"),
    ),
    Run(
        "evaluate sources --customers 100 --populations 2 --events-per-customer 5",
        (*_WORKERS, *_STORE, *_KAFKA, "fastavro", "matplotlib"),
        needs=("ckm_stream.evidence.sources.evaluation", "ckm_stream.simulation", "numpy"),
    ),
    Run("health", (*_WORKERS, *_STORE, *_KAFKA)),
    Run("check", (*_FAUST, "alembic", "psycopg", "ckm_stream.publishing")),
    Run("migrate", (*_WORKERS, *_KAFKA, "psycopg", "rich"), needs=("alembic",)),
    Run("rebuild --yes", (*_WORKERS, *_KAFKA, "alembic", "psycopg", "rich")),
    Run("publish /dev/null --dry-run", (*_WORKERS, *_STORE)),
    Run("simulate", (*_WORKERS, *_STORE)),
    Run("top", (*_WORKERS, *_KAFKA, "alembic", "psycopg")),
    Run("top --json", (*_WORKERS, *_KAFKA, "alembic", "psycopg", "rich")),
    Run("show nobody", (*_WORKERS, *_KAFKA, "alembic", "psycopg", "rich")),
    Run("explain nobody", (*_WORKERS, *_KAFKA, "alembic", "psycopg", "rich")),
    Run("deadletters list", (*_WORKERS, *_STORE)),
    Run("deadletters show 0:0", (*_WORKERS, *_STORE)),
    Run("deadletters replay", (*_WORKERS, *_STORE)),
    Run("epoch fit", (*_WORKERS, "alembic", "psycopg")),
    Run("epoch show", (*_WORKERS, "alembic", "psycopg")),
    Run("epoch activate 1", (*_WORKERS, "alembic", "psycopg")),
    Run("topics plan", (*_WORKERS, *_STORE, "ckm_stream.publishing")),
    Run("topics apply", (*_WORKERS, *_STORE, "ckm_stream.publishing")),
    Run("schemas check", (*_WORKERS, *_STORE, *_KAFKA, "pydantic_settings")),
    Run("schemas register", (*_WORKERS, *_STORE, *_KAFKA)),
    Run("tokens create --name a --scope read", (*_WORKERS, *_KAFKA, "alembic", "psycopg", "rich")),
    Run("tokens list", (*_WORKERS, *_KAFKA, "alembic", "psycopg")),
    Run("tokens revoke a", (*_WORKERS, *_KAFKA, "alembic", "psycopg", "rich")),
    Run("text read /dev/null", (*_WORKERS, *_STORE, *_KAFKA, *_ANALYSTS), needs=("vader",)),
    Run("text discover /dev/null", (*_WORKERS, *_STORE, *_KAFKA, *_ANALYSTS)),
    Run("text retrain /dev/null -o /dev/null", (*_WORKERS, *_STORE, *_KAFKA, *_ANALYSTS)),
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give an environment with a migrated SQLite store and a broker that is not there."""
    url = f"sqlite:///{tmp_path_factory.mktemp('imports')}/ckm.db"
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CKM__")}
    return clean | {
        "CKM__STORE__URL": url,
        "CKM__KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "CKM__START_PATIENCE_S": "0",
        "CKM__METRICS__PROFILE_PORT": "0",
        "CKM__METRICS__SNAPSHOT_PORT": "0",
        "CKM__METRICS__TEXT_PORT": "0",
        "CKM__METRICS__GATEWAY_PORT": "0",
    }


def loaded_by(run: Run, environment: dict[str, str], folder: Path) -> set[str]:
    """Run a command line in a process of its own; return the modules that it has loaded."""
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *run.without, "--", *run.arguments.split()],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return set(ended.stdout.rpartition("LOADED ")[2].split())


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.arguments)
def test_a_verb_loads_nothing_that_only_others_need(
    run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    """Whoever waits for it waits for its own work alone."""
    loaded = loaded_by(run, environment, tmp_path)

    assert loaded.intersection(run.avoids) == set()
    assert loaded.issuperset(run.needs)  # a control: what is loaded is seen


def test_every_verb_is_looked_at() -> None:
    """A new verb has to say what it does without."""
    verbs = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined] # it is a group

    assert verbs <= {run.arguments.split()[0] for run in RUNS}


def test_choices_on_the_command_line_are_those_of_the_module_that_is_not_loaded() -> None:
    """A command line has names of its own for what it does not import, and they keep up."""
    assert [each.value for each in OrderName] == [each.value for each in Order]
    assert {each.value for each in SourceName} == set(SOURCES)
    assert [each.value for each in ScopeName] == [each.value for each in Scope]
