"""What is not a topic is derived: lost, it is made again, the same (promise P13)."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import update

from ckm_stream.codec.state import decode_state
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.errors import FencedError
from ckm_stream.snapshots.tables import SCORE
from tests.e2e.conftest import Install, Simulated
from tests.support.installation import Expected, Installation
from tests.support.store_rows import digest_of

pytestmark = pytest.mark.timeout(240)


def empty_by_command(service: Installation) -> None:
    """Run `ckm rebuild`, without its question."""
    command = [sys.executable, "-m", "ckm_stream", "rebuild", "--yes"]
    subprocess.run(command, env=service.snapshots.env, capture_output=True, check=True)


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgresql", marks=pytest.mark.kafka)])
def test_a_rebuilt_store_is_the_same_in_every_row(
    install: Install, simulated: Simulated, store: str
) -> None:
    """All rows of all tables, sorted and hashed, before `ckm rebuild` and after it."""
    events = simulated(100, 1000)
    service = install(store=store)

    service.start()
    service.publish(events)
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()
    service.snapshots.stop()
    before = digest_of(service.engine)
    empty_by_command(service)
    emptied = service.stored()
    service.snapshots.start()
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert emptied == Expected(0, 0)
    assert digest_of(service.engine) == before
    assert service.problems() == []
    with service.engine.begin() as connection:  # the control: one value of one row, and it shows
        connection.execute(update(SCORE).where(SCORE.c.version == 1).values(total=0.5))
    assert digest_of(service.engine) != before


def newest_of_each(events: list[TouchpointEvent]) -> list[TouchpointEvent]:
    """Return the newest event of each customer; published again, it is a duplicate."""
    return list({event.customer_id: event for event in events}.values())


def states_of(service: Installation) -> dict[bytes, bytes]:
    """Return the newest state of each customer in the changelog."""
    return {
        record.key: record.value
        for record in service.read().profile_changelog
        if record.key is not None and record.value is not None
    }


def touch_all_states(service: Installation, events: list[TouchpointEvent], *faults: str) -> None:
    """Replace the worker by one with nothing on its disk, and let it touch every state."""
    assert service.worker.stop() == 0
    service.worker = service.new_faulty("worker", *faults)
    folder = service.folder / "new"
    service.worker.env["CKM__DATA_DIR"] = str(folder)
    service.worker.start()
    service.publish(newest_of_each(events))
    service.wait_until_consumed()
    service.wait_until_quiet()
    assert not list(Path(folder).rglob("*.db"))


@pytest.mark.kafka
def test_a_worker_with_an_empty_disk_recovers_every_state(
    install: Install, simulated: Simulated
) -> None:
    """Each is read back, touched by a duplicate and written again: the same but for its offsets."""
    events = simulated(60, 600)
    service = install()

    service.start()
    service.publish(events)
    service.wait_until_stored(service.expected(events))
    before = states_of(service)
    touch_all_states(service, events)
    after = states_of(service)

    assert all(after[key] != before[key] for key in before)  # the offsets moved
    for key, data in after.items():
        old, new = (decode_state(each, service.settings.scoring) for each in (before[key], data))
        assert (new.facts, new.seen, new.delivery.version) == (
            old.facts,
            old.seen,
            old.delivery.version,
        )
    assert service.problems() == []


@pytest.mark.kafka
def test_control_without_recovery_the_states_begin_anew(
    install: Install, simulated: Simulated
) -> None:
    """The same, by a worker that does not read the changelogs: duplicates count as new events."""
    events = simulated(60, 600)
    service = install()

    service.start()
    service.publish(events)
    service.wait_until_stored(service.expected(events))
    touch_all_states(service, events, "without_recovery")

    assert any("facts or seen ids differ" in problem for problem in service.problems())


def test_a_snapshot_worker_leaves_when_its_store_is_rebuilt(
    install: Install, simulated: Simulated
) -> None:
    """Its next write finds the positions moved: exit code 4, and its successor fills all."""
    events = simulated(100, 1000)
    service = install()

    service.start()
    service.publish(events[:500])
    service.wait_until_stored(service.expected(events[:500]))
    empty_by_command(service)
    service.publish(events[500:])
    code = service.snapshots.wait(timeout_s=30)
    service.snapshots.start()
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert code == FencedError.exit_code
    assert service.problems() == []
