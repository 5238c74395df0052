"""Every indicator by hand: what feeds it, what does not, and what it reads."""

from dataclasses import replace
from math import log
from typing import Any

import pytest

from ckm_stream.domain.beta import lower_decile
from ckm_stream.domain.choices import Money
from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.events import (
    CallOutcome,
    CampaignResponse,
    Channel,
    Direction,
    FeedbackKind,
    FeedbackStage,
    Initiator,
    ProfileEvent,
    PurchaseLine,
    Purpose,
    ReferralKind,
    Resolver,
    Reward,
    TicketAction,
)
from ckm_stream.domain.facts import Facts, add_event
from ckm_stream.domain.indicators import (
    Reading,
    mean_acceptance,
    read_absorption,
    read_value,
    read_willingness,
)
from ckm_stream.domain.network import Network
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.sketch import bin_of, network_id
from tests.support.touchpoints import (
    DAY_S,
    POLICY,
    T0_S,
    WEEK_S,
    approach,
    call,
    feedback,
    order,
    referral,
    refund,
    ticket,
)

EPOCH = epoch_zero(POLICY)
YEAR_S = 365.25 * DAY_S


def facts_of(*events: ProfileEvent, policy: Policy = POLICY) -> Facts:
    """Fold the events."""
    facts = Facts.empty()
    for event in events:
        add_event(facts, event, policy)
    return facts


def value_of(*events: ProfileEvent, now_s: int = T0_S) -> Reading:
    """Read V1 to V4."""
    return read_value(facts_of(*events), now_s, EPOCH, POLICY)[0]


def willingness_of(*events: ProfileEvent, now_s: int = T0_S) -> Reading:
    """Read W1 to W4."""
    return read_willingness(facts_of(*events), now_s, EPOCH, POLICY)[0]


def absorption_of(*events: ProfileEvent, now_s: int = T0_S) -> Reading:
    """Read A1 to A4."""
    return read_absorption(facts_of(*events), now_s, EPOCH, POLICY)[0]


def line(category: str, amount: int) -> PurchaseLine:
    """Return an order's line."""
    return PurchaseLine(sku="s", category=category, quantity=1, amount=amount)


class TestBasePotential:
    """V1: decayed margin less service cost, never below 0."""

    def test_margin_is_amount_less_cost(self) -> None:
        """An order of 100.00 that cost 60.00, at once and after one half-life of 13 weeks."""
        assert value_of(order())[0] == 4_000.0
        assert value_of(order(), now_s=T0_S + 13 * WEEK_S)[0] == 2_000.0

    def test_margin_without_a_cost_is_the_policys_share(self) -> None:
        """30 % of 100.00."""
        assert value_of(order(cost=0))[0] == 3_000.0

    def test_calls_and_tickets_cost(self) -> None:
        """An answered call 2.00, an opened and a reopened ticket 3.00 each; a lost call nothing."""
        events: list[ProfileEvent] = [
            order(),
            call(),
            call("lost", outcome=CallOutcome.ABANDONED),
            ticket(),
            ticket("again", action=TicketAction.REOPENED),
            ticket("done", action=TicketAction.RESOLVED),
        ]

        assert value_of(*events)[0] == 4_000.0 - 200 - 300 - 300

    def test_refunds_beyond_the_orders_floor_at_zero(self) -> None:
        """Totals may be negative inside; a later order has to make up for them."""
        assert value_of(order(), refund(), refund("more"))[0] == 0.0
        assert value_of(order(), refund(), refund("more"), order("two"), order("three"))[0] == (
            4_000.0
        )

    def test_a_refund_at_a_loss_takes_nothing(self) -> None:
        """Giving back an order that was sold below cost does not raise the margin."""
        loss: dict[str, Any] = {"amount": 1_000, "cost": 5_000}

        assert value_of(order(), order("loss", **loss))[0] == 0.0
        assert value_of(order(), refund(**loss))[0] == 4_000.0

    def test_evidence_counts_orders_only(self) -> None:
        """Two orders, one a half-life old: one and a half."""
        facts = facts_of(order("old", T0_S - 13 * WEEK_S), order(), refund(), call())

        assert read_value(facts, T0_S, EPOCH, POLICY)[1][0] == pytest.approx(1.5)


