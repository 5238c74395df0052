"""
Too much is wrong at once, or cannot be set aside: the worker stops, and drops nothing (P7).

The controls have the same flood without its limits, and the same record with nothing set aside.
"""

from collections import Counter
from random import Random
from typing import NamedTuple

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import Call, TouchpointEvent
from ckm_stream.errors import ConfigurationError, DeadLetterLimitError
from ckm_stream.operations.connection import admin_client
from ckm_stream.settings import Guarantee
from tests.e2e.conftest import Install, Simulated
from tests.support.commands import run_command
from tests.support.dying import SESSION
from tests.support.installation import Installation
from tests.support.parked import (
    UNLIMITED,
    new_worker,
    origins,
    problems_after_repair,
    publish_strange,
    repaired,
    stopped_at,
)
from tests.support.producing import RawRecord, produce_raw
from tests.support.reading import committed_positions

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]  # `make test` has to stay short
_LIMIT = 50
_PATIENCE_S = 60.0


class Flood(NamedTuple):
    """What was published before it, what is for later, and how many bad records there are."""

    before: list[TouchpointEvent]
    after: list[TouchpointEvent]
    size: int


def publish_flood(service: Installation, events: list[TouchpointEvent]) -> Flood:
    """Publish some of *events* as they are, and behind them the later calls as a flood."""
    calls = [event for event in events[1000:] if isinstance(event, Call)]
    others = events[:1000] + [event for event in events[1000:] if not isinstance(event, Call)]
    half = len(others) // 2
    service.publish(others[:half])
    flood = Flood(others[:half], others[half:], publish_strange(service, calls))
    assert flood.size > 4 * 3 * _LIMIT  # more than two stops set aside
    return flood


def stop_once(service: Installation) -> tuple[str, int, int]:
    """Run a worker until it stops at the limit; return where, which its group agrees with."""
    worker = new_worker(service)
    worker.start()
    assert worker.wait(timeout_s=_PATIENCE_S) == DeadLetterLimitError.exit_code, worker.log()
    topic, partition, offset = stopped_at(worker)
    kafka = service.settings.kafka
    where = [(topic, partition)]
    positions = committed_positions(kafka.bootstrap_servers, kafka.profile_group, where)
    assert positions[topic, partition] == offset
    return topic, partition, offset


def test_a_flood_stops_the_worker_which_takes_it_in_after_the_repair(
    install: Install, simulated: Simulated, guarantee: Guarantee
) -> None:
    """Exit 3 before the first record too many, again if nothing is repaired; then all of it."""
    events = simulated(150, 4000)
    service = install(guarantee, extra=SESSION)
    service.snapshots.start()
    flood = publish_flood(service, events)

    parked = Counter[tuple[str, int, int]]()
    for starts in (1, 2) if guarantee is Guarantee.EXACTLY_ONCE else (1,):
        topic, partition, offset = stop_once(service)

        assert topic == service.topics.call
        parked = origins(service.read())
        of_partition = [each for each in parked if each[:2] == (topic, partition)]
        assert len(of_partition) <= starts * _LIMIT
        assert max(each[2] for each in of_partition) < offset
        if guarantee is Guarantee.EXACTLY_ONCE:
            assert set(parked.values()) == {1}

    with repaired(service):
        new_worker(service).start()
        service.publish(flood.after)
        service.wait_until_consumed()
        assert len(parked) == len(origins(service.read()))  # the repair sets nothing aside
        done = run_command(service, "deadletters", "replay", "--max-records", "5000", "--json")
        assert done["put_back"] >= len(parked)
        service.wait_until_stored(service.expected(events))
        service.wait_until_quiet()

        assert problems_after_repair(service) == []
        assert service.metrics()["ckm_events_unaccounted"] == 0


def test_control_without_limits_the_same_flood_stops_nobody(
    install: Install, simulated: Simulated
) -> None:
    """The worker sets all of it aside, and goes on."""
    service = install(Guarantee.EXACTLY_ONCE, extra={**SESSION, **UNLIMITED})
    flood = publish_flood(service, simulated(150, 4000))

    service.start()
    service.wait_until_consumed()
    service.wait_until_stored(service.expected(flood.before))
    service.wait_until_quiet()

    assert list(origins(service.read()).values()) == [1] * flood.size
    assert service.problems() == []


@pytest.mark.kafka
def test_a_dead_letter_that_cannot_be_written_stops_the_worker_and_moves_no_offset(
    install: Install, simulated: Simulated, guarantee: Guarantee
) -> None:
    """The dead-letter topic refuses the record; after the repair it is set aside, once."""
    events = simulated(40, 400)
    service = install(guarantee, extra=SESSION)
    bad = publish_unwritable(service, events)
    place = next(r for r in service.read().sources[Source.CALL] if r.value == bad.value)
    where = (place.topic, place.partition)

    for _ in range(2):
        worker = new_worker(service)
        worker.start()
        assert worker.wait(timeout_s=_PATIENCE_S) == ConfigurationError.exit_code, worker.log()
        lines = [line for line in worker.log().splitlines() if "worker.ends" in line]
        assert len(lines) == 1
        assert f"5000 bytes for topic '{service.topics.dead_letter}'" in lines[0]
        assert "max.message.bytes" in lines[0]
        assert "Traceback" not in worker.log()
        assert service.read().dead_letters == []
        kafka = service.settings.kafka
        positions = committed_positions(kafka.bootstrap_servers, kafka.profile_group, [where])
        assert positions[where] <= place.offset

    run_command(service, "topics", "apply")  # the repair that the line names
    new_worker(service)
    service.start()
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert service.problems() == []
    assert [letter.value for letter in service.read().dead_letters] == [bad.value]


def test_control_a_worker_that_sets_nothing_aside_moves_past_what_cannot_be_written(
    install: Install, simulated: Simulated
) -> None:
    """Step 4 off: nothing refuses the record, so nothing stops the worker, and it is gone."""
    events = simulated(40, 400)
    service = install(Guarantee.EXACTLY_ONCE, extra=SESSION)
    publish_unwritable(service, events)
    service.worker = service.new_faulty("worker", "without_dead_letters")

    service.start()
    service.wait_until_consumed()
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert service.problems() == ["1 dead letters missing"]


def publish_unwritable(service: Installation, events: list[TouchpointEvent]) -> RawRecord:
    """Publish *events* and a bad record that its dead-letter topic does not take; return that."""
    service.publish(events)
    bad = RawRecord(service.topics.call, b"c-bad", Random(7).randbytes(5_000))  # incompressible
    limit_letters(service, "2000")
    produce_raw(service.settings.kafka.bootstrap_servers, [bad])
    return bad


def limit_letters(service: Installation, most_bytes: str) -> None:
    """Let the dead-letter topic take smaller records only."""
    with admin_client(service.settings) as client:
        topic = service.topics.dead_letter
        configs = {"max.message.bytes": most_bytes}
        client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic, configs=configs)],
            raise_on_unknown=False,
        )
