"""Access tokens as they are kept."""

import pytest
from sqlalchemy import Engine, select

from ckm_stream.snapshots.rebuild import rebuild
from ckm_stream.snapshots.tables import ACCESS_TOKEN
from ckm_stream.snapshots.tokens import Scope, StoredToken, TokenStore, hash_of, split_token

NOW_S = 1_790_000_000.5


def test_what_is_kept_of_a_token_is_its_hash(store: Engine) -> None:
    """The secret is told once; no column of the table has it."""
    tokens = TokenStore(store)
    token, stored = tokens.create("desk", [Scope.READ], now_s=NOW_S, expires_s=NOW_S + 60)
    parts = split_token(token)
    with store.connect() as connection:
        row = connection.execute(select(ACCESS_TOKEN)).one()

    assert parts is not None
    assert parts[0] == stored.token_id
    assert stored.secret_hash == hash_of(parts[1])
    assert parts[1] not in repr(tuple(row))
    assert tokens.all() == {stored.token_id: stored}


def test_no_two_tokens_are_alike(store: Engine) -> None:
    """Ids and secrets are drawn."""
    tokens = TokenStore(store)
    made = [tokens.create("a", [Scope.READ], now_s=NOW_S, expires_s=None)[0] for _ in range(20)]

    assert len({part for token in made for part in token.split("_")[1:]}) == 40


def test_a_revoked_token_stays_revoked_as_it_was_first(store: Engine) -> None:
    """Its row stays, with the instant of the first revocation; one that is not there is told."""
    tokens = TokenStore(store)
    _, stored = tokens.create("a", [Scope.ADMIN], now_s=NOW_S, expires_s=None)

    assert tokens.revoke(stored.token_id, now_s=NOW_S + 1)
    assert tokens.revoke(stored.token_id, now_s=NOW_S + 9)
    assert not tokens.revoke("0" * 12, now_s=NOW_S)
    assert tokens.all()[stored.token_id].revoked_at == int((NOW_S + 1) * 1_000_000)


def test_a_rebuild_leaves_tokens_alone(store: Engine) -> None:
    """They come from no topic."""
    tokens = TokenStore(store)
    tokens.create("a", [Scope.READ], now_s=NOW_S, expires_s=None)

    rebuild(store)

    assert len(tokens.all()) == 1


@pytest.mark.parametrize(
    ("scopes", "wanted", "may"),
    [
        ((Scope.READ,), Scope.READ, True),
        ((Scope.READ,), Scope.PUBLISH, False),
        ((Scope.ADMIN,), Scope.PUBLISH, True),
        ((Scope.PUBLISH, Scope.READ), Scope.ADMIN, False),
    ],
)
def test_scopes_are_what_they_say(scopes: tuple[Scope, ...], wanted: Scope, *, may: bool) -> None:
    """And admin is all of them."""
    assert token_of(scopes=scopes).may(wanted) is may


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "is_valid"),
    [
        (None, None, True),
        (int((NOW_S + 1) * 1e6), None, True),
        (int(NOW_S * 1e6), None, False),
        (None, 1, False),
    ],
)
def test_a_token_is_in_force_until_it_expires_or_is_revoked(
    expires_at: int | None, revoked_at: int | None, *, is_valid: bool
) -> None:
    """The instant of its end is not part of it."""
    token = token_of(expires_at=expires_at, revoked_at=revoked_at)

    assert token.is_valid(NOW_S) is is_valid


@pytest.mark.parametrize(
    "token",
    ["", "ckm", "ckm__", "ckm_abc_def", f"ckm_{'0' * 12}_{'g' * 64}", f"x_{'0' * 12}_{'0' * 64}"],
)
def test_what_does_not_look_like_a_token_is_none(token: str) -> None:
    """It is not looked for in the store."""
    assert split_token(token) is None


def token_of(
    *,
    scopes: tuple[Scope, ...] = (Scope.READ,),
    expires_at: int | None = None,
    revoked_at: int | None = None,
) -> StoredToken:
    """Return a stored token."""
    return StoredToken(
        token_id="0" * 12,
        name="a",
        secret_hash="",
        scopes=scopes,
        created_at=0,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )
