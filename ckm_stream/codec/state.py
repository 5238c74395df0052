"""
State ↔ bytes: what the changelog holds of a customer or an employee.

Msgpack, layout first (`layouts`), policy fingerprint second. Equal facts give equal bytes within a
layout, so a comparison of bytes is a comparison of facts. Bytes written under other choices of
scoring are refused, because their sums mean something else.
"""

from collections import defaultdict
from typing import Final

import msgspec

from ckm_stream.codec.layouts import (
    DEFAULT_LAYOUT,
    EPOCH_LAYOUT,
    LAYOUTS,
    Days,
    Highs,
    ProfileWire,
    complete,
    layout_of,
)
from ckm_stream.domain import counters
from ckm_stream.domain.days import DAY_S
from ckm_stream.domain.employee import EmployeeState
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import ProfileState
from ckm_stream.errors import ConfigurationError, InvariantError

# Up to this many days are written as gaps of 1 to 3 bytes each, more as a bitmap.
_GAPS_UP_TO: Final = 40

_LOW_BITS: Final = 64
_LOW: Final = (1 << _LOW_BITS) - 1
_LONG: Final = 1 << 63

_encode: Final = msgspec.msgpack.Encoder().encode
#: What is raised for bytes whose layout is known and whose body is not whole.
_DAMAGE: Final = (msgspec.DecodeError, ValueError, IndexError)


def encode_state(state: ProfileState, policy: Policy, *, layout: int = DEFAULT_LAYOUT) -> bytes:
    """
    Return the bytes of a customer's state; equal states give equal bytes in one layout.

    Raises:
        ConfigurationError: If the layout has no room for what is in the state.
    """
    facts = state.facts
    last_at = facts.last_at
    wire: tuple[object, ...]
    places = sorted(facts.sums)
    lows, highs = _pack_sums(facts.sums, places, _idle_bits(facts.first_s, policy))
    wire = (
        layout,
        policy.fingerprint(),
        LAYOUTS[layout].write_delivery(state.delivery),
        state.seen,
        bytes(places),
        lows,
        highs,
        _pack_counts(facts.counts),
        [_pack_days(facts.purchase_days), *map(_pack_days, facts.contact_days)],
        facts.first_value,
        [part for pair in sorted(facts.first_in_category.items()) for part in pair],
        _pack_bits(facts.referred),
        _pack_bits(facts.referred_buyers),
        last_at,
        (facts.first_s, facts.first_purchase_s, facts.last_purchase_s, facts.last_complaint_s),
        # Ages, because the newest entry's is 0 and takes one byte, not nine.
        [(last_at - occurred_at, name, bits) for occurred_at, name, bits in facts.newest],
    )
    if layout >= EPOCH_LAYOUT:
        wire += _pack_network(facts)
    try:
        return _encode(wire)
    except OverflowError:
        # A customer of many years: some sum spans more than 127 bits.
        highs[:] = [_long_or_short(each) for each in highs]
        return _encode(wire)


def decode_state(data: bytes, policy: Policy) -> ProfileState:
    """
    Return the state that *data* was encoded from.

    Raises:
        ConfigurationError: If its layout is not known, or it is of another scoring policy.
        InvariantError: If it is no state at all.
    """
    layout = layout_of(data)
    try:
        wire = layout.read_profile(data)
        if wire.fingerprint == policy.fingerprint():
            return _profile_of(wire, policy)
    except _DAMAGE as error:
        raise _damage(data) from error
    raise _other_policy()


def _profile_of(wire: ProfileWire, policy: Policy) -> ProfileState:
    last_at = wire.last_at
    purchases, *contacts = wire.days
    firsts = wire.first_in_category
    first_s, first_purchase_s, last_purchase_s, last_complaint_s = wire.seconds
    facts = Facts(
        sums=_unpack_sums(wire, _idle_bits(first_s, policy)),
        counts=wire.counts + [0] * (counters.COUNT - len(wire.counts)),
        purchase_days=_unpack_days(purchases),
        contact_days=[_unpack_days(each) for each in contacts],
        first_value=wire.first_value,
        first_in_category=dict(zip(firsts[::2], firsts[1::2], strict=True)),
        referred=int.from_bytes(wire.referred, "little"),
        referred_buyers=int.from_bytes(wire.referred_buyers, "little"),
        first_s=first_s,
        last_at=last_at,
        first_purchase_s=first_purchase_s,
        last_purchase_s=last_purchase_s,
        last_complaint_s=last_complaint_s,
        newest=[(last_at - age, name, bits) for age, name, bits in wire.newest],
        mentions=dict(
            zip(wire.mentions[::2], [first_s + each for each in wire.mentions[1::2]], strict=True)
        ),
        referrer=(first_s + wire.referrer[0], wire.referrer[1]) if wire.referrer else (-1, 0),
        network_id=wire.network_id,
    )
    return ProfileState(facts, wire.seen, complete(wire.delivery))