class TestGrowthPotential:
    """V2: margin in categories first bought later than 30 days, and that expected of more."""

    def test_a_first_category_only_promises(self) -> None:
        """At once: rate 0.5/1 a year times the whole margin."""
        assert value_of(order(lines=(line("music", 1),)))[1] == pytest.approx(0.5 * 4_000)

    def test_a_category_within_thirty_days_is_no_growth(self) -> None:
        """Bought 30 days after the first purchase: still the first basket."""
        first = order("one", T0_S - 30 * DAY_S, lines=(line("music", 1),))
        facts = facts_of(first, order("two", lines=(line("books", 1),)))

        (_, growth, _, _), (_, evidence, _, _) = read_value(facts, T0_S, EPOCH, POLICY)

        margin = 4_000 * (1 + 2 ** (-30 / (26 * 7)))
        assert growth == pytest.approx(0.5 / (1 + 30 * DAY_S / YEAR_S) * margin)
        assert evidence == 0.0

    def test_a_later_category_is_growth(self) -> None:
        """26 weeks later: its margin, plus 1.5 in 1.498 years of half of the decayed whole."""
        first = order("one", T0_S - 26 * WEEK_S, lines=(line("music", 1),))
        facts = facts_of(first, order("two", lines=(line("books", 1),)))

        (_, growth, _, _), (_, evidence, _, _) = read_value(facts, T0_S, EPOCH, POLICY)

        years = 26 * WEEK_S / YEAR_S
        assert growth == pytest.approx(4_000 + 1.5 / (1 + years) * 6_000 / 2)
        assert evidence == 1.0

    def test_lines_share_the_margin_by_amount(self) -> None:
        """Two thirds of 40.00 fall to a category that is new, the rest to one that is not."""
        first = order("one", T0_S - 52 * WEEK_S, lines=(line("music", 1),), amount=0, cost=0)
        both = order("two", lines=(line("music", 100), line("books", 200)))

        years = 52 * WEEK_S / YEAR_S
        expected = 2_666 + 1.5 / (1 + years) * (1_333 + 2_666) / 2
        assert value_of(first, both)[1] == pytest.approx(expected)

    def test_a_refund_is_no_first_time(self) -> None:
        """Giving back never opens a category, and lowers only its own."""
        first = order("one", T0_S - 52 * WEEK_S, lines=(line("music", 1),))
        back = refund(lines=(line("books", 1),))

        assert facts_of(back).first_in_category == {}
        assert value_of(first, back)[1] == value_of(first)[1]


