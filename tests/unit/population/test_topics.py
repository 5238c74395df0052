"""Tables of first mentions: which topics, and exactly when the population came to speak of them."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.mentions import Mentions
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.topics import TELLING_FROM, TopicTable, read_lead
from ckm_stream.population.topics import KNOTS, MOST_TOPICS, FirstMentions

DAY_S = 86_400

POPULATIONS = st.lists(
    st.dictionaries(st.integers(0, 2), st.integers(0, 100 * DAY_S)), min_size=21, max_size=90
)


def tables_of(population: list[Mentions]) -> tuple[TopicTable, ...]:
    """Return the tables that a fit makes."""
    mentions = FirstMentions()
    for each in population:
        mentions.add(each)
    return mentions.tables()


def test_a_topic_tells_something_from_21_customers_on() -> None:
    """Twenty may still be a few friends."""
    population: list[Mentions] = [{5: 100 + n} if n else {5: 100, 6: 7} for n in range(20)]

    assert tables_of(population) == ()
    (table,) = tables_of([*population, {5: 300}])

    assert (table.key, table.customers, len(table.seconds)) == (5, TELLING_FROM, KNOTS)
    assert (table.seconds[0], table.seconds[-1]) == (100, 300)


@given(POPULATIONS, st.integers(0, 1000))
def test_the_order_of_customers_plays_no_part(population: list[Mentions], seed: int) -> None:
    """Not in a single bit: places are counted, and nothing is added up."""
    shuffled = [dict(reversed(each.items())) for each in population]
    Random(seed).shuffle(shuffled)

    assert tables_of(shuffled) == tables_of(population)


@given(POPULATIONS)
def test_tables_are_what_an_epoch_holds(population: list[Mentions]) -> None:
    """By rising keys, with seconds that never fall, between the first and the last mention."""
    tables = tables_of(population)

    assert [each.key for each in tables] == sorted({each.key for each in tables})
    for each in tables:
        spoken = [customer[each.key] for customer in population if each.key in customer]
        assert each.customers == len(spoken)
        assert list(each.seconds) == sorted(each.seconds)
        assert (each.seconds[0], each.seconds[-1]) == (min(spoken), max(spoken))


@given(st.lists(st.integers(0, 500), min_size=21, max_size=60))
def test_a_share_is_that_of_the_population_to_a_step(seconds: list[int]) -> None:
    """The others who spoke earlier, and half of those at once, as counted customer by customer."""
    (table,) = tables_of([{1: t_s} for t_s in seconds])

    for t_s in seconds:
        earlier = sum(other < t_s for other in seconds)
        at_once = seconds.count(t_s) - 1
        share = Fraction(2 * earlier + at_once, 2 * (len(seconds) - 1))
        assert table.share_before(t_s) == pytest.approx(share, abs=1 / (KNOTS - 1))


def test_nobody_is_early_where_all_spoke_at_once() -> None:
    """Each stands half way."""
    (table,) = tables_of([{1: 77}] * 40)

    assert table.share_before(77) == 0.5


def test_an_epoch_keeps_the_topics_of_the_most_customers() -> None:
    """Of as many customers the lesser keys, whoever comes first."""
    many = MOST_TOPICS + 44
    population: list[Mentions] = [dict.fromkeys(range(many), n) for n in range(TELLING_FROM)]

    tables = tables_of([*population, {many - 1: 5}])

    assert [each.key for each in tables] == [*range(MOST_TOPICS - 1), many - 1]
    assert tables[-1].customers == TELLING_FROM + 1


def spoken(chance: Random, *, days_late: tuple[int, int]) -> Mentions:
    """Return first mentions of ten of 24 needs, each so many days after it has come up."""
    return {
        need: (20 * need + chance.randint(*days_late)) * DAY_S
        for need in chance.sample(range(24), 10)
    }


@pytest.mark.parametrize("seed", range(5))
def test_planted_lead_users_are_found_and_few_others(seed: int) -> None:
    """Thirty who meet needs within 30 days, 970 who take up to a year; judged on others' tables."""
    chance = Random(seed)
    leading = [spoken(chance, days_late=(0, 30)) for _ in range(60)]
    crowd = [spoken(chance, days_late=(0, 365)) for _ in range(1940)]
    known = {each.key: each for each in tables_of([*leading[::2], *crowd[::2]])}
    least = Policy().lead_user_from

    found = [read_lead(each, known).is_lead_user(least) for each in leading[1::2]]
    others = [read_lead(each, known).is_lead_user(least) for each in crowd[1::2]]

    assert sum(found) >= 0.95 * len(found)
    assert sum(others) <= 0.01 * len(others)
