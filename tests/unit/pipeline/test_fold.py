"""What events make of a customer: an update when it is due, items, and events for other keys."""

import math
from dataclasses import replace

import pytest

from ckm_stream.codec.state import decode_employee, decode_state
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import EmployeeContact, ProfileEvent, Referral
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import ProfileState
from ckm_stream.domain.score import ScoreUpdate, SourceClass, UpdateReason
from ckm_stream.domain.scoring import score_profile
from ckm_stream.errors import InvariantError
from ckm_stream.pipeline.fold import EmployeeFold
from ckm_stream.pipeline.records import Effects
from tests.support.touchpoints import DAY_S, T0_S, call, contact, feedback, order, referral
from tests.support.units import EPOCH, EVENTS, OUTPUTS, PARTITION, POLICY, TOPICS, profile_fold


def profile_of(*events: ProfileEvent) -> ProfileState:
    """Return the state that *events* make of a new customer, never announced."""
    fold, state = profile_fold(), ProfileState.empty(PARTITION)
    for event in events:
        fold.apply(state, event, Effects(PARTITION))
    return state


def sealed(
    state: ProfileState, *, policy: Policy = POLICY, last: str | None = "e"
) -> list[ScoreUpdate]:
    """Seal a customer and return the updates that it caused."""
    effects = Effects(PARTITION)
    profile_fold(policy).seal(b"c-1", state, effects, last=last)
    return [OUTPUTS.decode_score_update(update.value or b"") for update in effects.updates]


def total_of(state: ProfileState) -> float:
    """Return the total score as of the newest event."""
    as_of_s = state.last_occurred_at // 1_000_000
    return score_profile(state.facts, as_of_s=as_of_s, epoch=EPOCH, policy=POLICY).total


def class_of(state: ProfileState) -> SourceClass:
    """Return the class as of the newest event."""
    as_of_s = state.last_occurred_at // 1_000_000
    return score_profile(state.facts, as_of_s=as_of_s, epoch=EPOCH, policy=POLICY).source_class


def test_a_customer_is_announced_at_the_first_event() -> None:
    """The update tells the score as of the newest event, its reasons and its cause."""
    state = profile_of(order("a", T0_S + DAY_S), order("b", T0_S))

    (update,) = sealed(state, last="b")

    assert (update.customer_id, update.version, update.event_id) == ("c-1", 2, "b")
    assert update.as_of == (T0_S + DAY_S) * 1_000_000
    assert (update.reason, update.previous_class) == (UpdateReason.EVENT, None)
    assert update.score.total == total_of(state)
    contributions = math.fsum(factor.contribution for factor in update.factors)
    expected = math.log(update.score.total) - math.log(update.reference_total)
    assert contributions == pytest.approx(expected, abs=1e-9)


def test_an_announcement_is_remembered() -> None:
    """What was said last is what the next change is measured against."""
    state = profile_of(order("a"))

    sealed(state)

    delivery = state.delivery
    assert (delivery.announced_class, delivery.announced_total) == (
        class_of(state),
        total_of(state),
    )
    assert (delivery.announced_as_of, delivery.announced_version) == (state.last_occurred_at, 1)


@pytest.mark.parametrize(
    ("share_of_epsilon", "is_due"),
    [(0.0, False), (0.999, False), (1.001, True), (-0.999, False), (-1.001, True)],
)
def test_a_total_is_announced_once_it_has_moved_by_epsilon(
    share_of_epsilon: float, is_due: bool
) -> None:
    """The distance to what was announced last counts, in both directions."""
    state = profile_of(order("a"))
    sealed(state)
    state.delivery.announced_total = total_of(state) + share_of_epsilon * POLICY.epsilon

    assert bool(sealed(state)) is is_due


def test_a_total_that_moved_by_exactly_epsilon_is_announced() -> None:
    """The limit itself is due."""
    state = profile_of(order("a"))
    sealed(state)
    announced = total_of(state) - 0.25
    state.delivery.announced_total = announced
    exactly = replace(POLICY, epsilon=total_of(state) - announced)

    assert len(sealed(state, policy=exactly)) == 1


def test_another_class_is_announced_though_the_total_stays() -> None:
    """The update names the class that was announced before."""
    state = profile_of(order("a"))
    sealed(state)
    state.delivery.announced_class = SourceClass.KEY_SOURCE

    (update,) = sealed(state)

    assert update.previous_class is SourceClass.KEY_SOURCE
    assert update.score.source_class is class_of(state)