class TestNetworkingPotential:
    """V3: referrals who bought, by what they are worth."""

    def test_a_buyer_is_worth_the_mean_margin_shared(self) -> None:
        """One referred, one buyer: (1 + 1)/(4 + 1) · 1 · (10 + 40)/2 · half."""
        reading = value_of(referral())[2]

        one = -256 * log(1 - 1 / 256)  # what a counter with one bit says
        expected = (1 + one) / (4 + one) * one * (1_000 + 4_000) / (1 + one) / 2
        assert reading == pytest.approx(expected)
        assert reading == pytest.approx(500, rel=0.01)

    def test_a_contact_counts_less_than_a_buyer(self) -> None:
        """Who was referred and has not bought may still buy."""
        prospect = referral(kind=ReferralKind.CONTACT, margin=0)

        assert 0.0 < value_of(prospect)[2] < value_of(referral())[2]

    def test_the_same_customer_counts_once(self) -> None:
        """Three contacts of one referred customer are one referred customer."""
        prospects = [referral(f"r{n}", kind=ReferralKind.CONTACT) for n in range(3)]

        assert value_of(*prospects)[2] == value_of(prospects[0])[2]

    def test_refunds_of_referred_customers_floor_at_zero(self) -> None:
        """Margin given back is taken away, and no more than that."""
        back = referral("back", kind=ReferralKind.REFUND, margin=9_000)
        nothing = referral("zero", margin=0)

        assert value_of(referral(), back)[2] == value_of(nothing)[2]

    def test_referring_oneself_is_ignored(self) -> None:
        """No value, no evidence, no indicator fed."""
        facts = facts_of(referral(referred_customer_id="c-1"))

        assert facts.referred == 0
        assert facts.newest == []

    def test_what_the_epoch_knows_beyond_the_first_step_is_added_and_cools(self) -> None:
        """Half of it is left after 52 weeks; a customer whom it does not know gets nothing."""
        facts = facts_of(referral())
        network = Network((network_id("c-1"),), (600.0,))
        known = replace(EPOCH, network=network, as_of_s=T0_S)
        later_s = T0_S + POLICY.half_lives.networking_potential

        def read(epoch: Epoch, now_s: int) -> float:
            return read_value(facts, now_s, epoch, POLICY)[0][2]

        assert read(known, T0_S) == pytest.approx(read(EPOCH, T0_S) + 600.0)
        assert read(known, later_s) == pytest.approx(read(EPOCH, later_s) + 300.0)
        other = replace(known, network=Network((7,), (600.0,)))
        assert read(other, T0_S) == read(EPOCH, T0_S)

    def test_who_has_sent_nobody_has_no_network(self) -> None:
        """Whatever an epoch says under the id of nobody."""
        known = replace(EPOCH, network=Network((0,), (600.0,)), as_of_s=T0_S)

        assert read_value(facts_of(order()), T0_S, known, POLICY)[0][2] == 0.0


class TestLearningPotential:
    """V4: value of the items told, times how often they turn out right."""

    def test_a_submission_is_worth_a_quarter_of_its_novelty(self) -> None:
        """0.4 · 0.25, at a prior credibility of 3 in 4."""
        assert value_of(feedback())[3] == pytest.approx(0.4 * 0.25 * 3 / 4)

    def test_adoption_adds_the_rest_and_confirms(self) -> None:
        """0.4 · (0.25 + 0.75), at a credibility of (3 + 1)/(4 + 1)."""
        adopted = feedback("adopted", stage=FeedbackStage.ADOPTED)

        assert value_of(feedback(), adopted)[3] == pytest.approx(0.4 * 4 / 5)

    def test_adoption_counts_at_its_own_time(self) -> None:
        """A submission of 26 weeks ago has halved, its adoption of today has not."""
        told = feedback(at_s=T0_S - 26 * WEEK_S)
        adopted = feedback("adopted", stage=FeedbackStage.ADOPTED)

        assert value_of(told, adopted)[3] == pytest.approx(0.4 * (0.25 / 2 + 0.75) * 4 / 5)

    def test_a_rejected_item_lowers_all(self) -> None:
        """Credibility falls to 3 in 5."""
        rejected = feedback("rejected", stage=FeedbackStage.REJECTED)

        assert value_of(feedback(), rejected)[3] == pytest.approx(0.4 * 0.25 * 3 / 5)

    def test_who_is_more_often_wrong_than_right_teaches_nothing(self) -> None:
        """Two refuted items leave 3 in 6 and a worth; a third refuted one leaves none."""
        refuted = [feedback(f"r{n}", stage=FeedbackStage.REJECTED) for n in range(3)]

        assert value_of(feedback(), *refuted[:2])[3] == pytest.approx(0.4 * 0.25 * 3 / 6)
        assert value_of(feedback(), *refuted)[3] == 0.0

    def test_unknown_novelty_is_one_half(self) -> None:
        """As the specification says."""
        assert value_of(feedback(novelty=None))[3] == pytest.approx(0.5 * 0.25 * 3 / 4)

    def test_notes_and_reports_in_words_are_items(self) -> None:
        """A noted call and a ticket in words are worth as much as feedback of novelty 0.5."""
        for event in (call(note="says so"), ticket(text="it broke")):
            assert value_of(event)[3] == pytest.approx(0.5 * 0.25 * 3 / 4)

    def test_contacts_without_words_teach_nothing(self) -> None:
        """A call without a note, a bare ticket, feedback without text or rating."""
        empty: list[ProfileEvent] = [call(), ticket(), feedback(text=None), feedback("b", text="")]

        assert value_of(*empty)[3] == 0.0
        assert read_value(facts_of(*empty), T0_S, EPOCH, POLICY)[1][3] == 0.0

    def test_what_needed_an_expert_is_confirmed(self) -> None:
        """0.5 · 0.75 more, and one more item that was right."""
        solved = ticket("s", action=TicketAction.RESOLVED, resolved_by=Resolver.EXPERT)
        expected = 0.5 * (0.25 + 0.75) * 4 / 5

        assert value_of(ticket(text="it broke"), solved)[3] == pytest.approx(expected)


