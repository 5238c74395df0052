"""Waiting for a cluster or a store that is not there yet, while a program starts."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from ckm_stream.errors import TransientError

log = structlog.get_logger(__name__)
T = TypeVar("T")

_LONGEST_PAUSE_S: Final = 5.0


def when_available(check: Callable[[], T], *, patience_s: float) -> T:
    """
    Return what *check* returns, trying again for *patience_s* seconds while that is in vain.

    So a program that is started before its cluster, or while that is away, goes on as soon as it
    can, and not when a service manager's back-off has passed.

    Raises:
        TransientError: If *check* still raises it then; any other error at once.
    """
    deadline = time.monotonic() + patience_s
    pause_s = 0.5
    while True:
        try:
            return check()
        except TransientError as error:
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            if time.monotonic() + pause_s > deadline:
                raise
            log.warning("start.waits", reason=str(error), again_in_s=pause_s)
            time.sleep(pause_s)
