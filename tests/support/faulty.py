"""
The product's programs with something wrong, for tests: ``python -m tests.support.faulty``.

The arguments are the verb (such as worker) and faults. ``POINT:ACTION:COUNT`` makes the
process kill (``dies``) or stop (``stops``) itself when it comes to a point for the COUNTth time, or
its thread wait for ever there (``blocks``); any other fault takes one mechanism away or slows a
step down. The product knows nothing of it: a fault replaces one function.
"""

import sys

from ckm_stream import cli
from tests.support.evolution import as_next_release
from tests.support.faults import gateway, missing, slow
from tests.support.faults.points import POINTS, Point

_ALL = (*missing.FAULTS, *gateway.FAULTS, *slow.FAULTS)
_FAULTS = {fault.__name__: fault for fault in (*_ALL, as_next_release)}


def main(verb: str, *faults: str) -> None:
    """Put *faults* into the product and run one of its programs."""
    for fault in faults:
        name, *rest = fault.split(":")
        if rest:
            POINTS[name](Point(*rest))
        else:
            _FAULTS[name]()
    sys.argv = ["ckm", verb]
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
