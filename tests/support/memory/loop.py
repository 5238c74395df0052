"""An event loop without waiting: time passes when nothing else can happen, and costs nothing."""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class _Selector(selectors.SelectSelector):
    """Never sleeps; tells *skip* how long it should have."""

    def __init__(self, skip: Callable[[float], None]) -> None:
        super().__init__()
        self._skip = skip

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready now."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise AssertionError("everything waits for something that can never happen")
            self._skip(timeout)
        return ready


class _Inline(ThreadPoolExecutor):
    """Does the work of ``asyncio.to_thread`` at once, so that its order is always the same."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call *fn*; what it raises is in the future, as if a thread had."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 -- a crash, too, is raised where it is awaited
            future.set_exception(error)
        return future


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock moves only when everything waits."""

    def __init__(self) -> None:
        self._now = 0.0
        self._kept: set[asyncio.Task[Any]] = set()
        super().__init__(_Selector(self._skip))
        self.set_default_executor(_Inline(max_workers=1))

    def time(self) -> float:
        """Return the seconds that have passed for those who wait."""
        return self._now

    def create_task(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Start a task, and keep it: those of the dead wait for ever, and nobody holds them."""
        task: asyncio.Task[Any] = super().create_task(*args, **kwargs)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)
        return task

    def cancel_all(self) -> None:
        """Cancel whatever has not ended, and let it end."""
        for task in tuple(self._kept):
            task.cancel()
        self.run_until_complete(self.settle())

    async def settle(self) -> None:
        """Let everything run that can run now; nobody's waiting time passes."""
        while self._ready:  # type: ignore[attr-defined] # noqa: ASYNC110 -- this is the loop itself
            await asyncio.sleep(0)

    def _skip(self, seconds: float) -> None:
        self._now += seconds