class TestContactFrequency:
    """W1: days on which the customer came forward, by what for."""

    @pytest.mark.parametrize(
        ("event", "worth"),
        [
            (feedback(), 1.0),
            (feedback(purpose=Purpose.SUGGESTION), 1.0),
            (feedback(kind=FeedbackKind.QUESTION), 0.5),
            (feedback(text=None), 0.1),
            (call(purpose=Purpose.REPORT, note="says so"), 1.0),
            (call(purpose=Purpose.REPORT), 0.1),
            (call(purpose=Purpose.QUESTION), 0.5),
            (call(purpose=Purpose.STATUS_CHASE), 0.1),
            (call(purpose=Purpose.REPEAT_UNRESOLVED), 0.0),
            (call(), 0.1),
            (call(note="says so"), 0.5),
            (call(initiated_by=Initiator.COMPANY), 0.0),
            (ticket(purpose=Purpose.REPORT, text="it broke"), 1.0),
            (ticket(action=TicketAction.REOPENED), 0.0),
            (feedback(stage=FeedbackStage.REVIEWED), 0.0),
            (order(), 0.0),
        ],
    )
    def test_worth_is_the_purposes(self, event: ProfileEvent, worth: float) -> None:
        """κ by the event's own purpose and content; (1 + κ)/26 a week at the first instant."""
        reading, evidence = read_willingness(facts_of(event), T0_S, EPOCH, POLICY)

        assert evidence[0] == worth
        assert reading[0] == pytest.approx((1 + worth) / 26)

    def test_one_contact_a_day_counts_at_its_highest_worth(self) -> None:
        """A chase, a question and a report of one day are one report."""
        day: list[ProfileEvent] = [
            call("chase", purpose=Purpose.STATUS_CHASE),
            call("question", T0_S + 60, purpose=Purpose.QUESTION),
            feedback("report", T0_S + 120),
            feedback("another", T0_S + 180),
        ]

        assert read_willingness(facts_of(*day), T0_S + 200, EPOCH, POLICY)[1][0] == 1.0

    def test_contacts_age_by_days_over_a_decayed_exposure(self) -> None:
        """A report 13 weeks ago is half a report in 13 weeks that count (H/ln 2)/2."""
        reading = willingness_of(feedback(at_s=T0_S - 13 * WEEK_S))[0]

        assert reading == pytest.approx((1 + 0.5) / (26 + 13 / log(2) / 2))

    def test_contacts_beyond_the_window_are_forgotten(self) -> None:
        """The 728th day is read, at 2^-8; the next is not."""
        inside = facts_of(feedback(at_s=T0_S - 728 * DAY_S))
        outside = facts_of(feedback(at_s=T0_S - 729 * DAY_S))

        assert read_willingness(inside, T0_S, EPOCH, POLICY)[1][0] == pytest.approx(2**-8)
        assert read_willingness(outside, T0_S, EPOCH, POLICY)[1][0] == 0.0

    def test_a_customer_without_events_has_no_exposure(self) -> None:
        """The prior's rate, not one in all the time since 1970."""
        assert willingness_of()[0] == pytest.approx(1 / 26)


