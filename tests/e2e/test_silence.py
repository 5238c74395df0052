"""Classes that change because nothing happens: announced once, also by a successor."""

import time
from typing import Any

import pytest
from sqlalchemy import select

from ckm_stream.codec.state import decode_state
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.score import ScoreUpdate, SourceClass, UpdateReason
from ckm_stream.domain.scoring import score_profile
from ckm_stream.settings import Guarantee
from ckm_stream.snapshots.tables import CURRENT_SCORE, PROFILE
from tests.e2e.conftest import Install, Simulated
from tests.support.installation import Installation
from tests.support.services import wait_until

pytestmark = pytest.mark.timeout(240)

#: A class is announced within so many seconds of its change (the promise is 60).
_LATE_S = 60


def classes_now(service: Installation, now_s: int) -> dict[str, SourceClass]:
    """Return every customer's class as of a second, read from the stored states."""
    policy = service.settings.scoring
    epoch = epoch_zero(policy)
    with service.engine.connect() as connection:
        rows = connection.execute(select(PROFILE.c.customer_id, PROFILE.c.state)).all()
    return {
        row.customer_id: score_profile(
            decode_state(row.state, policy).facts, as_of_s=now_s, epoch=epoch, policy=policy
        ).source_class
        for row in rows
    }


def announced(service: Installation) -> dict[str, str]:
    """Return every customer's class as it was announced last and stored."""
    with service.engine.connect() as connection:
        rows = connection.execute(select(CURRENT_SCORE.c.customer_id, CURRENT_SCORE.c.source_class))
        return {row.customer_id: row.source_class for row in rows}


def updates_of(service: Installation) -> list[ScoreUpdate]:
    """Return the score updates in their topic."""
    return [service.outputs.decode_score_update(record.value) for record in service.read().updates]


def wait_until_silence_is_told(service: Installation) -> None:
    """Wait until the store's classes are those of now."""

    def is_told() -> bool:
        service.assert_running()
        return announced(service) == classes_now(service, int(time.time()))

    wait_until(is_told, timeout_s=_LATE_S, what=lambda: f"classes of now; {service.logs()}")
    service.wait_until_quiet()


def test_who_has_fallen_silent_is_announced_once_also_by_a_successor(
    install: Install, simulated: Simulated, guarantee: Guarantee
) -> None:
    """Half a year after the last event: every class is that of now, killed in between or not."""
    events = simulated(300, 6000)
    service = install(guarantee, extra={"CKM__SILENCE__CLOCK": "wall"})
    service.start()
    service.publish(events)
    service.wait_until_stored(service.expected(events))

    service.worker.kill()
    service.worker.start()
    wait_until_silence_is_told(service)
    told = updates_of(service)
    service.worker.kill()
    service.worker.start()
    wait_until_silence_is_told(service)
    service.wait_until_quiet()

    by_silence = [each for each in told if each.reason is UpdateReason.DECAY]
    assert len(by_silence) > 20
    assert len({each.customer_id for each in by_silence}) > 20
    assert new_ones(told, updates_of(service), exactly_once=guarantee is Guarantee.EXACTLY_ONCE)
    for each in by_silence:
        assert each.previous_class is not each.score.source_class
        assert each.as_of % MICROS == 0
        assert each.score.as_of_s <= time.time()
    assert len({*map(key_of, by_silence)}) == len({*map(repr, by_silence)})


def key_of(update: ScoreUpdate) -> tuple[Any, ...]:
    """Return what names a score's content."""
    return update.customer_id, update.version, update.as_of, update.score.epoch_id


def new_ones(before: list[ScoreUpdate], after: list[ScoreUpdate], *, exactly_once: bool) -> bool:
    """Tell whether *after* holds nothing but what was there, each once if *exactly_once*."""
    if exactly_once:
        return [*map(repr, after)] == [*map(repr, before)]
    return {*map(repr, after)} == {*map(repr, before)}


def test_control_without_a_clock_nobody_hears_of_silence(
    install: Install, simulated: Simulated, guarantee: Guarantee
) -> None:
    """The mechanism off: classes stay what they were at the last event."""
    events = simulated(150, 3000)
    service = install(guarantee)

    service.start()
    service.publish(events)
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert {each.reason for each in updates_of(service)} == {UpdateReason.EVENT}
    assert announced(service) != classes_now(service, int(time.time()))
