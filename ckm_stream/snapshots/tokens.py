"""
Access tokens of the HTTP gateway, as they are kept: a hash, scopes, an end; never the secret.

They are in the store because all gateways share it; no topic has them, and ``ckm rebuild`` leaves
them alone.
"""

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from sqlalchemy import Engine, insert, select, update

from ckm_stream.snapshots.columns import to_datetime
from ckm_stream.snapshots.errors import store_errors
from ckm_stream.snapshots.store import for_writing
from ckm_stream.snapshots.tables import ACCESS_TOKEN

_PREFIX: Final = "ckm"
_ID_BYTES: Final = 6
_SECRET_BYTES: Final = 32
# An underscore parts the token's three parts, so it is none of its characters.
_FORM: Final = re.compile(r"ckm_([0-9a-f]{12})_([0-9a-f]{64})")
_MICROS: Final = 1_000_000


class Scope(StrEnum):
    """What a token may be used for; ``admin`` is all of it, and tokens."""

    PUBLISH = "publish"
    READ = "read"
    ADMIN = "admin"


class StoredToken(msgspec.Struct, frozen=True, kw_only=True):
    """
    A token without its secret; instants in Unix microseconds.

    ``secret_hash`` is the secret's SHA-256 in hexadecimal.
    """

    token_id: str
    name: str
    secret_hash: str
    scopes: tuple[Scope, ...]
    created_at: int
    expires_at: int | None
    revoked_at: int | None

    def told(self) -> "TokenView":
        """Return what may be told of it."""
        return TokenView(
            token_id=self.token_id,
            name=self.name,
            scopes=self.scopes,
            created_at=to_datetime(self.created_at),
            expires_at=None if self.expires_at is None else to_datetime(self.expires_at),
            revoked_at=None if self.revoked_at is None else to_datetime(self.revoked_at),
        )

    def may(self, scope: Scope) -> bool:
        """Tell whether it is good for *scope*."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def is_valid(self, now_s: float) -> bool:
        """Tell whether it is in force at a Unix second."""
        is_over = self.expires_at is not None and self.expires_at <= now_s * _MICROS
        return self.revoked_at is None and not is_over


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is shown: without the hash of its secret; times are UTC."""

    token_id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def hash_of(secret: str) -> str:
    """Return the SHA-256 of a token's secret in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def split_token(token: str) -> tuple[str, str] | None:
    """Return id and secret of a token; None if it does not have a token's form."""
    form = _FORM.fullmatch(token)
    return None if form is None else (form[1], form[2])


class TokenStore:
    """The table of tokens; rows are never deleted, so that a revoked one can be named."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self, name: str, scopes: Collection[Scope], *, now_s: float, expires_s: float | None
    ) -> tuple[str, StoredToken]:
        """
        Make a token; return it, which nobody can again, and what is kept of it.

        Args:
            name: Whose it is; for people.
            scopes: At least one.
            now_s: Unix seconds.
            expires_s: Until when it is in force, Unix seconds; None for always.

        Raises:
            TransientError: If the database is unavailable for now.
        """
        token_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES)
        stored = StoredToken(
            token_id=token_id,
            name=name,
            secret_hash=hash_of(secret),
            scopes=tuple(sorted(set(scopes))),
            created_at=int(now_s * _MICROS),
            expires_at=None if expires_s is None else int(expires_s * _MICROS),
            revoked_at=None,
        )
        row = {**msgspec.structs.asdict(stored), "scopes": list(stored.scopes)}
        with store_errors(self._engine.url), for_writing(self._engine).begin() as connection:
            connection.execute(insert(ACCESS_TOKEN), row)
        return f"{_PREFIX}_{token_id}_{secret}", stored

    def revoke(self, token_id: str, *, now_s: float) -> bool:
        """
        End a token; False if there is none of that id. One that is revoked stays as it is.

        Raises:
            TransientError: If the database is unavailable for now.
        """
        same = ACCESS_TOKEN.c.token_id == token_id
        with store_errors(self._engine.url), for_writing(self._engine).begin() as connection:
            known = connection.execute(select(ACCESS_TOKEN.c.token_id).where(same)).first()
            connection.execute(
                update(ACCESS_TOKEN)
                .where(same, ACCESS_TOKEN.c.revoked_at.is_(None))
                .values(revoked_at=int(now_s * _MICROS))
            )
        return known is not None

    def all(self) -> dict[str, StoredToken]:
        """
        Return all tokens by their ids, oldest first.

        Raises:
            TransientError: If the database is unavailable for now.
        """
        query = select(ACCESS_TOKEN).order_by(ACCESS_TOKEN.c.created_at, ACCESS_TOKEN.c.token_id)
        with store_errors(self._engine.url), self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        fields = ({str(name): value for name, value in row.items()} for row in rows)
        return {each["token_id"]: msgspec.convert(each, StoredToken) for each in fields}
