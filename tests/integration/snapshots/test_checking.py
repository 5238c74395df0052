"""What `ckm check` tells of the store, on both databases."""

import pytest
from sqlalchemy import Engine

from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.operations.findings import Finding, Outcome
from ckm_stream.snapshots import checking
from ckm_stream.snapshots.checking import check_store
from ckm_stream.snapshots.tables import REVISIONS
from tests.support.ports import new_port


def of(engine: Engine) -> list[Finding]:
    """Return what is found of a store."""
    return list(check_store(engine.url.render_as_string(hide_password=False)))


def test_a_migrated_store_is_well(store: Engine) -> None:
    """Its revision is told; PostgreSQL's clock is this machine's."""
    findings = of(store)

    assert {finding.outcome for finding in findings} == {Outcome.OK}
    assert f"at revision {REVISIONS[-1]}" in findings[0].detail
    has_clock = store.dialect.name == "postgresql"
    assert [finding.check for finding in findings] == ["store", *["clock"] * has_clock]


def test_a_store_that_is_not_migrated_is_wrong(store_url: str) -> None:
    """It names the command."""
    with pytest.raises(ConfigurationError, match="run `ckm migrate`"):
        list(check_store(store_url))


def test_a_server_that_is_not_there_is_away() -> None:
    """It may be started yet; the password is not told."""
    with pytest.raises(TransientError) as refused:
        list(check_store(f"postgresql://ckm:hunter2@127.0.0.1:{new_port()}/ckm"))

    assert "hunter2" not in str(refused.value)


def test_a_server_that_refuses_us_is_wrong(postgres_url: str) -> None:
    """It is there, and there is no such user."""
    with pytest.raises(ConfigurationError, match="CKM__STORE__URL"):
        list(check_store(postgres_url.replace("postgres@", "nobody@")))


def test_a_clock_that_is_not_ours_is_a_warning(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ages and lags would be wrong by as much."""
    if store.dialect.name != "postgresql":
        pytest.skip("SQLite has no clock of its own")

    monkeypatch.setattr(checking, "_skew_s", lambda _engine: 60.0)

    (clock,) = [finding for finding in of(store) if finding.check == "clock"]

    assert clock.outcome is Outcome.WARNING
    assert "60.0 s ahead of ours" in clock.detail
