"""
What is known of a customer: sums, bitmaps, minima and maxima that no order of events can change.

The same events in any order leave equal facts, and ``merge`` of two disjoint sets of events is
the facts of their union. Duplicates are dropped before (``seen``): sums are not idempotent.
What each event adds is in ``folding``.
"""

from collections import defaultdict
from typing import Self

import msgspec

from ckm_stream.domain import counters, folding
from ckm_stream.domain.events import MICROS, ProfileEvent
from ckm_stream.domain.folding.referrals import first_referrer
from ckm_stream.domain.mentions import Mentions, merge_mentions
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.sketch import (
    NO_VALUE,
    FirstValue,
    merge_first_value,
    merge_firsts,
    total_of,
)

#: (occurred_at, event id, bits of the indicators that it is the newest evidence of).
Newest = tuple[int, str, int]


class Facts(msgspec.Struct):
    """
    The order-free part of a customer's state.

    ``sums`` holds, by slot, the DecayedSums that any event has added to, also if they came to 0;
    read it with ``get``. ``counts`` is indexed by ``counters``. ``contact_days`` are three
    DayBits, one per worth of a contact. Times are -1 where nothing happened yet: ``last_at`` in
    microseconds, those ending in ``_s`` in seconds, since the Unix epoch. ``referrer`` is the
    second at which somebody was first named as having sent the customer, and who: (-1, 0) if
    nobody was. ``network_id`` is the customer's own id in the network, 0 until it sent somebody.
    """

    sums: defaultdict[int, int]
    counts: list[int]
    purchase_days: int
    contact_days: list[int]
    first_value: FirstValue
    first_in_category: dict[int, int]
    referred: int
    referred_buyers: int
    first_s: int
    last_at: int
    first_purchase_s: int
    last_purchase_s: int
    last_complaint_s: int
    newest: list[Newest]
    mentions: Mentions
    referrer: tuple[int, int]
    network_id: int

    @classmethod
    def empty(cls) -> Self:
        """Return what is known of a customer before any event: the neutral element of merge."""
        return cls(
            sums=defaultdict(int),
            counts=[0] * counters.COUNT,
            purchase_days=0,
            contact_days=[0, 0, 0],
            first_value=NO_VALUE,
            first_in_category={},
            referred=0,
            referred_buyers=0,
            first_s=-1,
            last_at=-1,
            first_purchase_s=-1,
            last_purchase_s=-1,
            last_complaint_s=-1,
            newest=[],
            mentions={},
            referrer=(-1, 0),
            network_id=0,
        )


def add_event(facts: Facts, event: ProfileEvent, policy: Policy) -> None:
    """
    Fold one event in, in place. The caller has checked it and has dropped duplicates.

    Raises:
        ValueError: If the event lies before the policy's landmark.
    """
    occurred_at = event.occurred_at
    if occurred_at > facts.last_at:  # noqa: PLR1730 -- max() costs 80 ns more on the hot path
        facts.last_at = occurred_at
    t_s = occurred_at // MICROS
    if t_s < facts.first_s or facts.first_s < 0:
        facts.first_s = t_s
    fed = folding.fold(facts, event, policy.weights(t_s), policy)
    if fed:
        note_newest(facts.newest, (occurred_at, event.event_id, fed))


def note_newest(newest: list[Newest], entry: Newest) -> None:
    """
    Remember *entry* for those of its indicators that have no newer evidence.

    The list is sorted, newest first, and its bits are disjoint: each indicator has one newest
    event, by (occurred_at, id), whatever came first.
    """
    occurred_at, event_id, bits = entry
    place = 0
    kept: list[Newest] = []
    for each in newest:
        if each[0] > occurred_at or (each[0] == occurred_at and each[1] > event_id):
            bits &= ~each[2]
            kept.append(each)
            place += 1
        elif each[0] == occurred_at and each[1] == event_id:
            bits |= each[2]
        else:
            left = each[2] & ~bits
            if left:
                kept.append((each[0], each[1], left))
    if bits:
        kept.insert(place, (occurred_at, event_id, bits))
        newest[:] = kept


def merge(left: Facts, right: Facts) -> Facts:
    """
    Return the facts of both sets of events, which must be disjoint; neither argument changes.

    Commutative and associative, with ``Facts.empty()`` as neutral element.
    """
    newest = list(left.newest)
    for entry in right.newest:
        note_newest(newest, entry)
    sums = left.sums.copy()
    for slot, part in right.sums.items():
        sums[slot] += part
    return Facts(
        sums=sums,
        counts=list(map(total_of, left.counts, right.counts)),
        purchase_days=left.purchase_days | right.purchase_days,
        contact_days=[a | b for a, b in zip(left.contact_days, right.contact_days, strict=True)],
        first_value=merge_first_value(left.first_value, right.first_value),
        first_in_category=merge_firsts(left.first_in_category, right.first_in_category),
        referred=left.referred | right.referred,
        referred_buyers=left.referred_buyers | right.referred_buyers,
        first_s=_earlier(left.first_s, right.first_s),
        last_at=max(left.last_at, right.last_at),
        first_purchase_s=_earlier(left.first_purchase_s, right.first_purchase_s),
        last_purchase_s=max(left.last_purchase_s, right.last_purchase_s),
        last_complaint_s=max(left.last_complaint_s, right.last_complaint_s),
        newest=newest,
        mentions=merge_mentions(left.mentions, right.mentions),
        referrer=first_referrer(left.referrer, right.referrer),
        network_id=left.network_id or right.network_id,
    )


def _earlier(left: int, right: int) -> int:
    if left < 0 or right < 0:
        return max(left, right)
    return min(left, right)