class TestAcceptanceRate:
    """W2: what becomes of the company's approaches, at the least."""

    @pytest.mark.parametrize(
        ("event", "accepted", "declined"),
        [
            (approach(CallOutcome.ANSWERED), 1.0, 0.0),
            (approach(CallOutcome.DECLINED), 0.0, 1.0),
            (approach(CallOutcome.NO_ANSWER), 0.0, 0.5),
            (approach(CallOutcome.ABANDONED), 0.0, 0.0),
            (order(response=CampaignResponse.ACCEPTED), 1.0, 0.0),
            (order(amount=0, response=CampaignResponse.DECLINED), 0.0, 1.0),
            (order(amount=0, response=CampaignResponse.NO_ANSWER), 0.0, 0.5),
            (feedback(initiated_by=Initiator.COMPANY), 1.0, 0.0),
            (feedback(initiated_by=Initiator.COMPANY, text=None), 0.0, 0.5),
            (feedback(), 0.0, 0.0),
            (call(), 0.0, 0.0),
            (call(outcome=CallOutcome.NO_ANSWER), 0.0, 0.0),
        ],
    )
    def test_each_approach_counts_by_its_outcome(
        self, event: ProfileEvent, accepted: float, declined: float
    ) -> None:
        """Ranked by the lower tenth of Beta(2 + accepted, 2 + declined + ½ no answer)."""
        facts = facts_of(event)

        reading, evidence = read_willingness(facts, T0_S, EPOCH, POLICY)

        assert reading[1] == pytest.approx(lower_decile(2 + accepted, 2 + declined))
        assert evidence[1] == pytest.approx(accepted + declined)
        mean = (2 + accepted) / (4 + accepted + declined)
        assert mean_acceptance(facts, T0_S, EPOCH, POLICY) == pytest.approx(mean)

    def test_the_answer_to_an_offer_is_no_order(self) -> None:
        """Nothing was bought: no purchase day, no order, no source."""
        facts = facts_of(order(amount=0, response=CampaignResponse.ACCEPTED))

        assert facts.purchase_days == 0
        assert value_of(order(amount=0, response=CampaignResponse.ACCEPTED))[0] == 0.0


class TestTrust:
    """W3: signed evidence, half-life a year."""

    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            (call(satisfaction=5), 3 / 5),
            (call(satisfaction=4), 3 / 5),
            (call(satisfaction=3), 2 / 4),
            (call(satisfaction=2), 2 / 5),
            (feedback(rating=4.0, rating_scale=5.0), 3 / 5),
            (feedback(rating=3.0, rating_scale=5.0), 2 / 4),
            (feedback(rating=2.0, rating_scale=5.0), 2 / 5),
            (feedback(rating=4.0), 2 / 4),
            (call(consent={"ads": True}), 3 / 5),
            (call(consent={"ads": True, "calls": False}), 2 / 5),
            (approach(CallOutcome.DECLINED, consent={"calls": False}), 2 / 5),
            (approach(CallOutcome.DECLINED, consent={"ads": True}), 2 / 4),
            (feedback(stage=FeedbackStage.REVIEWED, consent={"ads": False}), 2 / 5),
            (ticket(action=TicketAction.REOPENED), 2 / 5),
            (refund(), 2 / 4),
        ],
    )
    def test_evidence_is_signed_by_the_event(self, event: ProfileEvent, expected: float) -> None:
        """Over a prior of two for and two against."""
        assert willingness_of(event)[2] == pytest.approx(expected)

    def test_buying_after_a_complaint_restores_trust(self) -> None:
        """Decided at read: a complaint, then an order, in whichever order they arrive."""
        complaint = feedback(kind=FeedbackKind.COMPLAINT, at_s=T0_S - DAY_S)
        bought = order(at_s=T0_S - DAY_S + 60)

        fresh = 2.0 ** (-(DAY_S - 60) / (52 * WEEK_S))
        expected = pytest.approx((2 + fresh) / (4 + fresh))
        assert willingness_of(complaint, bought)[2] == expected
        assert willingness_of(bought, complaint)[2] == expected

    def test_buying_before_a_complaint_says_nothing(self) -> None:
        """Nor does a purchase without any complaint."""
        complaint = feedback(kind=FeedbackKind.COMPLAINT)

        assert willingness_of(order(at_s=T0_S - 60), complaint)[2] == 0.5
        assert willingness_of(order())[2] == 0.5


