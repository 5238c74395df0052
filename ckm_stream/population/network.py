"""
Who sent whom, and what that is worth beyond the first step: damped, and bounded in depth.

A customer is credited with what the referred buy (V3's first step) by events. What these send in
turn is no event of the customer's: forwarding it from referrer to referrer would make a state
depend on how far others had come. So it is learnt with the epoch, from all customers at one moment.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Final

from ckm_stream.domain.choices import Money, Prior
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.indicators import Referred, networking_of, read_referred
from ckm_stream.domain.network import Network
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.sketch import network_id

#: Each step further counts half as much; 1/8 and less of a guess is not worth a walk.
DAMPING: Final = 0.5
DEEPEST: Final = 3

#: The most customers that an epoch says it of, those with the most: some 180 kB of its record.
MOST_CUSTOMERS: Final = 10_000


@dataclass(slots=True)
class Referrals:
    """Those who sent somebody, gathered in one pass over all customers, and who sent them."""

    _referred: dict[int, Referred] = field(default_factory=dict)
    _sent_by: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, customer_id: str, facts: Facts, *, as_of_s: int, policy: Policy) -> None:
        """Add a customer; one who sent nobody is a leaf, and counted by who sent it already."""
        if not facts.referred:
            return
        own = network_id(customer_id)
        self._referred[own] = read_referred(facts, as_of_s, policy)
        since_s, referrer = facts.referrer
        if since_s >= 0:
            self._sent_by[referrer].append(own)

    def network(self, prior: Prior, money: Money) -> Network:
        """
        Return what lies beyond the first step of each customer's referrals.

        Those whom x sent have sent others in turn: what these bring counts half, and a quarter one
        step further. Everybody counts once, so a circle of customers who sent one another ends.

        Args:
            prior: That of the share of the referred who buy.
            money: What a referred customer is worth.
        """
        firsts = {each: networking_of(read, prior, money) for each, read in self._referred.items()}
        found = {each: self._beyond(each, firsts) for each in self._sent_by if each in firsts}
        most = nsmallest(MOST_CUSTOMERS, found.items(), key=lambda item: (-item[1], item[0]))
        kept = sorted((own, value) for own, value in most if value > 0)
        return Network(tuple(own for own, _ in kept), tuple(value for _, value in kept))

    def _beyond(self, own: int, firsts: dict[int, float]) -> float:
        seen, level = {own}, [own]
        value, share = 0.0, 1.0
        for _ in range(1, DEEPEST):
            sent = {each for sender in level for each in self._sent_by.get(sender, ())}
            level = sorted(sent - seen)
            seen |= sent
            share *= DAMPING
            # In the order of the ids, so that the sum does not depend on the customers' order.
            for each in level:
                value += share * firsts[each]
        return value
