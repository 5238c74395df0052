"""Migrations say what ``tables`` says, and make the views (promise P15); see test_upgrading.py."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from ckm_stream.domain.score import SourceClass
from ckm_stream.snapshots.tables import METADATA, REVISIONS
from ckm_stream.snapshots.upgrading import migrations
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.store_rows import (
    PROFILES,
    batch_of,
    employee_of,
    item_of,
    profile_of,
    update_of,
)

_CUSTOMERS = 1_100


def fill(engine: Engine) -> None:
    """Write rows into every table."""
    writer = SnapshotWriter(engine)
    writer.positions([(PROFILES, 0)])
    writer.write(
        batch_of(
            0,
            _CUSTOMERS,
            profiles=[profile_of(f"c-{number}", offset=number) for number in range(_CUSTOMERS)],
            scores=[update_of(f"c-{number}", 1) for number in range(_CUSTOMERS)],
            items=[item_of(f"i-{number}") for number in range(_CUSTOMERS)],
            employees=[employee_of("e-1", offset=1)],
        )
    )


def test_migrations_and_metadata_agree(store: Engine) -> None:
    """What Alembic would still have to do after the last migration is nothing."""
    with store.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )

        assert compare_metadata(context, METADATA) == []


def test_drift_is_noticed(store: Engine) -> None:
    """Control: a table that was changed by hand is a difference."""
    with store.begin() as connection:
        connection.execute(text("DROP INDEX ix_current_score_total"))
        connection.execute(text("ALTER TABLE score ADD COLUMN extra INTEGER"))

    with store.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)

    assert len(differences) == 2


def test_views_rank_key_sources_and_count_classes(store: Engine) -> None:
    """Analysts find the ranking and the class sizes ready-made; equal totals share a place."""
    fill(store)
    totals = {"k-1": 0.5, "k-2": 0.75, "k-3": 0.5, "k-4": 0.25}
    keys = [
        update_of(customer_id, 1, total=total, source_class=SourceClass.KEY_SOURCE)
        for customer_id, total in totals.items()
    ]
    SnapshotWriter(store).write(batch_of(_CUSTOMERS, _CUSTOMERS + 4, scores=keys))

    with store.connect() as connection:
        sizes = connection.execute(text("SELECT source_class, customers FROM class_size"))
        ranking = connection.execute(text("SELECT place, customer_id FROM key_source"))

        assert {tuple(row) for row in sizes} == {("ordinary", _CUSTOMERS), ("key_source", 4)}
        assert sorted(tuple(row) for row in ranking) == [
            (1, "k-2"),
            (2, "k-1"),
            (2, "k-3"),
            (4, "k-4"),
        ]


def test_the_revisions_named_are_those_of_the_scripts(store: Engine) -> None:
    """A store is checked without Alembic, against a list that must not fall behind its scripts."""
    with store.connect() as connection:
        scripts = ScriptDirectory.from_config(migrations(connection))

    newest_first = [script.revision for script in scripts.walk_revisions()]

    assert list(reversed(newest_first)) == list(REVISIONS)
