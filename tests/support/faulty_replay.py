"""
``ckm`` with something wrong in its replay, for tests: ``python -m tests.support.faulty_replay``.

The arguments are a fault and a command line. ``sent`` kills the process when its second chunk is
sent and its progress is not; ``done`` kills it when both are; ``forgetful`` keeps no progress.
"""

import os
import signal
import sys
from typing import Any, Final

from ckm_stream.cli.main import main
from ckm_stream.operations.deadletters import DeadLetters
from ckm_stream.operations.putback import PutBack
from ckm_stream.publishing import replay

_OUTBOXES: Final[tuple[Any, ...]] = (replay._Transactions, replay._Acknowledged)
_CHUNK: Final = 2


def die_at_chunk(owner: Any, name: str) -> None:
    """Kill this process after the second call of a method."""
    step, calls = getattr(owner, name), []

    def wrapped(self: Any, *args: Any) -> Any:
        made = step(self, *args)
        calls.append(name)
        if len(calls) == _CHUNK:
            os.kill(os.getpid(), signal.SIGKILL)
        return made

    setattr(owner, name, wrapped)


def main_with(fault: str) -> None:
    """Put *fault* into the replay and run the command line."""
    if fault == "sent":
        die_at_chunk(replay._Sender, "send")
    elif fault == "done":
        for outbox in _OUTBOXES:
            die_at_chunk(outbox, "put")
    else:
        assert fault == "forgetful"
        DeadLetters.put_back = lambda *_: PutBack()  # type: ignore[method-assign] # that is the fault
    main()


if __name__ == "__main__":
    main_with(sys.argv.pop(1))
