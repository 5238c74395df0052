"""First mentions: the earliest topics, whatever came first."""

from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.events import Initiator
from ckm_stream.domain.mentions import (
    MOST_MENTIONS,
    Mentions,
    merge_mentions,
    note_mention,
    topic_key,
)
from ckm_stream.domain.profile import ProfileState, apply_event
from tests.support.touchpoints import POLICY, T0_S, feedback

SPOKEN = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 50)), max_size=120)
Spoken = list[tuple[int, int]]


def noted(spoken: Spoken) -> Mentions:
    """Return what is remembered of (topic, second) pairs."""
    mentions: Mentions = {}
    for key, t_s in spoken:
        note_mention(mentions, key, t_s)
    return mentions


def earliest(spoken: Spoken) -> Mentions:
    """Return the earliest topics with their first seconds, by sorting all of them."""
    firsts: Mentions = {}
    for key, t_s in spoken:
        firsts[key] = min(t_s, firsts.get(key, t_s))
    kept = sorted((t_s, key) for key, t_s in firsts.items())[:MOST_MENTIONS]
    return {key: t_s for t_s, key in kept}


@given(SPOKEN)
def test_the_earliest_topics_are_kept_with_their_first_second(spoken: Spoken) -> None:
    """However many there were, and in whatever order they came."""
    assert noted(spoken) == earliest(spoken)


@given(SPOKEN, SPOKEN, SPOKEN)
def test_merging_is_speaking_of_all_of_it(a: Spoken, b: Spoken, c: Spoken) -> None:
    """Commutative and associative, also where topics had been dropped."""
    whole = noted(a + b + c)

    assert merge_mentions(merge_mentions(noted(a), noted(b)), noted(c)) == whole
    assert merge_mentions(noted(c), merge_mentions(noted(b), noted(a))) == whole


def test_what_the_customer_speaks_of_is_remembered_and_not_what_the_company_brings_up() -> None:
    """By the second of its event, with all its topics."""
    state = ProfileState.empty(0)
    apply_event(state, feedback("late", T0_S + 9, topics=("billing",)), POLICY)
    apply_event(state, feedback("early", T0_S, topics=("billing", "größe")), POLICY)
    survey = feedback("ours", T0_S - 9, topics=("ads",), initiated_by=Initiator.COMPANY)
    apply_event(state, survey, POLICY)

    assert state.facts.mentions == {topic_key("billing"): T0_S, topic_key("größe"): T0_S}


def test_topics_are_known_by_a_hash_that_outlives_processes() -> None:
    """States hold it for years."""
    assert topic_key("größe") == crc32("größe".encode())
