"""States packed for memory: whatever it is comes back as it was."""

import random
import struct
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ckm_stream.codec.layouts import NEWEST_LAYOUT, WRITTEN_LAYOUTS
from ckm_stream.codec.state import encode_state
from ckm_stream.domain.events import ProfileEvent
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.domain.score import SourceClass
from ckm_stream.simulation.customers import SimulationPlan, simulate
from tests.support.touchpoints import POLICY, histories

native = pytest.importorskip(
    "ckm_stream.native.compact", reason="the compiled core is not built for this interpreter"
)

KEPT: Final = 0
encode: Final = msgspec.msgpack.encode


def comes_back(data: bytes) -> bool:
    """Say whether packed bytes are unpacked to what they were, and are hardly ever longer."""
    packed: bytes = native.packed(data)
    unpacked: bytes = native.unpacked(packed)
    return unpacked == data and len(packed) <= len(data) + 1


@st.composite
def seen_lists(draw: st.DrawFn) -> bytes:
    """Draw a list of seen events: times that never fall, and digests."""
    times = sorted(draw(st.lists(st.integers(0, (1 << 56) - 1), max_size=70)))
    chance = random.Random(draw(st.integers(0, 99)))
    return b"".join(time.to_bytes(7, "big") + chance.randbytes(8) for time in times)


leaves: Final = st.one_of(
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.integers(-40, 300),
    st.just(0),
    st.sampled_from([1 << 40, (1 << 40) - 1, 1 << 41, 12345678901234]),
    st.booleans(),
    st.none(),
    st.floats(),
    st.text(max_size=40),
    st.text("ab-", max_size=300),
    st.uuids().map(str),
    st.sampled_from([each.value for each in SourceClass]),
    st.binary(max_size=300),
    st.sets(st.integers(0, 255)).map(lambda places: bytes(sorted(places))),
    seen_lists(),
)
values: Final = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20), st.dictionaries(st.integers(0, 9), inner, max_size=20)
    ),
    max_leaves=60,
)


@given(values)
def test_any_messagepack_comes_back_as_it_was(value: Any) -> None:
    """Numbers of all lengths, words, ids, lists, and what no state has."""
    assert comes_back(encode(value))


@given(st.binary(max_size=400))
@example(b"")
@example(b"\xdc")
@example(b"\xdc\x00\x13\x03\xc4\x04abcd")
@example(b"\xc4\x05abc")
@example(b"\xd9\x05short")
@example(b"\xda\x00\x05other")
@example(b"\xc5\x00\x05other")
@example(b"\xcd\x00\x01\xce\x00\x00\x00\x01\xcf" + bytes(8))
@example(b"\xcc")
@example(b"\xcf" + bytes(7))
@example(b"\xb0")
def test_any_bytes_come_back_as_they_were(data: bytes) -> None:
    """Cut off anywhere, or longer than they had to be, or no MessagePack at all."""
    assert comes_back(data)


@given(histories(), st.sampled_from(WRITTEN_LAYOUTS))
def test_states_come_back_in_every_layout_that_is_written(
    events: list[ProfileEvent], layout: int
) -> None:
    """The packing knows what states are made of, but not which part is which."""
    assert comes_back(state_of(events, layout=layout))


def test_the_states_of_a_population_take_a_tenth_less() -> None:
    """Of a customer of twenty events."""
    plan = SimulationPlan(customers=100, seed=1, events_per_customer=20.0)
    states = [state_of(each.events) for each in simulate(plan)]

    packed = [native.packed(data) for data in states]

    assert [native.unpacked(data) for data in packed] == states
    assert sum(map(len, packed)) < 0.9 * sum(map(len, states))


def state_of(events: Iterable[ProfileEvent], *, layout: int = NEWEST_LAYOUT) -> bytes:
    """Return the state of a customer of these events."""
    state = ProfileState.empty(0)
    for event in events:
        apply_event(state, event, POLICY)
    return encode_state(state, POLICY, layout=layout)


@pytest.mark.parametrize("count", [1, 2, 3, 17, 18, 64, 255, 256, 300])
def test_lists_of_seen_events_of_any_length_come_back(count: int) -> None:
    """Also those longer than a policy allows, and those of one instant."""
    digests = random.Random(count)
    spread = b"".join(
        struct.pack(">Q", 10**14 + (1 << number % 50) * number)[1:] + digests.randbytes(8)
        for number in range(count)
    )
    instant = b"".join(bytes(7) + digests.randbytes(8) for _ in range(count))

    assert comes_back(encode(spread))
    assert comes_back(encode(instant))
    assert comes_back(encode([instant, "and more", 7]))


def test_a_state_of_another_policy_comes_back() -> None:
    """What all states begin with is kept once; who begins otherwise keeps it all."""
    first, other = (
        encode([3, fingerprint, *range(20)])
        for fingerprint in (b"\x01\x02\x03\x04", b"\x05\x06\x07\x08")
    )

    assert comes_back(first)
    assert comes_back(other)
    assert comes_back(first)


def test_what_is_not_understood_is_kept_as_it_is() -> None:
    """One byte more, and no time lost at reading it."""
    extension = b"\xc7\x03\x05abc"

    assert native.packed(extension) == bytes([KEPT]) + extension
