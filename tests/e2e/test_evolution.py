"""Old and new producers into old and new workers, which learn schemas from a registry (P14)."""

import json

import pytest

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.registry import RegistryClient, RegistrySchemas
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import Call, TouchpointEvent
from tests.e2e.conftest import Install, Simulated
from tests.support.evolution import NEXT_ID, SUBJECT, next_call, next_schema, written_next
from tests.support.installation import Installation
from tests.support.producing import RawRecord, produce_raw
from tests.support.registry import Registry

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]  # `make test` has to stay short


def publish_from_both(service: Installation, events: list[TouchpointEvent]) -> int:
    """Publish *events*, every second call by a producer of the next release; return how many."""
    calls = [event for event in events if isinstance(event, Call)][::2]
    of_next = {event.event_id for event in calls}
    produce_raw(
        service.settings.kafka.bootstrap_servers,
        [
            RawRecord(
                service.topics.of(Source.CALL),
                event.customer_id.encode(),
                written_next(next_call(event)),
            )
            for event in calls
        ],
    )
    service.publish(event for event in events if event.event_id not in of_next)
    return len(calls)


def test_old_and_new_producers_and_workers_lose_nothing_together(
    install: Install, simulated: Simulated, topic_prefix: str
) -> None:
    """Half of the calls come in the next version, before and after the worker is the next one."""
    events = simulated(80, 1200)
    with Registry().serving() as registry:
        registry.add_catalogue(Catalogue.load(), topic_prefix)
        registry.schemas[NEXT_ID] = json.dumps(next_schema().json)
        registry.subjects[topic_prefix + SUBJECT].append(NEXT_ID)
        service = install(extra={"CKM__REGISTRY__URL": registry.url})
        client = RegistryClient(registry.url)
        service.codec = EventCodec(
            RegistrySchemas(client, Catalogue.load(), prefix=topic_prefix), service.topics
        )

        service.start()
        in_new_schema = publish_from_both(service, events[:600])
        service.wait_until_stored(service.expected(events[:600]))
        assert service.worker.stop() == 0
        service.worker = service.new_faulty("worker", "as_next_release")
        service.worker.start()
        in_new_schema += publish_from_both(service, events[600:])
        service.wait_until_stored(service.expected(events))
        service.wait_until_quiet()

        assert in_new_schema > 50
        assert service.problems() == []
        assert service.read().dead_letters == []
