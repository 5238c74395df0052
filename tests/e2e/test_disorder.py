"""Duplicates, reordering and lateness change nothing, and each is counted (promise P9)."""

from collections import Counter

import pytest

from tests.e2e.conftest import Install, Simulated
from tests.support.disorder import canonical_replay, differences, disorder
from tests.support.services import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]  # `make test` has to stay short


#: The horizon of 64 newer events is not what is tested here: no customer has as many as these.
_SEEN_IDS = 128
_SEEN = {"CKM__SCORING__SEEN_CAPACITY": str(_SEEN_IDS)}


def test_repeated_shuffled_and_late_events_come_to_what_the_ordered_ones_would(
    install: Install, simulated: Simulated
) -> None:
    """5 % come twice, 2 % up to seven days late, all shuffled: every state equals the replay's."""
    events = simulated(200, 4000)
    seen = disorder(events, seed=1)
    assert max(Counter(event.customer_id for event in events).values()) <= _SEEN_IDS
    service = install(extra=_SEEN)

    service.start()
    service.publish(seen.events)
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    canonical = canonical_replay(events, service.codec, service.settings.scoring)
    assert differences(service.read(), canonical) == []
    assert service.problems() == []
    wait_until(
        lambda: service.metrics()["ckm_events_deduplicated_total"] == seen.repeated,
        timeout_s=30,
        what=lambda: f"{seen.repeated} duplicates, not {service.metrics()}",
    )
    counts = service.metrics()
    assert counts["ckm_events_consumed_total"] == canonical.truth.consumed + seen.repeated
    assert counts["ckm_events_unaccounted"] == 0
    print(f"{len(seen.events)} published, {seen.repeated} repeated, {seen.late} late")


def test_control_without_seen_ids_repeated_events_count_twice(
    install: Install, simulated: Simulated
) -> None:
    """One id per customer: a copy that comes behind another event is taken for a new one."""
    events = simulated(50, 1000)
    seen = disorder(events, seed=1)
    service = install(extra={"CKM__SCORING__SEEN_CAPACITY": "1"})

    service.start()
    service.publish(seen.events)
    service.wait_until_consumed()
    service.wait_until_quiet()

    canonical = canonical_replay(events, service.codec, service.settings.scoring)
    assert differences(service.read(), canonical) != []
    assert service.metrics()["ckm_events_deduplicated_total"] < seen.repeated
