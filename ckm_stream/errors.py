"""
Every error that this package raises on purpose, as one tree.

    CkmStreamError
    ├── ConfigurationError     settings, topics, schema or migration wrong: say the remedy, exit 2
    ├── RejectedRecord         the data is wrong: dead-letter it, never retry
    ├── TransientError         the world is wrong for now: wait, then retry in place
    ├── DeadLetterLimitError   too much is wrong at once: stop before more is set aside, exit 3
    ├── FencedError            another owner has taken over: drop the state and leave, exit 4
    ├── DeliveryError          a publisher's event was not acknowledged, exit 5
    ├── StuckError             a worker no longer gets on: end it for its successor, exit 6
    ├── FitError               a population cannot be fitted: keep what was, exit 7
    └── InvariantError         we are wrong: crash, exit 70

A message names the thing, where it is, and the remedy. It never carries a personal value.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a record was rejected: the closed set behind the header ``ckm.reason``."""

    NULL_VALUE = "null_value"
    TOO_LARGE = "too_large"
    NOT_FRAMED = "not_framed"
    SCHEMA_UNKNOWN = "schema_unknown"
    SCHEMA_MISMATCH = "schema_mismatch"
    UNDECODABLE = "undecodable"
    KEY_MISMATCH = "key_mismatch"
    EMPTY_IDENTIFIER = "empty_identifier"
    NUL_CHARACTER = "nul_character"
    BEFORE_LANDMARK = "before_landmark"
    IN_FUTURE = "in_future"
    NOT_FINITE = "not_finite"
    NEGATIVE = "negative"
    OUT_OF_RANGE = "out_of_range"


class CkmStreamError(Exception):
    """Base of all errors raised on purpose; ``exit_code`` is the process's."""

    exit_code = 1


class ConfigurationError(CkmStreamError):
    """Settings, topics, schemas or migrations are not as they must be."""

    exit_code = 2


class RejectedRecord(CkmStreamError):  # noqa: N818 -- a verdict on a record, not a failure of ours
    """A record that can never be applied; it goes to the dead letters."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class TransientError(CkmStreamError):
    """Something outside is unavailable for now."""

    exit_code = 75

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DeadLetterLimitError(CkmStreamError):
    """So many records are rejected that the cause is ours or a producer's, not the records'."""

    exit_code = 3


class FencedError(CkmStreamError):
    """Another process owns this partition now; nothing of ours may be written."""

    exit_code = 4


class DeliveryError(CkmStreamError):
    """The broker did not acknowledge a published event."""

    exit_code = 5


class StuckError(CkmStreamError):
    """An event loop does not run, or work that waits is not committed; ``where`` is a stack."""

    exit_code = 6

    def __init__(self, message: str, *, where: str) -> None:
        super().__init__(message)
        self.where = where


class FitError(CkmStreamError):
    """A population is too small, contradictory or degenerate to learn from."""

    exit_code = 7


class InvariantError(CkmStreamError):
    """A state that cannot be, by our own rules."""

    exit_code = 70