class TestPerceivedBenefit:
    """W4: does the customer see a gain from sharing?"""

    @pytest.mark.parametrize(
        ("events", "gain", "no_gain"),
        [
            ([feedback(reward=Reward.OFFERED)], 0.0, 1.0),
            ([feedback("a", reward=Reward.OFFERED), feedback("b", reward=Reward.REDEEMED)], 1, 0),
            ([feedback(reward=Reward.REDEEMED)], 1.0, 0.0),
            ([feedback(benefit=0.75)], 0.75, 0.25),
            ([call(resolved_first_contact=True)], 1.0, 0.0),
            ([call(resolved_first_contact=False)], 0.0, 1.0),
            ([feedback(stage=FeedbackStage.IMPLEMENTED)], 1.0, 0.0),
            ([feedback(stage=FeedbackStage.REJECTED)], 0.0, 0.0),
        ],
    )
    def test_gains_are_weighed_against_none(
        self, events: list[ProfileEvent], gain: float, no_gain: float
    ) -> None:
        """Over a prior of two each; a reward that was redeemed was not offered in vain."""
        reading, evidence = read_willingness(facts_of(*events), T0_S, EPOCH, POLICY)

        assert reading[3] == pytest.approx((2 + gain) / (4 + gain + no_gain))
        assert evidence[3] == pytest.approx(gain + no_gain)


class TestSourceDiversity:
    """A1: how many kinds of sources the customer speaks through."""

    def test_nothing_known_is_the_prior(self) -> None:
        """Not the entropy of an empty vector, which would be 1."""
        assert absorption_of()[0] == pytest.approx(0.3)

    def test_four_sources_are_more_diverse_than_one(self) -> None:
        """Four contacts through one channel and type, or through four."""
        channels = [Channel.PHONE, Channel.WEB, Channel.STORE, Channel.PARTNER]
        alike = [call(f"a{n}", channel=Channel.PHONE) for n in range(4)]
        apart = [call(f"b{n}", channel=channel) for n, channel in enumerate(channels)]

        assert absorption_of(*alike)[0] < absorption_of(*apart)[0] < 1.0

    def test_entropy_is_shrunk_by_evidence(self) -> None:
        """One call: entropy of (1.25, 15 of 0.25) in 5, counted once against a prior of 3."""
        entropy = -(0.25 * log(0.25) + 15 * 0.05 * log(0.05)) / log(16)

        assert absorption_of(call())[0] == pytest.approx((0.9 + entropy) / 4)

    def test_channels_of_a_group_are_one_source(self) -> None:
        """The web and an app are both digital."""
        web, app = call("a", channel=Channel.WEB), call("b", channel=Channel.APP)

        assert absorption_of(web, app)[0] == absorption_of(web, call("c", channel=Channel.WEB))[0]


