"""Which event ids are remembered, and for how long."""

from itertools import permutations

from ckm_stream.domain.events import MICROS
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.domain.seen import RECORD_BYTES, digest_of, insert, is_seen, merge_seen
from tests.support.touchpoints import T0_S, order

POLICY = Policy(seen_capacity=3)


def test_source_and_id_together_name_an_event() -> None:
    """The same id from another system, or split elsewhere, is another event."""
    assert len({digest_of("a", "bc"), digest_of("ab", "c"), digest_of("b", "bc")}) == 3


def test_only_the_newest_ids_are_kept_whatever_their_order() -> None:
    """Four ids into a list of three: the oldest is forgotten, in any order of insertion."""
    records = [(age, bytes([age] * 8)) for age in (5, 9, 7, 3)]

    results = set()
    for sequence in permutations(records):
        seen = b""
        for age, digest in sequence:
            seen = insert(seen, age, digest, 3)
        results.add(seen)

    (kept,) = results
    assert len(kept) == 3 * RECORD_BYTES
    assert [is_seen(kept, bytes([age] * 8)) for age in (3, 5, 7, 9)] == [False, True, True, True]


def test_a_digest_across_two_records_is_not_seen() -> None:
    """Bytes that match between records are no id."""
    seen = insert(insert(b"", 1, b"ABCDEFGH", 3), 2, b"IJKLMNOP", 3)

    assert not is_seen(seen, seen[11:19])
    assert is_seen(seen, b"IJKLMNOP")


def test_a_time_that_looks_like_a_digest_does_not_hide_it() -> None:
    """A match at the wrong place is passed over, and the search goes on."""
    seen = insert(b"", 0x41414141414141, b"AAAAAAAA", 3)

    assert is_seen(seen, b"AAAAAAAA")


def test_merged_lists_are_the_newest_of_both() -> None:
    """An id in both lists is kept once."""
    left = insert(insert(b"", 1, b"a" * 8, 3), 5, b"b" * 8, 3)
    right = insert(insert(b"", 5, b"b" * 8, 3), 9, b"c" * 8, 3)

    merged = merge_seen(left, right, 2)

    assert merged == merge_seen(right, left, 2)
    assert merged == insert(insert(b"", 5, b"b" * 8, 2), 9, b"c" * 8, 2)


def test_an_event_older_than_a_full_list_is_taken_as_new() -> None:
    """The stated horizon: beyond the newest N ids a duplicate cannot be told."""
    state = ProfileState.empty(0)
    old = order("old", T0_S - 10)
    apply_event(state, old, POLICY)
    for number in range(3):
        apply_event(state, order(f"new-{number}", T0_S + number), POLICY)

    assert apply_event(state, old, POLICY)
    assert not apply_event(state, order("new-0", T0_S), POLICY)


def test_a_duplicate_with_another_time_is_still_a_duplicate() -> None:
    """An event is named by its source and id alone."""
    state = ProfileState.empty(0)

    assert apply_event(state, order("one", T0_S), POLICY)
    assert not apply_event(state, order("one", T0_S + 5), POLICY)
    assert state.last_occurred_at == T0_S * MICROS
