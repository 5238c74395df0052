"""Stacks of what is stuck: a thread's, and what a task awaits."""

import asyncio
import threading

from ckm_stream.operations.stacks import stack_of_task, stack_of_thread


async def outer(gate: asyncio.Event) -> None:
    """Await what waits."""
    await inner(gate)


async def inner(gate: asyncio.Event) -> None:
    """Wait."""
    await gate.wait()


async def test_a_task_shows_every_coroutine_that_it_waits_in() -> None:
    """From the outermost one to the one that waits."""
    gate = asyncio.Event()
    task = asyncio.ensure_future(outer(gate))
    await asyncio.sleep(0)

    stack = stack_of_task(task)
    gate.set()
    await task

    assert 0 < stack.index("in outer") < stack.index("in inner") < stack.index("in wait")
    assert stack_of_task(task) == ""


def test_a_thread_shows_where_it_stands() -> None:
    """The innermost call last; a thread that has ended shows nothing."""
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait, args=(10,))
    thread.start()
    assert thread.ident is not None

    stack = stack_of_thread(thread.ident)
    gate.set()
    thread.join()

    assert "threading.py" in stack
    assert stack_of_thread(thread.ident) == ""
