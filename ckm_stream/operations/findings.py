"""
What a check finds: one finding for each thing looked at, all of them, and within a bounded time.

A check that waits for somebody outside never keeps the others waiting, and what has not answered
when the time is up is a finding too.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum

from ckm_stream.errors import ConfigurationError, TransientError


class Outcome(StrEnum):
    """How one thing is; ``skipped`` could not be looked at, because of another finding."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and a sentence about it that ends with the remedy, if any."""

    check: str
    outcome: Outcome
    detail: str


Look = Callable[[], Iterable[Finding]]


def ok(check: str, detail: str) -> Finding:
    """Find that something is as it must be."""
    return Finding(check, Outcome.OK, detail)


def warning(check: str, detail: str) -> Finding:
    """Find something that works, and that somebody should look at."""
    return Finding(check, Outcome.WARNING, detail)


def failed(check: str, detail: str) -> Finding:
    """Find something that has to be changed before anything works."""
    return Finding(check, Outcome.FAILED, detail)


def exit_code_of(findings: Iterable[Finding]) -> int:
    """Return the exit code: 2 if something is wrong, else 75 if something is away, else 0."""
    outcomes = {finding.outcome for finding in findings}
    if Outcome.FAILED in outcomes:
        return ConfigurationError.exit_code
    return TransientError.exit_code if Outcome.UNREACHABLE in outcomes else 0


def look_at(check: str, look: Look) -> list[Finding]:
    """Return what *look* finds; an error of ours is its last finding."""
    findings: list[Finding] = []
    try:
        findings.extend(look())
    except ConfigurationError as error:
        findings.append(failed(check, str(error)))
    except TransientError as error:
        findings.append(Finding(check, Outcome.UNREACHABLE, str(error)))
    return findings


def gather(looks: Mapping[str, Look], *, patience_s: float) -> Iterator[Finding]:
    """
    Look at everything at once, and yield what was found in the order of *looks*.

    Args:
        looks: A check's name, and what to call.
        patience_s: Seconds for all of them together.
    """
    deadline = time.monotonic() + patience_s
    futures = {name: _started(name, look) for name, look in looks.items()}
    for name, future in futures.items():
        try:
            yield from future.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            yield Finding(
                name,
                Outcome.UNREACHABLE,
                f"no answer within {patience_s:.0f} s; look at its address and at the network",
            )


def _started(name: str, look: Look) -> Future[list[Finding]]:
    """Look in a thread that the process does not wait for at its end, unlike an executor's."""
    future: Future[list[Finding]] = Future()

    def run() -> None:
        try:
            future.set_result(look_at(name, look))
        except BaseException as error:  # noqa: BLE001 -- raised where the result is waited for
            future.set_exception(error)

    threading.Thread(target=run, name=f"ckm-check-{name}", daemon=True).start()
    return future
