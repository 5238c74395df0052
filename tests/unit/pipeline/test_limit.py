"""When too much is rejected: in a row, or among the newest records; and what is said then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.topics import Source
from ckm_stream.errors import DeadLetterLimitError, Reason
from ckm_stream.pipeline.limit import DeadLetterLimits, Limiter, RejectionWindow, limit_error
from ckm_stream.pipeline.records import Rejection
from tests.support.units import TOPICS, Record, slice_of

LIMITS = DeadLetterLimits()
TOPIC = TOPICS.purchase
BAD = Reason.UNDECODABLE


def first_excess(verdicts: list[bool], limits: DeadLetterLimits, *, step: int) -> int | None:
    """Feed verdicts (True is rejected) in slices of *step*; return the number of the excess."""
    window = RejectionWindow(limits)
    for start in range(0, len(verdicts), step):
        part = verdicts[start : start + step]
        rejected = [(place, BAD) for place, is_bad in enumerate(part) if is_bad]
        if (excess := window.take(len(part), rejected)) is not None:
            return start + excess.place
    return None


def test_fifty_in_a_row_are_set_aside_and_the_next_one_is_not() -> None:
    """The default: the 51st record in a row is the first that is left in place."""
    assert first_excess([True] * 2000, LIMITS, step=2000) == 50
    assert first_excess([True] * 50 + [False] * 950, LIMITS, step=2000) is None


def test_a_good_record_begins_the_count_anew() -> None:
    """In a row means without a good one in between; the share is counted by itself."""
    limits = DeadLetterLimits(max_ratio=1.0)

    assert first_excess(([True] * 50 + [False]) * 10, limits, step=7) is None
    assert first_excess([False] * 3 + [True] * 60, limits, step=7) == 53


def test_five_in_a_hundred_pass_and_a_few_more_do_not() -> None:
    """50 of the newest 1,000 may be bad, wherever they are."""
    assert first_excess(([True] + [False] * 19) * 1000, LIMITS, step=2000) is None
    assert first_excess(([True] + [False] * 18) * 1000, LIMITS, step=2000) == 50 * 19


def test_one_in_a_hundred_of_twenty_thousand_passes() -> None:
    """The mix of promise P6, also when the bad ones come in clusters of forty."""
    assert first_excess(([True] + [False] * 99) * 200, LIMITS, step=500) is None
    assert first_excess(([True] * 40 + [False] * 3960) * 5, LIMITS, step=500) is None


def test_records_that_have_left_the_window_count_no_more() -> None:
    """The window is of records, not of rejections."""
    limits = DeadLetterLimits(max_consecutive=0, max_ratio=0.3, window=10)

    assert first_excess(([True] * 3 + [False] * 7) * 20, limits, step=4) is None
    assert first_excess([True] * 3 + [False] * 6 + [True], limits, step=4) == 9


def test_limits_can_be_lifted() -> None:
    """0 in a row and a share of 1: everything is set aside."""
    off = DeadLetterLimits(max_consecutive=0, max_ratio=1.0)

    assert first_excess([True] * 5000, off, step=500) is None


@given(
    st.lists(st.booleans(), max_size=80),
    st.integers(0, 6),
    st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]),
    st.integers(1, 20),
    st.integers(1, 20),
)
def test_the_verdict_is_that_of_the_definition_whatever_the_slices(
    verdicts: list[bool], most: int, ratio: float, window: int, step: int
) -> None:
    """Counted anew for each record, by the words of the manual."""

    def is_too_much(number: int) -> bool:
        if not verdicts[number]:
            return False
        newest = verdicts[max(0, number + 1 - window) : number + 1]
        row = verdicts[max(0, number - most) : number + 1]
        in_a_row = most > 0 and len(row) > most and all(row)
        return in_a_row or (ratio < 1 and sum(newest) > ratio * window)

    limits = DeadLetterLimits(max_consecutive=most, max_ratio=ratio, window=window)
    expected = next(filter(is_too_much, range(len(verdicts))), None)

    assert first_excess(verdicts, limits, step=step) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_consecutive", -1), ("max_ratio", -0.1), ("max_ratio", 1.1), ("window", 0)],
)
def test_limits_that_mean_nothing_are_refused_by_name(name: str, value: float) -> None:
    """The setting's name is in the message."""
    with pytest.raises(ValueError, match=name):
        DeadLetterLimits(**{name: value})  # type: ignore[arg-type] # both kinds of numbers


def test_topics_are_counted_apart_and_gaps_between_offsets_are_no_records() -> None:
    """A transaction's end takes an offset; a lane's topics have nothing to do with one another."""
    limiter = Limiter(DeadLetterLimits(max_consecutive=2))

    for start in (0, 100):
        for source in (Source.CALL, Source.PURCHASE):
            part = slice_of([Record(start + 10, b"c", None)], source)
            assert limiter.take(part, [Rejection(part.topic, start + 10, BAD)]) is None
    part = slice_of([Record(300, b"c", None), Record(302, b"c", None)], Source.CALL)
    excess = limiter.take(part, [Rejection(part.topic, 300, BAD)])

    assert excess is not None
    assert excess.place == 0


def test_the_error_names_place_reasons_setting_and_remedy() -> None:
    """One line that somebody can act on at night; the exit code is the dead-letter limit's."""
    limiter = Limiter(DeadLetterLimits(max_consecutive=2))
    part = slice_of([Record(offset, b"c", None) for offset in (7, 8, 11)], Source.PURCHASE)
    reasons = [(7, Reason.SCHEMA_UNKNOWN), (8, Reason.NOT_FRAMED), (11, Reason.SCHEMA_UNKNOWN)]
    excess = limiter.take(part, [Rejection(TOPIC, *each) for each in reasons])

    assert excess is not None
    error = limit_error(part, excess)
    assert isinstance(error, DeadLetterLimitError)
    assert error.exit_code == 3
    text = str(error)
    assert "\n" not in text
    assert f"topic '{TOPIC}' partition 3 stops at offset 11" in text
    assert "3 records in a row are rejected (2 schema_unknown, 1 not_framed)" in text
    assert "CKM__DEAD_LETTERS__MAX_CONSECUTIVE=2" in text
    assert "start again" in text
