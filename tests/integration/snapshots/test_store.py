"""Opening, migrating and checking a store: one sentence for whoever set it up wrong."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.snapshots.store import check_migrated, migrate, open_engine


def test_migrated_store_is_accepted(store_url: str) -> None:
    """A store that was migrated, once or twice, passes the check."""
    engine = open_engine(store_url)

    migrate(engine)
    migrate(engine)

    check_migrated(engine)
    engine.dispose()


def test_workers_may_migrate_at_the_same_time(store_url: str) -> None:
    """Of several migrations at once one does the work, the others find it done."""
    engines = [open_engine(store_url) for _ in range(8)]

    with ThreadPoolExecutor(len(engines)) as pool:
        list(pool.map(migrate, engines))

    for engine in engines:
        check_migrated(engine)
        engine.dispose()


def test_empty_database_names_the_remedy(store_url: str) -> None:
    """A database without tables is refused with the command that makes them."""
    engine = open_engine(store_url)
    path = engine.url.database or ""
    if engine.dialect.name == "sqlite":
        Path(path).parent.mkdir()
        Path(path).touch()

    with pytest.raises(ConfigurationError, match=r"this version needs 0006; run `ckm migrate`$"):
        check_migrated(engine)

    engine.dispose()


def test_store_of_a_newer_version_is_refused(store_url: str) -> None:
    """A revision that this version does not know is not migrated back or written to."""
    engine = open_engine(store_url)
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("DROP VIEW compatibility"))

    with pytest.raises(ConfigurationError, match="revision 9999, which this version does not know"):
        check_migrated(engine)

    engine.dispose()


def test_missing_sqlite_file_is_named_and_not_created(tmp_path: Path) -> None:
    """Reading a store that is not there says so and leaves the disk as it was."""
    engine = open_engine(f"sqlite:///{tmp_path}/none/ckm.db")

    with pytest.raises(ConfigurationError, match=r"none/ckm\.db does not exist; run `ckm migrate`"):
        check_migrated(engine)

    assert not (tmp_path / "none").exists()


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file with other content is named, and is not overwritten."""
    (tmp_path / "ckm.db").write_text("not a database, and longer than one hundred bytes " * 9)
    engine = open_engine(f"sqlite:///{tmp_path}/ckm.db")

    for use in (check_migrated, migrate):
        with pytest.raises(ConfigurationError, match=r"ckm\.db cannot be used"):
            use(engine)

    engine.dispose()


def test_unreachable_server_is_named_without_its_password() -> None:
    """Nobody listening is one sentence with host and remedy, and without the secret."""
    engine = open_engine("postgresql://ckm:s3cret@127.0.0.1:1/ckm?application_name=s3cret")

    with pytest.raises(TransientError) as caught:
        check_migrated(engine)

    message = str(caught.value)
    assert message.startswith("database postgresql://127.0.0.1:1/ckm cannot be used (")
    assert message.endswith("; start it, or point CKM__STORE__URL elsewhere")
    assert "s3cret" not in message
    assert "\n" not in message


@pytest.mark.parametrize("url", ["", "nonsense", "postgresql://ckm:s3cret@[::1/ckm", "mysql://h/d"])
def test_unusable_url_names_the_setting(url: str) -> None:
    """A URL that is none, or of another database, is refused without being repeated."""
    with pytest.raises(ConfigurationError, match="CKM__STORE__URL") as caught:
        open_engine(url)

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["postgres", "postgresql", "postgresql+psycopg"])
def test_usual_spellings_of_postgresql_are_understood(prefix: str) -> None:
    """A URL as hosting providers give it works without naming the driver."""
    engine = open_engine(f"{prefix}://localhost/ckm")

    assert engine.url.drivername == "postgresql+psycopg"


def test_unwritable_folder_is_refused(tmp_path: Path) -> None:
    """A SQLite file below something that is not a folder is a setting that is wrong."""
    (tmp_path / "file").touch(mode=stat.S_IRUSR)
    engine = open_engine(f"sqlite:///{tmp_path}/file/ckm.db")

    with pytest.raises(ConfigurationError, match=r"file for the database cannot be made"):
        migrate(engine)
