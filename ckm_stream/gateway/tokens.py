"""
Who is asking: bearer tokens, kept as hashes, compared in constant time.

A token is ``ckm_<id>_<secret>``. The secret has 256 bits of chance, so one round of SHA-256 is
enough: there is nothing to guess. All tokens are held in memory and read again every few seconds,
so that a database that is away keeps nobody from publishing.
"""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

import structlog
from starlette.requests import Request

from ckm_stream.gateway.problems import Problem, unavailable
from ckm_stream.gateway.rates import RateLimit
from ckm_stream.snapshots.tokens import Scope, StoredToken, hash_of, split_token

log = structlog.get_logger(__name__)

_REALM: Final = {"WWW-Authenticate": 'Bearer realm="ckm"'}
#: Seconds between two looks at the store, and at the least between two for unknown tokens.
REFRESH_S: Final = 5.0
_SOONEST_S: Final = 0.25


class Tokens:
    """
    The tokens as the store had them last.

    Args:
        read: Reads all tokens; in a thread of its own.
        now_s: Unix seconds.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Mapping[str, StoredToken]]],
        *,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._read = read
        self._now_s = now_s
        self._known: Mapping[str, StoredToken] | None = None
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def keep_reading(self) -> None:
        """Read again and again, until cancelled."""
        while True:
            await self._refresh()
            await asyncio.sleep(REFRESH_S)

    async def find(self, presented: str) -> StoredToken | None:
        """
        Return the token that was *presented*, if it is one of ours and in force.

        Raises:
            Problem: 503 if the store has not been read since the start.
        """
        parts = split_token(presented)
        if parts is None:
            return None
        token_id, secret = parts
        if self._known is None or token_id not in self._known:
            await self._refresh()  # it may be a new one
        if self._known is None:
            raise unavailable("tokens cannot be checked: the store is unavailable for now")
        token = self._known.get(token_id)
        expected = "" if token is None else token.secret_hash
        is_right = hmac.compare_digest(hash_of(secret), expected)
        return token if token is not None and is_right and token.is_valid(self._now_s()) else None

    def is_in_force(self, token: StoredToken) -> bool:
        """Tell whether *token*, which was let in, would be now, as far as the store was read."""
        known = (self._known or {}).get(token.token_id)
        return known is not None and known.is_valid(self._now_s())

    async def _refresh(self) -> None:
        """Read all tokens; those who ask at the same time share one reading."""
        asked_at = time.monotonic()
        async with self._reading:
            if self._read_at >= asked_at:
                return
            await asyncio.sleep(max(0.0, self._read_at + _SOONEST_S - time.monotonic()))
            self._read_at = time.monotonic()
            try:
                self._known = await self._read()
            except Problem:  # logged where it was raised; those that are known stay
                log.warning("gateway.tokens_not_read")


class Doorkeeper:
    """
    Lets requests in, by their token, its scope and its rate.

    Args:
        tokens: The tokens.
        rates: How many requests each may make.
        on_limited: Told of each request that was too many.
    """

    def __init__(self, tokens: Tokens, rates: RateLimit, on_limited: Callable[[], None]) -> None:
        self._tokens = tokens
        self._rates = rates
        self._on_limited = on_limited

    def is_in_force(self, token: StoredToken) -> bool:
        """Tell whether a token that was let in still would be."""
        return self._tokens.is_in_force(token)

    async def admit(self, request: Request, scope: Scope | None) -> StoredToken:
        """
        Return the token of *request*.

        Raises:
            Problem: 401 without a valid token, 403 without *scope*, 429 if it is too many, 503 if
                that cannot be told.
        """
        kind, _, presented = request.headers.get("authorization", "").partition(" ")
        token = None
        if kind.lower() == "bearer":
            token = await self._tokens.find(presented.strip())
        if token is None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "a valid token is needed, as Authorization: Bearer; `ckm tokens create` makes one",
                headers=_REALM,
            )
        if wait_s := self._rates.take(token.token_id):
            self._on_limited()
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "this token makes too many requests; send events in batches, or ask later",
                headers={"Retry-After": str(max(1, round(wait_s + 0.5)))},
            )
        if scope is not None and not token.may(scope):
            raise Problem(HTTPStatus.FORBIDDEN, f"this token lacks the scope {scope}")
        return token