class TestComplementarity:
    """A2: related to what is known, and still new."""

    @pytest.mark.parametrize(
        ("event", "fit"),
        [
            (feedback(novelty=0.5), 1.0),
            (feedback(novelty=0.1), 0.36),
            (feedback(novelty=0.9), 0.36),
            (feedback(novelty=0.0), 0.0),
            (feedback(novelty=1.0), 0.0),
            (feedback(novelty=None), 0.5),
            (feedback(novelty=0.5, product=None), 0.0),
            (feedback(novelty=0.5, product=None, topics=("lids",)), 1.0),
            (ticket(text="it broke", category="fault"), 0.5),
            (call(note="says so"), 0.0),
        ],
    )
    def test_fit_is_an_inverted_u(self, event: ProfileEvent, fit: float) -> None:
        """4·n·(1 - n) for what is related, 0 for what is not, over a prior of one each."""
        reading, evidence = read_absorption(facts_of(event), T0_S, EPOCH, POLICY)

        assert reading[1] == pytest.approx((1 + fit) / 3)
        assert evidence[1] == pytest.approx(1.0)


class TestEmployeeMotivation:
    """A3: do the people who serve this customer note what they hear?"""

    def test_without_a_table_it_is_the_prior(self) -> None:
        """3 in 10, with the contacts handled as evidence."""
        facts = facts_of(
            call(employee_id="e-1"),
            ticket(employee_id="e-2", action=TicketAction.RESOLVED),
        )

        reading, evidence = read_absorption(facts, T0_S, EPOCH, POLICY)

        assert reading[2] == pytest.approx(0.3)
        assert evidence[2] == 2.0

    def test_rates_are_weighed_by_the_shares_of_employees(self) -> None:
        """Three contacts with one employee: (3 + ¼)/7 of that rate, ¼/7 of each other."""
        rates = [0.0] * 16
        rates[bin_of("e-1")] = 1.0
        facts = facts_of(*(call(f"c{n}", employee_id="e-1") for n in range(3)))

        epoch = replace(EPOCH, employee_rates=tuple(rates))
        reading, _ = read_absorption(facts, T0_S, epoch, POLICY)

        assert reading[2] == pytest.approx(3.25 / 7)

    def test_an_approach_that_failed_was_handled_by_nobody(self) -> None:
        """Nothing could have been noted."""
        facts = facts_of(approach(CallOutcome.NO_ANSWER, employee_id="e-1"))

        assert read_absorption(facts, T0_S, EPOCH, POLICY)[1][2] == 0.0


class TestItSupport:
    """A4: did the event arrive structured and in time?"""

    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            (order(), 3 / 4),
            (call(reason="bill"), 3 / 4),
            (call(topics=("bill",)), 3 / 4),
            (call(), 2 / 4),
            (ticket(category="fault"), 3 / 4),
            (ticket(), 2 / 4),
            (feedback(), 3 / 4),
            (feedback(product=None), 2 / 4),
            (feedback(product=None, rating=3.0), 3 / 4),
            (order(recorded_at=(T0_S + DAY_S) * 1_000_000), 3 / 4),
            (order(recorded_at=(T0_S + DAY_S) * 1_000_000 + 1), 2 / 4),
        ],
    )
    def test_late_or_shapeless_counts_against(self, event: ProfileEvent, expected: float) -> None:
        """Over a prior of two for and one against."""
        assert absorption_of(event)[3] == pytest.approx(expected)

    def test_half_life_is_four_weeks(self) -> None:
        """An event of four weeks ago counts half."""
        assert absorption_of(order(), now_s=T0_S + 4 * WEEK_S)[3] == pytest.approx(2.5 / 3.5)


def test_costs_and_margins_are_the_policys() -> None:
    """Other choices, other facts: 10 % margin, 5.00 a call."""
    policy = replace(POLICY, money=Money(default_margin_permille=100, call_cost=500))
    facts = facts_of(order(cost=0), call(direction=Direction.INBOUND), policy=policy)

    assert read_value(facts, T0_S, epoch_zero(policy), policy)[0][0] == 1_000.0 - 500.0