def encode_employee(state: EmployeeState, policy: Policy, *, layout: int = DEFAULT_LAYOUT) -> bytes:
    """Return the bytes of an employee's state; equal states give equal bytes in one layout."""
    return _encode(
        (
            layout,
            policy.fingerprint(),
            LAYOUTS[layout].write_delivery(state.delivery),
            state.seen,
            _pack_bits(state.handled),
            _pack_bits(state.noted),
            state.last_at,
        )
    )


def decode_employee(data: bytes, policy: Policy) -> EmployeeState:
    """
    Return the employee's state that *data* was encoded from.

    Raises:
        ConfigurationError: If its layout is not known, or it is of another scoring policy.
        InvariantError: If it is no state at all.
    """
    layout = layout_of(data)
    try:
        wire = layout.read_employee(data)
    except _DAMAGE as error:
        raise _damage(data) from error
    if wire.fingerprint != policy.fingerprint():
        raise _other_policy()
    return EmployeeState(
        handled=int.from_bytes(wire.handled, "little"),
        noted=int.from_bytes(wire.noted, "little"),
        last_at=wire.last_at,
        seen=wire.seen,
        delivery=wire.delivery,
    )


def _idle_bits(first_s: int, policy: Policy) -> tuple[int, ...]:
    """Return, by slot, the low bits that are 0 in all sums of a customer first seen then."""
    return policy.idle_bits((first_s - policy.landmark_s) // DAY_S if first_s >= 0 else 0)


def _pack_sums(
    sums: dict[int, int], places: list[int], idle: tuple[int, ...]
) -> tuple[list[int], Highs]:
    """
    Return the low 64 bits of the sums and what is above, low bits that no event can set left out.

    A sum is divisible by 2^e of its oldest event, and e grows with every half-life since the
    landmark: left in, those zeros would outweigh the rest after a few years.
    """
    totals = [sums[place] >> idle[place] for place in places]
    return [total & _LOW for total in totals], [total >> _LOW_BITS for total in totals]


def _long_or_short(high: int | bytes) -> int | bytes:
    """Write what does not fit msgpack's 64-bit integers as bytes."""
    if isinstance(high, bytes) or -_LONG <= high < _LONG:
        return high
    return high.to_bytes((high.bit_length() >> 3) + 1, "little", signed=True)


def _unpack_sums(wire: ProfileWire, idle: tuple[int, ...]) -> defaultdict[int, int]:
    highs = [
        high if isinstance(high, int) else int.from_bytes(high, "little", signed=True)
        for high in wire.highs
    ]
    parts = zip(wire.slots, wire.lows, highs, strict=True)
    return defaultdict(
        int, {slot: (high << _LOW_BITS | low) << idle[slot] for slot, low, high in parts}
    )


def _pack_counts(counts: list[int]) -> list[int]:
    """Leave out the zeros at the end, so that a counter added later costs old states nothing."""
    end = len(counts)
    while end and not counts[end - 1]:
        end -= 1
    return counts[:end]


def _pack_days(bits: int) -> Days:
    if not bits:
        return []
    first = (bits & -bits).bit_length() - 1
    bits >>= first
    if bits.bit_count() > _GAPS_UP_TO:
        return [first, _pack_bits(bits)]
    # In binary, the digits behind each 1 up to the next are the gap to the day before.
    gaps = [len(zeros) + 1 for zeros in f"{bits:b}"[1:-1].split("1")] if bits > 1 else []
    return [first, *reversed(gaps)]


def _unpack_days(days: Days) -> int:
    if not days:
        return 0
    # Counted from the first day, so that the numbers are short: the landmark is years ago.
    first, *gaps = days
    bits, day = 1, 0
    for gap in gaps:
        if isinstance(gap, bytes):
            bits = int.from_bytes(gap, "little")
        else:
            day += gap
            bits |= 1 << day
    if isinstance(first, int):
        return bits << first
    raise ValueError("a bitmap of days without its first day")


def _pack_network(facts: Facts) -> tuple[list[int], list[int], int]:
    first_s = facts.first_s
    mentions = [
        part for key, t_s in sorted(facts.mentions.items()) for part in (key, t_s - first_s)
    ]
    since_s, referrer = facts.referrer
    return mentions, [since_s - first_s, referrer] if since_s >= 0 else [], facts.network_id


def _pack_bits(bits: int) -> bytes:
    return bits.to_bytes((bits.bit_length() + 7) >> 3, "little") if bits else b""


def _other_policy() -> ConfigurationError:
    return ConfigurationError(
        "a state was written under another scoring policy (landmark, half-lives, costs or "
        "capacities); restore CKM__SCORING__* or rebuild the profiles under a new application id"
    )


def _damage(data: bytes) -> InvariantError:
    return InvariantError(f"{len(data)} bytes of the changelog are not a whole state")
