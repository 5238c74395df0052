"""Everything is looked at, within a bounded time, and an error of ours is a finding."""

import threading
import time
from collections.abc import Iterator

import pytest

from ckm_stream.errors import ConfigurationError, InvariantError, TransientError
from ckm_stream.operations.findings import (
    Finding,
    Outcome,
    exit_code_of,
    failed,
    gather,
    look_at,
    ok,
    warning,
)

AWAY = Finding("x", Outcome.UNREACHABLE, "away")
SKIPPED = Finding("x", Outcome.SKIPPED, "needs the broker")


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 0),
        ([ok("x", ""), warning("x", ""), SKIPPED], 0),
        ([ok("x", ""), AWAY, SKIPPED], 75),
        ([AWAY, failed("x", "")], 2),
    ],
)
def test_the_exit_code_says_whether_to_change_something_or_to_wait(
    findings: list[Finding], code: int
) -> None:
    """What is wrong does not pass, so it goes before what is away."""
    assert exit_code_of(findings) == code


def test_an_error_of_ours_is_the_last_finding() -> None:
    """What was found before it stays."""

    def look() -> Iterator[Finding]:
        yield ok("topics", "two are there")
        raise ConfigurationError("the third is missing")

    assert look_at("topics", look) == [
        ok("topics", "two are there"),
        failed("topics", "the third is missing"),
    ]


def test_what_is_away_is_told_from_what_is_wrong() -> None:
    """It may be there when it is looked at again."""

    def look() -> list[Finding]:
        raise TransientError("the broker is away")

    assert [finding.outcome for finding in look_at("broker", look)] == [Outcome.UNREACHABLE]


def test_what_does_not_answer_keeps_nobody_waiting() -> None:
    """The others are told in their order, and the silent one is a finding."""
    never = threading.Event()
    started = time.monotonic()

    def hang() -> Iterator[Finding]:
        never.wait(30)
        yield ok("first", "at last")

    found = list(gather({"first": hang, "second": lambda: [ok("second", "there")]}, patience_s=0.2))
    never.set()

    assert [(each.check, each.outcome) for each in found] == [
        ("first", Outcome.UNREACHABLE),
        ("second", Outcome.OK),
    ]
    assert time.monotonic() - started < 10


def test_a_defect_is_not_disguised_as_a_finding() -> None:
    """It ends the command as any defect does."""

    def look() -> list[Finding]:
        raise InvariantError("cannot be")

    with pytest.raises(InvariantError):
        list(gather({"core": look}, patience_s=10))
