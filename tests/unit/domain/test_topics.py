"""How far ahead of a population a customer spoke of its topics."""

from fractions import Fraction
from math import comb, factorial, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.mentions import MOST_MENTIONS
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.topics import NO_LEAD, TELLING_FROM, Lead, TopicTable, read_lead

LATEST_S = (1 << 43) - 1

SECONDS = st.one_of(
    st.lists(st.integers(0, 40), min_size=2, max_size=20),
    st.lists(st.integers(0, LATEST_S), min_size=2, max_size=20),
).map(lambda seconds: tuple(sorted(seconds)))


def table(*seconds: int, key: int = 7) -> TopicTable:
    """Return a table of a topic that 21 customers have spoken of."""
    return TopicTable(key, TELLING_FROM, seconds)


def test_a_share_is_read_on_a_line_between_quantiles() -> None:
    """The first of all has nobody before it, the last all others."""
    spoken = table(100, 200, 400, 500, 900)

    assert [spoken.share_before(t_s) for t_s in (99, 100, 150, 200, 250)] == [
        *(0.0, 0.0, 0.125, 0.25, 0.3125),
    ]
    assert [spoken.share_before(t_s) for t_s in (500, 700, 900, 901)] == [0.75, 0.875, 1.0, 1.0]


def test_of_those_who_spoke_at_once_each_stands_in_the_middle() -> None:
    """Nobody is early when all were."""
    assert table(5, 5, 5, 5, 5).share_before(5) == 0.5
    assert table(5, 5, 5, 9, 9).share_before(5) == 0.25
    assert table(5, 5, 5, 9, 9).share_before(9) == 0.875


@given(SECONDS, st.integers(0, LATEST_S), st.integers(0, LATEST_S))
def test_a_later_mention_has_no_fewer_before_it(
    seconds: tuple[int, ...], one_s: int, other_s: int
) -> None:
    """Whatever the quantiles; and a share stays one."""
    spoken = table(*seconds)
    earlier, later = sorted((one_s, other_s))

    assert 0.0 <= spoken.share_before(earlier) <= spoken.share_before(later) <= 1.0


@given(SECONDS)
def test_a_share_does_not_leap_at_a_quantile(seconds: tuple[int, ...]) -> None:
    """Neighbours in time are at most the quantiles at and between them apart, and one step."""
    spoken = table(*seconds)
    for t_s in seconds:
        at = sum(abs(each - t_s) <= 1 for each in seconds)
        before, after = spoken.share_before(max(0, t_s - 1)), spoken.share_before(t_s + 1)
        assert after - before <= (at + 1) / (len(seconds) - 1) + 1e-12


@pytest.mark.parametrize(
    ("key", "customers", "seconds"),
    [
        (-1, 21, (1, 2)),
        (1 << 32, 21, (1, 2)),
        (7, 20, (1, 2)),
        (7, 21, ()),
        (7, 21, (1,)),
        (7, 21, (1, 3, 2)),
        (7, 21, (-1, 3)),
        (7, 21, (1, 1 << 43)),
    ],
)
def test_what_no_share_can_be_read_from_is_no_table(
    key: int, customers: int, seconds: tuple[int, ...]
) -> None:
    """It says what a table needs."""
    with pytest.raises(ValueError, match="a topic needs a key of 32 bits, at least 21 customers"):
        TopicTable(key, customers, seconds)


def test_the_mean_is_shrunk_by_the_number_of_topics() -> None:
    """Ahead of everybody: on one topic that is chance, on ten it is not."""
    assert [Lead(n, float(n)).is_lead_user(0.6) for n in (1, 4, 5, 10)] == [
        False,
        False,
        True,
        True,
    ]
    assert Lead(9, 9 * 0.8).is_lead_user(0.6)
    assert not Lead(9, 9 * 0.79).is_lead_user(0.6)


def test_only_topics_with_a_table_count() -> None:
    """Two of four, ahead of all and of three quarters."""
    known = {each.key: each for each in (table(10, 20, key=1), table(10, 50, key=3))}

    lead = read_lead({4: 0, 3: 20, 2: 0, 1: 5}, known)

    assert lead == Lead(2, 1.75)
    assert lead.percent == 87


def test_nobody_leads_without_a_population() -> None:
    """Epoch 0 has no tables."""
    assert read_lead({1: 5}, {}) == NO_LEAD
    assert not NO_LEAD.is_lead_user(0.001)


MENTIONS = st.dictionaries(st.integers(0, 9), st.integers(0, 60), min_size=1)
TABLES = st.dictionaries(st.integers(0, 9), SECONDS, min_size=1).map(
    lambda drawn: {key: table(*seconds, key=key) for key, seconds in drawn.items()}
)


@given(MENTIONS, TABLES, st.data())
def test_an_earlier_mention_never_lowers_a_lead(
    mentions: dict[int, int], known: dict[int, TopicTable], data: st.DataObject
) -> None:
    """Of the same topics, whatever their order."""
    key = data.draw(st.sampled_from(sorted(mentions)))
    sooner = dict(reversed(mentions.items())) | {key: data.draw(st.integers(0, mentions[key]))}

    one, other = read_lead(mentions, known), read_lead(sooner, known)

    assert other.topics == one.topics
    assert other.later >= one.later
    assert 0.0 <= other.later <= other.topics


@given(MENTIONS, TABLES)
def test_the_order_of_mentions_does_not_matter(
    mentions: dict[int, int], known: dict[int, TopicTable]
) -> None:
    """To the last bit."""
    turned = dict(reversed(mentions.items()))

    assert read_lead(turned, known) == read_lead(mentions, known)


def chance_of_a_lead(topics: int, least: float) -> float:
    """Return how probable a lead is if each place among a topic's customers is by lot."""
    # The sum of n uniform numbers (Irwin and Hall), from above.
    short = topics - Fraction(str(least)) * (topics + 3)
    terms = ((-1) ** k * comb(topics, k) * (short - k) ** topics for k in range(floor(short) + 1))
    return float(sum(terms, Fraction(0))) / factorial(topics)


def test_one_in_700_at_most_would_lead_by_lot() -> None:
    """With any number of topics that a state remembers, at the threshold that is the default."""
    least = Policy().lead_user_from

    chances = [chance_of_a_lead(n, least) for n in range(1, MOST_MENTIONS + 1)]

    assert chances[:4] == [0.0] * 4
    assert 1 / 720 < max(chances) < 1 / 700
    assert max(chance_of_a_lead(n, 0.55) for n in range(1, MOST_MENTIONS + 1)) > 1 / 50
