"""The hard end: one line, the documented exit code, and nothing runs after it."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, NodeNotReadyError
from structlog.testing import capture_logs

from ckm_stream.errors import (
    ConfigurationError,
    FencedError,
    InvariantError,
    StuckError,
    TransientError,
)
from ckm_stream.streaming import ending
from ckm_stream.streaming.ending import end_process, fatal


class Ended(BaseException):
    """Stands in for the end of the process."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@pytest.fixture(autouse=True)
def _no_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr("os._exit", leave)


@pytest.mark.parametrize(
    ("error", "code", "shows_traceback"),
    [
        (ConfigurationError("topic is missing"), 2, False),
        (FencedError("another owner"), 4, False),
        (TransientError("broker is away"), 75, False),
        (InvariantError("cannot be"), 70, True),
        (ValueError("unforeseen"), 70, True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_process_ends_with_one_line(
    error: Exception, code: int, *, shows_traceback: bool
) -> None:
    """A traceback is for our own defects alone."""
    with capture_logs() as logs, pytest.raises(Ended) as ended:
        end_process(error)

    assert ended.value.code == code
    (line,) = logs
    assert (line["event"], line["reason"]) == ("worker.ends", str(error))
    assert (line["exc_info"] is error) is shows_traceback


@pytest.mark.parametrize(
    "error", [KafkaConnectionError("no broker"), KafkaTimeoutError(), NodeNotReadyError("3")]
)
def test_trouble_with_kafka_that_nobody_has_named_is_transient(error: KafkaError) -> None:
    """Such as a broker that dies while partitions are taken over: no defect of ours."""
    with capture_logs() as logs, pytest.raises(Ended) as ended:
        end_process(error)

    assert ended.value.code == TransientError.exit_code
    assert logs[0]["exc_info"] is None
    assert f"({type(error).__name__}" in logs[0]["reason"]


def test_what_is_to_be_noted_is_noted_before_the_process_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing runs after the exit, and no metric is scraped once more."""
    noted: list[BaseException] = []
    monkeypatch.setattr(ending, "_notes", [])
    ending.at_end(noted.append)
    fence = FencedError("another owner")

    with pytest.raises(Ended):
        end_process(fence)

    assert noted == [fence]


def test_an_error_in_an_agent_ends_the_process() -> None:
    """Faust would restart the agent behind the message that it raised on."""
    with pytest.raises(Ended) as ended, fatal():
        raise InvariantError("cannot be")

    assert ended.value.code == 70


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit])
def test_a_cancelled_agent_is_only_cancelled(error: type[BaseException]) -> None:
    """So agents are stopped at the end of an orderly shutdown."""
    with pytest.raises(error), fatal():
        raise error


def test_without_an_error_nothing_happens() -> None:
    """The frame is transparent."""
    done: list[Any] = []

    with fatal():
        done.append(1)

    assert done == [1]


def test_a_stuck_worker_tells_where_it_stands() -> None:
    """A stack in the line itself, not a traceback: nothing was raised."""
    with capture_logs() as logs, pytest.raises(Ended) as ended:
        end_process(StuckError("the loop does not run", where="the stack"))

    (line,) = logs
    assert ended.value.code == 6
    assert (line["where"], line["exc_info"]) == ("the stack", None)
