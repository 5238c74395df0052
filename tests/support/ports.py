"""Ports for servers of tests that are to listen some time later."""

import os
import random
from collections.abc import Iterator
from functools import cache
from itertools import cycle

from ckm_stream.operations.embedded import is_port_free

# Below the ports that the product chooses among, for the same purpose.
_FIRST, _EACH, _SLICES = 10_000, 600, 8


def new_port() -> int:
    """
    Return a port of the loopback address that no other test has been given.

    It may be listened on later, and again after a kill. Chosen at random among all processes, two
    tests had the same one now and then: hundreds are given, and those of programs that do not run
    look free. So each process of pytest has ports of its own, and gives each of them once.
    """
    return next(port for port in _ports() if is_port_free(port))


@cache
def _ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _FIRST + worker % _SLICES * _EACH
    return cycle(random.SystemRandom().sample(range(first, first + _EACH), _EACH))
