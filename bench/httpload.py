"""
Asking an HTTP server at a fixed rate, or as fast as it answers, over connections that stay open.

At a fixed rate each request has an instant at which it is due, and its latency counts from there,
however late it is sent: a stall of the server shows in all that waited (coordinated omission). The
client is a process of its own, with a parser of what it needs.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import uvloop

_START_S: Final = 0.5


class Asked(NamedTuple):
    """What came of it: latencies in seconds, answers by status, and how long it took."""

    latencies_s: list[float]
    statuses: dict[int, int]
    seconds: float

    def percentile_ms(self, share: float) -> float:
        """Return the latency that *share* of the requests did not exceed, in milliseconds."""
        ordered = sorted(self.latencies_s)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3, 2)


class Ask(NamedTuple):
    """
    Whom to ask what.

    Attributes:
        port: On the loopback address.
        requests: Whole requests; the next one is the next in turn.
        connections: That are open at once, each with one request at a time.
        rate_hz: Requests due a second; None for as fast as they are answered.
        seconds: For how long.
    """

    port: int
    requests: Sequence[bytes]
    connections: int
    rate_hz: float | None
    seconds: float


def ask(what: Ask) -> Asked:
    """Ask from a process of its own, and return what came of it."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        result: Asked = pool.apply(_ask, (what,))
    return result


def _ask(what: Ask) -> Asked:
    return uvloop.run(_Client(what).run())


class _Client:
    def __init__(self, what: Ask) -> None:
        self._what = what
        self._number = 0
        self._latencies_s: list[float] = []
        self._statuses: dict[int, int] = {}

    async def run(self) -> Asked:
        self._begin = time.perf_counter() + _START_S
        await asyncio.gather(*(self._connection() for _ in range(self._what.connections)))
        return Asked(self._latencies_s, self._statuses, time.perf_counter() - self._begin)

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._what.port)
        while (due := await self._next()) is not None:
            number, at = due
            writer.write(self._what.requests[number % len(self._what.requests)])
            status = await _answer(reader)
            self._latencies_s.append(time.perf_counter() - at)
            self._statuses[status] = self._statuses.get(status, 0) + 1
        writer.close()

    async def _next(self) -> tuple[int, float] | None:
        number = self._number
        self._number += 1
        rate = self._what.rate_hz
        at = self._begin + number / rate if rate else max(time.perf_counter(), self._begin)
        if at >= self._begin + self._what.seconds:
            return None
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        return number, at


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lowered = head.lower()
    begin = lowered.index(b"content-length:") + 15
    await reader.readexactly(int(lowered[begin : lowered.index(b"\r", begin)]))
    return status


def get(path: str, token: str) -> bytes:
    """Return a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def post(path: str, token: str, body: bytes) -> bytes:
    """Return a POST request of JSON."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
