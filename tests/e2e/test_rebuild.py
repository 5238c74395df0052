"""The store is derived: emptied, it is filled again from the topics, the same (promise P13)."""

import subprocess
import sys

import pytest

from ckm_stream.errors import FencedError
from tests.e2e.conftest import Install, Simulated
from tests.support.installation import Expected, Installation
from tests.support.store_rows import digest_of

pytestmark = pytest.mark.timeout(240)


def empty_by_command(service: Installation) -> None:
    """Run `ckm rebuild`, without its question."""
    command = [sys.executable, "-m", "ckm_stream", "rebuild", "--yes"]
    subprocess.run(command, env=service.snapshots.env, capture_output=True, check=True)


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
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
