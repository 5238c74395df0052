"""
The watchdog: a thread that ends a worker which is stuck (promise P18).

A worker whose event loop is wedged keeps its partitions for as long as its consumer's thread sends
heartbeats, and one that polls and commits nothing keeps them for ever. Ended hard, it is replaced:
what was not committed is replayed (promise P5).
"""

import os
import threading
from typing import Final

from ckm_stream.errors import StuckError
from ckm_stream.operations.health import Health
from ckm_stream.operations.vitals import TICK_S
from ckm_stream.streaming.ending import end_process, fatal

# What is stuck may be the log's pipe, and would then keep the watchdog too.
_LAST_WORDS_S: Final = 2.0


def start_watchdog(health: Health) -> None:
    """Look at *health* twice a second until the process ends, or has to be ended."""
    threading.Thread(target=_watch, args=(health,), name="ckm-watchdog", daemon=True).start()


def _watch(health: Health) -> None:
    pace = threading.Event()  # never set: it waits without the drift of an interrupted sleep
    with fatal():
        while (error := health.stuck()) is None:
            pace.wait(TICK_S)
            health.tick()
        end_stuck(error)


def end_stuck(error: StuckError) -> None:
    """End the process with one log line about *error*, or without it if nobody takes the line."""
    speaker = threading.Thread(target=end_process, args=(error,), daemon=True)
    speaker.start()
    speaker.join(_LAST_WORDS_S)
    os._exit(error.exit_code)
