"""Producers of partitions that leave while the broker does not answer (promise P21)."""

import asyncio
import os
import signal
from collections.abc import Iterator

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ckm_stream.pipeline.records import Effects
from ckm_stream.settings import KafkaSettings
from ckm_stream.streaming.clients import producer_factory
from ckm_stream.streaming.committer import ExactlyOnce
from tests.support.kafka import KafkaServer

pytestmark = pytest.mark.kafka
_REQUEST_S = 3.0
_PATIENCE_S = 45.0


@pytest.fixture
def kafka() -> Iterator[KafkaServer]:
    """Give a broker of this test's own, which it may stop."""
    with KafkaServer() as server:
        yield server


def connections_to(kafka: KafkaServer) -> int:
    """Count this process's connections to a broker."""
    return sum(
        bool(each.raddr) and each.raddr.port == kafka.port
        for each in psutil.Process().net_connections("tcp")
    )


async def test_what_a_silent_broker_has_not_taken_is_dropped_and_its_producers_end(
    kafka: KafkaServer,
) -> None:
    """Closing does not wait for them, and they do not wait for a broker that never answers."""
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap_servers, request_timeout_s=_REQUEST_S
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic("states", num_partitions=2, replication_factor=1)])
    await admin.close()
    committer = ExactlyOnce(
        producer_factory(settings, client_id="test"),
        application_id="app",
        group_id="group",
        changelog_topics={"profiles": "states"},
    )
    assert connections_to(kafka) == 0
    await committer.open([0, 1])
    assert kafka.pid is not None
    os.kill(kafka.pid, signal.SIGSTOP)

    try:
        units = [asyncio.ensure_future(committer.commit(unit_of(n))) for n in (0, 1)]
        await asyncio.sleep(0.5)
        for unit in units:
            unit.cancel()
        await asyncio.wait(units)
        await committer.close(grace_s=0.5)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert left
        _, going_on = await asyncio.wait(left, timeout=_PATIENCE_S)
        assert not going_on
        assert connections_to(kafka) == 0
    finally:
        os.kill(kafka.pid, signal.SIGCONT)


def unit_of(partition: int) -> Effects:
    """Return a unit that writes two states."""
    effects = Effects(partition, offsets={})
    effects.changelog["profiles"] = [(b"c-1", b"state"), (b"c-2", b"state")]
    return effects
