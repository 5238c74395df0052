"""``ckm tokens`` as it is run."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ckm_stream.snapshots.store import migrate, open_engine
from ckm_stream.snapshots.tokens import Scope, TokenStore, split_token

Ckm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Give the URL of a migrated store."""
    url = f"sqlite:///{tmp_path}/ckm.db"
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    return url


@pytest.fixture
def ckm(url: str) -> Ckm:
    """Give a function that runs ``ckm tokens``."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ckm_stream", "tokens", *arguments],
            env={**os.environ, "CKM__STORE__URL": url},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_a_token_is_printed_once_and_works_for_what_it_was_made(ckm: Ckm, url: str) -> None:
    """Standard output has the token alone, so that it can be put into a file."""
    made = ckm("create", "--name", "desk", "--scope", "read", "--scope", "publish")
    token = made.stdout.strip()
    parts = split_token(token)
    listed = ckm("list", "--json")
    stored = TokenStore(open_engine(url)).all()

    assert parts is not None
    assert stored[parts[0]].scopes == (Scope.PUBLISH, Scope.READ)
    assert [each["name"] for each in json.loads(listed.stdout)] == ["desk"]
    assert parts[1] not in listed.stdout + made.stderr + ckm("list").stdout


def test_a_token_ends_when_it_was_told_to_or_never(ckm: Ckm) -> None:
    """Ninety days, unless told otherwise; 0 days is for ever."""
    ckm("create", "--name", "a", "--scope", "read")
    made = json.loads(
        ckm("create", "--name", "b", "--scope", "admin", "--expires-in-days", "0", "--json").stdout
    )
    expires = [each["expires_at"] for each in json.loads(ckm("list", "--json").stdout)]

    assert split_token(made["token"]) is not None
    assert made["expires_at"] is None
    assert expires[0] is not None
    assert expires[1] is None


def test_a_revoked_token_is_shown_as_such(ckm: Ckm) -> None:
    """And one that is not there is exit code 1 with a sentence."""
    token = ckm("create", "--name", "a", "--scope", "read").stdout.strip()
    revoked = ckm("revoke", token.split("_")[1])
    unknown = ckm("revoke", "000000000000")

    assert revoked.returncode == 0
    assert "revoked" in ckm("list").stdout
    assert unknown.returncode == 1
    assert "ckm tokens list" in unknown.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "--name", "a"),
        ("create", "--scope", "read"),
        ("create", "--name", " ", "--scope", "read"),
        ("create", "--name", "a\x1b[31m", "--scope", "read"),
        ("create", "--name", "a", "--scope", "write"),
        ("create", "--name", "a", "--scope", "read", "--expires-in-days", "-1"),
    ],
)
def test_a_token_that_cannot_be_is_refused(ckm: Ckm, arguments: tuple[str, ...]) -> None:
    """By the command line, before anything is kept."""
    ended = ckm(*arguments)

    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert json.loads(ckm("list", "--json").stdout) == []


def test_an_id_is_whole_however_narrow_the_terminal(
    ckm: Ckm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what `revoke` is given."""
    monkeypatch.setenv("COLUMNS", "50")
    ckm("create", "--name", "the shops of the whole south west", "--scope", "publish")
    (token,) = json.loads(ckm("list", "--json").stdout)

    assert token["token_id"] in ckm("list").stdout
