"""
Events in time order, however many: an external merge sort.

Simulated customers come one after another; a replay wants their events as they would have
happened. Sorted runs of bounded length go to temporary files, which are then merged: memory holds
one run, or one event per run, never all events.
"""

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import IO, Final

import msgspec

from ckm_stream.domain.events import Call, Feedback, Purchase, Ticket, TouchpointEvent

_TYPES: Final = (Call, Ticket, Purchase, Feedback)
_LENGTH_BYTES: Final = 4

# 100,000 events are about 80 MB in memory and 30 MB on disk; 20 million events make 200 files,
# well below the usual limit of 1,024 open ones.
RUN_LENGTH: Final = 100_000


def time_key(event: TouchpointEvent) -> tuple[int, str, str]:
    """Return what events are ordered by: time, then source and id, so that no tie is left."""
    return event.occurred_at, event.source, event.event_id


def in_time_order(
    events: Iterable[TouchpointEvent], *, run_length: int = RUN_LENGTH
) -> Iterator[TouchpointEvent]:
    """
    Yield all *events*, ordered by ``time_key``.

    Nothing is yielded before the last event has been read. Up to *run_length* (> 0) events are
    sorted in memory; more of them go through temporary files, which are gone when the iterator is
    exhausted or closed.
    """
    source = iter(events)
    run = sorted(islice(source, run_length), key=time_key)
    following = sorted(islice(source, run_length), key=time_key)
    if not following:
        yield from run
        return
    with ExitStack() as stack:
        runs = [_spool(run, stack)]
        while following:
            runs.append(_spool(following, stack))
            following = sorted(islice(source, run_length), key=time_key)
        yield from heapq.merge(*map(_unspool, runs), key=time_key)


def _spool(run: list[TouchpointEvent], stack: ExitStack) -> IO[bytes]:
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 -- the stack closes it
    encoder = msgspec.msgpack.Encoder()
    for event in run:
        body = encoder.encode(event)
        file.write(len(body).to_bytes(_LENGTH_BYTES, "big"))
        file.write(bytes([_TYPES.index(type(event))]))
        file.write(body)
    run.clear()
    file.seek(0)
    return file


def _unspool(file: IO[bytes]) -> Iterator[TouchpointEvent]:
    decode = _decoders()
    while head := file.read(_LENGTH_BYTES + 1):
        body = file.read(int.from_bytes(head[:_LENGTH_BYTES], "big"))
        yield decode[head[_LENGTH_BYTES]](body)


def _decoders() -> tuple[Callable[[bytes], TouchpointEvent], ...]:
    """Return the decoders in the order of ``_TYPES``."""
    decoder = msgspec.msgpack.Decoder
    return (
        decoder(Call).decode,
        decoder(Ticket).decode,
        decoder(Purchase).decode,
        decoder(Feedback).decode,
    )
