"""
The store as the gateway reads it: in threads of its own, as many as it has connections.

A read that takes too long is answered as unavailable; its thread goes on waiting, and while all of
them wait nothing else is asked of the database.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import Engine

from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.gateway.problems import Problem, unavailable
from ckm_stream.operations.vitals import Contact

log = structlog.get_logger(__name__)
T = TypeVar("T")

_MISCONFIGURED: Final = "this gateway is not set up as the store is; its log says in what"
_SENTENCE: Final = "the store is unavailable for now; try again"


class StoreReader:
    """
    Runs queries of the store.

    Args:
        engine: The store's, opened for reading.
        contact: Told of every answer and refusal.
        threads: Queries at once, as many as the engine has connections.
        timeout_s: After how long a query is given up.
    """

    def __init__(self, engine: Engine, *, contact: Contact, threads: int, timeout_s: float) -> None:
        self._engine = engine
        self._contact = contact
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ckm-store")

    async def read(self, query: Callable[..., T], *arguments: Any, **options: Any) -> T:  # noqa: ANN401 -- the query's own
        """
        Return ``query(engine, *arguments, **options)``.

        Raises:
            Problem: 503 if the database is unavailable, slow, or not as the settings say; the
                reason is in the log.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                result = await loop.run_in_executor(
                    self._threads, lambda: self._twice(query, arguments, options)
                )
        except TransientError as error:
            raise self._refused(str(error)) from None
        except ConfigurationError as error:
            log.error("gateway.misconfigured", reason=str(error))  # noqa: TRY400 -- the sentence is all
            raise unavailable(_MISCONFIGURED) from None
        except TimeoutError:
            raise self._refused(f"no answer within {self._timeout_s:g} s") from None
        self._contact.answered()
        return result

    def _twice(
        self, query: Callable[..., T], arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> T:
        # A connection that was open when the database was restarted shows in the first try, and
        # with it all others are thrown away.
        try:
            return query(self._engine, *arguments, **options)
        except TransientError:
            return query(self._engine, *arguments, **options)

    def close(self) -> None:
        """Take no more; what is under way may end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _refused(self, reason: str) -> Problem:
        self._contact.refused(reason)
        log.warning("gateway.store_unavailable", reason=reason)
        return unavailable(_SENTENCE)
