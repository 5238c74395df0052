"""
The outermost frame of a worker: what ends the process when something cannot go on.

The exit is hard on purpose (promise P5): a worker that failed between two steps must not run
another line of a protocol, and Faust's orderly shutdown may wait for ever for an unfinished
message. What was not committed is replayed by the successor.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from ckm_stream.errors import CkmStreamError, InvariantError, StuckError, TransientError
from ckm_stream.streaming.rights import lost_right

log = structlog.get_logger(__name__)
_notes: Final[list[Callable[[BaseException], None]]] = []


def at_end(note: Callable[[BaseException], None]) -> None:
    """Call *note* with the error that ends this process, before it does; it must not raise."""
    _notes.append(note)


@contextmanager
def fatal() -> Iterator[None]:
    """
    End the process on any error inside; for the bodies of agents and tasks.

    Faust would restart an agent that raised, and go on behind the message that it raised on.
    """
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 -- the outermost frame of the program
        end_process(error)


def end_process(error: BaseException) -> None:
    """Log *error* as one line, with its traceback only if it is our own defect, and exit."""
    error = lost_right(error) or _passing(error) or error
    known = isinstance(error, CkmStreamError) and not isinstance(error, InvariantError)
    for note in _notes:
        note(error)
    log.error(
        "worker.ends",
        error=type(error).__name__,
        reason=str(error),
        exc_info=None if known else error,
        **({"where": error.where} if isinstance(error, StuckError) else {}),
    )
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(error.exit_code if isinstance(error, CkmStreamError) else InvariantError.exit_code)


def _passing(error: BaseException) -> TransientError | None:
    """Return what to say of trouble with Kafka that has no better name: its successor tries."""
    if not isinstance(error, KafkaError):
        return None
    return TransientError(
        f"Kafka failed to serve a request ({type(error).__name__}: {error}); "
        "this worker leaves, its successor does the work again"
    )