def test_nothing_is_announced_if_nothing_was_applied() -> None:
    """A duplicate moves an offset only, even if an update would be due by now."""
    state = profile_of(order("a"))

    assert sealed(state, last=None) == []


def test_an_announcement_that_is_made_again_is_the_same_to_the_byte() -> None:
    """Consumers may see an update twice, with the same content."""
    state = profile_of(order("a"), call("b"))
    fold, first, again = profile_fold(), Effects(PARTITION), Effects(PARTITION)
    data = fold.seal(b"c-1", state, first, last="b")

    fold.announce_again(b"c-1", decode_state(data, POLICY), again)

    assert again.updates == first.updates


def test_knowledge_items_stay_in_the_customers_partition() -> None:
    """An item is keyed by its customer, so it is ordered with the score updates."""
    effects = Effects(PARTITION)

    profile_fold().apply(ProfileState.empty(PARTITION), feedback("a"), effects)

    (item,) = effects.items
    assert (item.topic, item.partition, item.key) == (TOPICS.knowledge_item, PARTITION, b"c-1")
    assert OUTPUTS.decode_item(item.value or b"").event_id == "a"


def test_what_concerns_others_is_forwarded_to_their_keys() -> None:
    """The referrer and the employee get events of their own, wherever their keys hash to."""
    effects = Effects(PARTITION)
    event = call("a", employee_id="e-7", referred_by="c-9")

    profile_fold().apply(ProfileState.empty(PARTITION), event, effects)

    to_referrer, to_employee = effects.forwarded
    assert (to_referrer.topic, to_referrer.partition, to_referrer.key) == (
        TOPICS.referral,
        None,
        b"c-9",
    )
    assert (to_employee.topic, to_employee.partition, to_employee.key) == (
        TOPICS.employee,
        None,
        b"e-7",
    )
    referred = EVENTS.decode(Source.REFERRAL, b"c-9", to_referrer.value)
    handled = EVENTS.decode(Source.EMPLOYEE, b"e-7", to_employee.value)
    assert isinstance(referred, Referral)
    assert isinstance(handled, EmployeeContact)


def test_a_duplicate_causes_nothing() -> None:
    """Neither items nor forwarded events, and no version."""
    state, effects = profile_of(feedback("a")), Effects(PARTITION)

    applied = profile_fold().apply(state, feedback("a"), effects)

    assert (applied, state.delivery.version) == (False, 1)
    assert (effects.items, effects.forwarded) == ([], [])


def test_a_forwarded_event_is_applied_like_any_other() -> None:
    """A referral counts as an event of the referrer's, and is not forwarded again."""
    state, effects = ProfileState.empty(PARTITION), Effects(PARTITION)

    assert profile_fold().apply(state, referral("a"), effects)

    assert (state.delivery.version, effects.forwarded) == (1, [])


def test_an_employees_contacts_are_counted_once_and_never_announced() -> None:
    """The table of employees has states and no outputs."""
    fold, effects = EmployeeFold(policy=POLICY), Effects(PARTITION)
    state = fold.load(None, PARTITION)
    applied = [fold.apply(state, contact(name), effects) for name in ("a", "a", "b")]

    data = fold.seal(b"e-1", state, effects, last="b")
    fold.announce_again(b"e-1", state, effects)

    assert applied == [True, False, True]
    assert decode_employee(data, POLICY).delivery.version == 2
    assert fold.load(data, PARTITION) == state
    assert effects == Effects(PARTITION)


@pytest.mark.parametrize("source", list(Source))
def test_each_source_has_a_place_in_its_table(source: Source) -> None:
    """Profiles have five places for offsets, employees one."""
    fold = EmployeeFold(policy=POLICY) if source is Source.EMPLOYEE else profile_fold()
    state = fold.load(None, PARTITION)

    assert state.delivery.applied[fold.slot(source)] == -1


def test_an_employees_contact_in_the_profile_table_is_our_own_defect() -> None:
    """The wiring of sources to tables is wrong if it happens."""
    fold, state = profile_fold(), ProfileState.empty(PARTITION)

    with pytest.raises(InvariantError, match="reached the profile table"):
        fold.apply(state, contact("a"), Effects(PARTITION))


def test_a_customers_event_in_the_employee_table_is_our_own_defect() -> None:
    """The wiring of sources to tables is wrong if it happens."""
    fold = EmployeeFold(policy=POLICY)
    state = fold.load(None, PARTITION)

    with pytest.raises(InvariantError, match="reached the employee table"):
        fold.apply(state, call("a"), Effects(PARTITION))
