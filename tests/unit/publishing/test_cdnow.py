"""The packaged CDNOW purchases: complete, as published, and valid events."""

from collections import Counter

import pytest

from ckm_stream.domain.checks import check_event
from ckm_stream.domain.events import Purchase
from ckm_stream.domain.policy import Policy
from ckm_stream.publishing import cdnow


@pytest.fixture(scope="module")
def bought() -> list[Purchase]:
    """Give all purchases."""
    return list(cdnow.purchases())


def test_the_sample_is_complete(bought: list[Purchase]) -> None:
    """6,919 purchases of 2,357 customers for 244,091.94 dollars and 16,479 CDs."""
    assert len(bought) == 6919
    assert len({each.customer_id for each in bought}) == 2357
    assert sum(each.amount for each in bought) == 24_409_194
    assert sum(each.lines[0].quantity for each in bought) == 16_479


def test_the_first_customer_is_as_published(bought: list[Purchase]) -> None:
    """Customer 1 bought on four days; amounts are cents."""
    own = [each for each in bought if each.customer_id == "cdnow-0001"]

    assert [(each.event_id, each.amount, each.cost) for each in own] == [
        ("cdnow-0001-19970101-1", 2933, 2053),
        ("cdnow-0001-19970118-1", 2973, 2081),
        ("cdnow-0001-19970802-1", 1496, 1047),
        ("cdnow-0001-19971212-1", 2648, 1853),
    ]


def test_event_ids_are_unique_also_on_one_day(bought: list[Purchase]) -> None:
    """The busiest day of a customer has eight purchases, which stay eight events."""
    assert len({each.event_id for each in bought}) == len(bought)
    busiest = Counter((each.customer_id, each.event_id.split("-")[2]) for each in bought)
    assert busiest.most_common(1) == [(("cdnow-1901", "19970320"), 8)]


def test_purchases_for_nothing_are_kept(bought: list[Purchase]) -> None:
    """Eight purchases cost 0.00."""
    assert sum(each.amount == 0 for each in bought) == 8


def test_all_purchases_are_valid_under_the_landmark_of_the_data(bought: list[Purchase]) -> None:
    """With the landmark 1996-01-01 every purchase passes the worker's checks."""
    policy = Policy(landmark_s=cdnow.LANDMARK_S)

    for each in bought:
        check_event(each, record_timestamp_ms=each.recorded_at // 1000, policy=policy)


def test_reading_again_gives_the_same_events(bought: list[Purchase]) -> None:
    """Nothing in an event depends on when it is read."""
    assert list(cdnow.purchases()) == bought
