"""Where a thread or a task stands, for the log line of a worker that is stuck."""

import asyncio
import sys
import traceback
from types import FrameType
from typing import Any


def stack_of_thread(thread_id: int) -> str:
    """Return the stack of a running thread, the outermost call first; empty if it has ended."""
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 -- the documented way to another thread's stack
    return "" if frame is None else "".join(traceback.format_stack(frame))


def stack_of_task(task: asyncio.Task[Any]) -> str:
    """
    Return what a suspended task awaits, the outermost coroutine first.

    ``Task.get_stack`` shows the outermost one alone.
    """
    lines, awaited = [], task.get_coro()
    while (frame := _frame_of(awaited)) is not None:
        lines.extend(traceback.format_stack(frame, limit=1))
        awaited = _next_of(awaited)
    return "".join(lines)


def _frame_of(awaited: Any) -> FrameType | None:  # noqa: ANN401 -- whatever can be awaited
    for name in ("cr_frame", "gi_frame", "ag_frame"):
        frame = getattr(awaited, name, None)
        if isinstance(frame, FrameType):
            return frame
    return None


def _next_of(awaited: Any) -> Any:  # noqa: ANN401 -- likewise
    for name in ("cr_await", "gi_yieldfrom", "ag_await"):
        if hasattr(awaited, name):
            return getattr(awaited, name)
    return None
