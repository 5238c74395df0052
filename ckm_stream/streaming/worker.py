"""Running a Faust app as a program: event loop, signals, logging left to ours, a hard end."""

import asyncio
import gc
import logging
from typing import Any

import faust
import uvloop
from mode import Service

from ckm_stream.operations.health import Health, Phase
from ckm_stream.streaming.ending import end_process
from ckm_stream.streaming.lag import is_reassigning
from ckm_stream.streaming.memory import return_large_buffers
from ckm_stream.streaming.watchdog import start_watchdog

_ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000
_COLLECTION_INTERVAL_S = 30.0


class CrashOnlyApp(faust.App):
    """A Faust app in which an unexpected error ends the process instead of restarting a part."""

    #: Whether messages are acknowledged to Faust; if not, the offsets are kept by something else.
    acknowledges = True

    def __init__(self, *, health: Health, **settings: Any) -> None:
        super().__init__(**settings)
        self.health = health

    async def on_first_start(self) -> None:
        """Called in the event loop before anything else is started."""
        self.health.feel("main_loop", asyncio.get_running_loop())
        start_watchdog(self.health)
        await super().on_first_start()

    async def stop(self) -> None:
        """Not ready before anything is drained (promise P2), then stop as Faust does."""
        self.health.enter(Phase.STOPPING)
        await super().stop()

    @Service.timer(_COLLECTION_INTERVAL_S)
    async def collect_garbage(self) -> None:
        """Free what is left in cycles: few objects, but with buffers of megabytes."""
        gc.collect()

    def on_rebalance_start(self) -> None:
        """Called, in the consumer's thread, before the partitions are given up."""
        self.health.enter(Phase.REBALANCING)
        super().on_rebalance_start()

    def on_rebalance_end(self) -> None:
        """Called when the tables are recovered and the positions set."""
        super().on_rebalance_end()
        # The end of one rebalance may come after the beginning of the next, which has its own.
        if not is_reassigning(self.consumer):
            self.health.enter(Phase.RUNNING)

    def _crash(self, reason: BaseException) -> None:
        """Called with any part's crash. End here, hard: the successor replays (promise P5)."""
        end_process(reason)

    def _create_directories(self) -> None:
        """Make none: no state is kept in files, and the data folder may not be there yet."""


class _Worker(faust.Worker):
    def _setup_logging(self) -> None:
        """The program has set up logging before it got here."""

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        """No spinner: output is for machines, or belongs to the caller."""


def _rest_garbage_collector() -> None:
    """
    Look for cycles by the clock: a slice makes thousands of objects, all of them freed without it.

    With the stock threshold of 700 the search takes a tenth of the worker's time. By the number of
    objects alone it would hardly ever be made: the clients of a rebalance are some 700 objects, but
    with buffers. A worker grew by 500 MB in half an hour, these and unreturned pages together.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)


def run_worker(app: CrashOnlyApp) -> None:
    """
    Run *app* until SIGTERM or SIGINT, then return.

    Raises:
        SystemExit: Raised by Faust at the end, with code 0 after an orderly stop.
    """
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    options: dict[str, Any] = {"quiet": True, "redirect_stdouts": False, "loop": loop}
    worker = _Worker(app, **options)
    worker.spinner = None  # it would write escape sequences into a log
    return_large_buffers()
    _rest_garbage_collector()
    worker.execute_from_commandline()
