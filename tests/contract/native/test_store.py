"""The compiled store against Python's dictionary: the same answers after any history."""

import random
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ckm_stream.pipeline.store import DictStore, StateStore, keys_of

native = pytest.importorskip(
    "ckm_stream.native.store", reason="the compiled core is not built for this interpreter"
)

#: Few keys, so that they come again; the empty one, and one whose size takes two bytes.
KEYS: Final = [b"", b"k" * 127, b"k" * 128, *(b"c-%d" % number for number in range(40))]
keys: Final = st.sampled_from(KEYS)
#: Around the sizes at which a block or the bytes that tell its size become longer.
values: Final = st.one_of(
    st.binary(max_size=40),
    st.integers(110, 150).map(bytes),
    st.integers(16370, 16400).map(bytes),
)


class Stores(RuleBasedStateMachine):
    """The same history in both."""

    packs = False
    unpacked = 0

    def __init__(self) -> None:
        super().__init__()
        self.reference = DictStore()
        self.compiled: StateStore = native.CompactStore(packs=self.packs, unpacked=self.unpacked)

    @rule(key=keys, value=values)
    def put(self, key: bytes, value: bytes) -> None:
        """Set a state."""
        self.reference.put(key, value)
        self.compiled.put(key, value)

    @rule(entries=st.lists(st.tuples(keys, values), max_size=20))
    def put_many(self, entries: list[tuple[bytes, bytes]]) -> None:
        """Set states in their order."""
        self.reference.put_many(entries)
        self.compiled.put_many(entries)

    @rule(key=keys)
    def discard(self, key: bytes) -> None:
        """Forget a key, or none."""
        self.reference.discard(key)
        self.compiled.discard(key)

    @invariant()
    def same(self) -> None:
        """Every question has one answer."""
        assert len(self.compiled) == len(self.reference)
        assert self.compiled.next_number == self.reference.next_number
        assert list(keys_of(self.compiled)) == list(keys_of(self.reference))
        for key in KEYS:
            assert self.compiled.get(key) == self.reference.get(key)
            assert self.compiled.number_of(key) == self.reference.number_of(key)


Stores.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_any_history_gives_the_same_answers = Stores.TestCase


class PackingStores(Stores):
    """Likewise, with states packed."""

    packs = True


class YoungStores(PackingStores):
    """Likewise, but for those put last."""

    unpacked = 3


YoungStores.TestCase.settings = Stores.TestCase.settings
test_any_history_gives_the_same_answers_when_older_states_are_packed = YoungStores.TestCase
PackingStores.TestCase.settings = Stores.TestCase.settings
test_any_history_gives_the_same_answers_when_states_are_packed = PackingStores.TestCase


def test_many_keys_are_found_again_while_half_of_them_come_and_go() -> None:
    """The index grows some thirty times, and what was pushed aside moves back."""
    chance = random.Random(1)
    reference: dict[bytes, bytes] = {}
    store = native.CompactStore()
    for _ in range(60_000):
        key = b"customer-%d" % chance.randrange(20_000)
        if chance.random() < 0.4:
            reference.pop(key, None)
            store.discard(key)
        else:
            value = chance.randbytes(chance.randrange(60))
            reference[key] = value
            store.put(key, value)

    found = {key: store.get(key) for key in keys_of(store)}

    assert found == reference
    assert len(store) == len(reference)
    assert [store.key_of(store.number_of(key)) for key in reference] == list(reference)
    assert store.get(b"customer-20000") is None


@pytest.mark.parametrize("number", [-1, 0, 1 << 40])
def test_a_number_that_nobody_has_is_nobodys(number: int) -> None:
    """No memory is read that is not the store's."""
    assert native.CompactStore().key_of(number) is None


@pytest.mark.parametrize("wrong", [None, "c-1", bytearray(b"c-1")])
def test_keys_and_states_are_bytes_and_nothing_else(wrong: object) -> None:
    """The store reads their memory."""
    store = native.CompactStore()

    for use in (store.get, store.discard, store.number_of):
        with pytest.raises(TypeError):
            use(wrong)
    with pytest.raises(TypeError):
        store.put(b"c-1", wrong)
    with pytest.raises(TypeError):
        store.put(wrong, b"state")
    assert len(store) == 0
