"""An epoch comes into force under running workers: no restart, and a replay agrees to the byte."""

from datetime import UTC, datetime

import pytest

from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.events import MICROS, TouchpointEvent
from ckm_stream.domain.score import ScoreUpdate
from ckm_stream.settings import Guarantee
from tests.e2e.conftest import Install, Simulated
from tests.support.installation import Installation
from tests.support.services import wait_until

pytestmark = pytest.mark.timeout(240)

_SOON = {"CKM__EPOCH__REFRESH_S": "1"}


def run(service: Installation, *verb: str) -> str:
    """Run a command that has to succeed; return what it printed."""
    done = service.run(*verb)
    assert done.returncode == 0, done.stderr
    return done.stdout


def activate(service: Installation, epoch_id: int, from_s: int) -> Epoch:
    """Fit an epoch, announce it, and wait until the worker knows it."""
    instant = datetime.fromtimestamp(from_s, UTC)
    run(service, "epoch", "fit")
    run(
        service,
        *("epoch", "activate", str(epoch_id), "--historical"),
        *("--effective-from", f"{instant:%Y-%m-%dT%H:%M:%S}"),
    )
    wait_until(
        lambda: service.metrics()["ckm_epoch_newest"] == epoch_id,
        timeout_s=30,
        what=lambda: f"a worker that knows epoch {epoch_id}; {service.logs()}",
    )
    return service.announced_epochs()[-1]


def halves(events: list[TouchpointEvent]) -> tuple[list[TouchpointEvent], list[TouchpointEvent]]:
    """Split events in time order where a second ends."""
    middle = next(
        place
        for place in range(len(events) // 2, len(events))
        if events[place].occurred_s > max(each.occurred_s for each in events[:place])
    )
    return events[:middle], events[middle:]


def contents(service: Installation) -> dict[tuple[str, int, int, int], ScoreUpdate]:
    """Return the score updates by what names their content."""
    updates = [service.outputs.decode_score_update(each.value) for each in service.read().updates]
    return {(u.customer_id, u.version, u.as_of, u.score.epoch_id): u for u in updates}


@pytest.mark.parametrize("core", ["compiled", "python"])
def test_scores_use_an_epoch_from_its_first_second_on(
    install: Install, simulated: Simulated, guarantee: Guarantee, core: str
) -> None:
    """Half the events are scored by epoch 0, half by a fitted one; each score is the oracle's."""
    before, after = halves(simulated(300, 6000))
    service = install(guarantee, extra={**_SOON, "CKM__CORE": core})
    service.start()
    service.publish(before)
    service.wait_until_stored(service.expected(before))
    service.wait_until_quiet()

    epoch = activate(service, 1, before[-1].occurred_s + 1)
    service.publish(after)
    service.wait_until_stored(service.expected([*before, *after]))
    service.wait_until_quiet()

    assert service.problems(announced=[epoch]) == []
    updates = contents(service).values()
    assert {each.score.epoch_id for each in updates} == {0, 1}
    for each in updates:
        assert each.score.epoch_id == (each.as_of >= epoch.effective_from_s * MICROS)
    assert service.problems()  # the control: by epoch 0 alone the same scores are wrong


def test_a_killed_worker_goes_on_in_the_same_epochs(
    install: Install, simulated: Simulated, guarantee: Guarantee
) -> None:
    """It reads the topic again before it scores, and rereads what it had not committed."""
    before, after = halves(simulated(200, 4000))
    service = install(guarantee, extra=_SOON)
    service.start()
    service.publish(before)
    service.wait_until_stored(service.expected(before))
    epoch = activate(service, 1, before[-1].occurred_s + 1)

    service.publish(after[: len(after) // 2])
    service.worker.kill()
    service.publish(after[len(after) // 2 :])
    service.worker.start()
    service.wait_until_stored(service.expected([*before, *after]))
    service.wait_until_quiet()

    assert service.problems(announced=[epoch]) == []
