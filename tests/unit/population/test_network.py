"""Who sent whom, and what lies beyond the first step of it."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.choices import Prior
from ckm_stream.domain.facts import Facts, add_event
from ckm_stream.domain.indicators import networking_of, read_referred
from ckm_stream.domain.network import Network
from ckm_stream.domain.sketch import network_id
from ckm_stream.population import network as module
from ckm_stream.population.network import Referrals
from tests.support.touchpoints import POLICY, T0_S, order, referral

PRIOR = Prior(a=1.0, b=3.0)

#: Who was sent by whom.
Sent = dict[str, str]


def population(sent: Sent) -> dict[str, Facts]:
    """Return the facts of all who sent or were sent; each who was sent buys once for 40.00."""
    facts = {name: Facts.empty() for name in sorted(sent.keys() | set(sent.values()))}
    for name, referrer in sent.items():
        bought = order(f"order-{name}", T0_S, customer_id=name, referred_by=referrer)
        add_event(facts[name], bought, POLICY)
        told = referral(
            f"told-{name}", T0_S, customer_id=referrer, referred_customer_id=name, margin=4_000
        )
        add_event(facts[referrer], told, POLICY)
    return facts


def network_of(facts: dict[str, Facts], names: list[str] | None = None) -> Network:
    """Learn the network, of the customers in this order."""
    referrals = Referrals()
    for name in names or list(facts):
        referrals.add(name, facts[name], as_of_s=T0_S, policy=POLICY)
    return referrals.network(PRIOR, POLICY.money)


def first_step(facts: Facts) -> float:
    """Return what a customer's own referrals bring."""
    return networking_of(read_referred(facts, T0_S, POLICY), PRIOR, POLICY.money)


def test_a_chain_counts_half_and_a_quarter_and_no_further() -> None:
    """Of a sent b, who sent c, who sent d, who sent e."""
    facts = population(dict(pairwise("edcba")))
    network = network_of(facts)
    b, c, d = (first_step(facts[name]) for name in "bcd")

    assert network.beyond(network_id("a")) == pytest.approx(b / 2 + c / 4)
    assert network.beyond(network_id("b")) == pytest.approx(c / 2 + d / 4)
    assert network.beyond(network_id("c")) == pytest.approx(d / 2)
    assert network.beyond(network_id("d")) == 0.0  # e has sent nobody
    assert network.beyond(network_id("e")) == 0.0


def test_a_circle_ends_and_nobody_is_credited_with_oneself() -> None:
    """Two who sent one another, and three in a round."""
    two = population({"a": "b", "b": "a"})
    three = population({"a": "b", "b": "c", "c": "a"})

    assert network_of(two).beyond(network_id("a")) == pytest.approx(first_step(two["b"]) / 2)
    assert network_of(three).beyond(network_id("a")) == pytest.approx(
        first_step(three["c"]) / 2 + first_step(three["b"]) / 4
    )


NAMES = st.sampled_from([f"c-{number}" for number in range(12)])
SENT = st.dictionaries(NAMES, NAMES, max_size=12).map(
    lambda sent: {name: referrer for name, referrer in sent.items() if name != referrer}
)


@given(SENT, st.randoms(use_true_random=False))
def test_the_network_does_not_depend_on_the_customers_order(
    sent: Sent, order_of: random.Random
) -> None:
    """To the bit."""
    facts = population(sent)
    names = list(facts)
    order_of.shuffle(names)

    assert network_of(facts, names) == network_of(facts)


@given(SENT)
def test_what_lies_beyond_is_less_than_all_first_steps_together(sent: Sent) -> None:
    """Everybody counts once, at half or less, whatever circles there are."""
    facts = population(sent)
    network = network_of(facts)

    for name in facts:
        others = sum(first_step(facts[other]) for other in facts if other != name)
        assert 0.0 <= network.beyond(network_id(name)) <= others / 2 + 1e-9


def test_of_too_many_customers_those_with_the_most_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The epoch's record has a limit; ids decide among equals."""
    monkeypatch.setattr(module, "MOST_CUSTOMERS", 2)
    facts = population(
        {"b": "a", "c": "b", "y": "x", "z": "y", "w": "y", "r": "q", "s": "r", "t": "r", "u": "r"}
    )

    assert set(network_of(facts).ids) == {network_id("x"), network_id("q")}


def test_a_referrer_whom_nobody_knows_is_left_out() -> None:
    """Named by a customer, with no event of its own yet."""
    facts = population({"b": "a", "c": "b"})
    del facts["a"]

    assert network_of(facts) == Network()
