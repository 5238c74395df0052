"""
The outermost frame of a worker: what ends the process when something cannot go on.

The exit is hard on purpose (promise P5): a worker that failed between two steps must not run
another line of a protocol, and Faust's orderly shutdown may wait for ever for an unfinished
message. What was not committed is replayed by the successor.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from ckm_stream.errors import CkmStreamError, FencedError, InvariantError
from ckm_stream.operations.metrics import WorkerMetrics

log = structlog.get_logger(__name__)


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


def end_process(error: BaseException, metrics: WorkerMetrics | None = None) -> None:
    """Log *error* as one line, with its traceback only if it is our own defect, and exit."""
    known = isinstance(error, CkmStreamError) and not isinstance(error, InvariantError)
    if isinstance(error, FencedError) and metrics is not None:
        metrics.fenced.inc()
    log.error(
        "worker.ends",
        error=type(error).__name__,
        reason=str(error),
        exc_info=None if known else error,
    )
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(error.exit_code if isinstance(error, CkmStreamError) else InvariantError.exit_code)
