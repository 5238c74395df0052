"""Records under a schema that nobody knows yet, and the verdict once they were put back."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ckm_stream.codec.avro import AvroSchema
from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.framing import frame, split
from ckm_stream.codec.topics import SOURCE_TOPICS, Source, subject_of
from ckm_stream.domain.events import Call
from ckm_stream.settings import Guarantee
from tests.support.installation import Installation
from tests.support.oracle import Oracle
from tests.support.producing import RawRecord, produce_raw
from tests.support.registry import Registry
from tests.support.services import Service
from tests.support.stored import store_problems
from tests.support.verify import Published, verify

#: Limits off, so that any number of records can be set aside.
UNLIMITED = {"CKM__DEAD_LETTERS__MAX_CONSECUTIVE": "0", "CKM__DEAD_LETTERS__MAX_RATIO": "1"}
_STRANGE_ID = 7_777
_STOPPED = re.compile(r"topic '([^']+)' partition (\d+) stops at offset (\d+)")


class Informed:
    """The catalogue, and the strange id as today's schema of calls."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def by_id(self, schema_id: int) -> AvroSchema | None:
        """Return the schema of an id."""
        calls = subject_of(SOURCE_TOPICS[Source.CALL])
        if schema_id == _STRANGE_ID:
            return self.catalogue.newest(calls).schema
        return self.catalogue.by_id(schema_id)

    def writing_id(self, subject: str) -> int:
        """Return the catalogue's id."""
        return self.catalogue.writing_id(subject)


def publish_strange(service: Installation, events: Iterable[Call]) -> int:
    """Publish calls framed with an id that only a repaired registry knows; return how many."""
    records = [
        RawRecord(
            service.topics.call,
            event.customer_id.encode(),
            frame(_STRANGE_ID, split(service.codec.encode(event))[1]),
        )
        for event in events
    ]
    produce_raw(service.settings.kafka.bootstrap_servers, records)
    return len(records)


@contextmanager
def repaired(service: Installation) -> Iterator[None]:
    """Meanwhile a registry knows the strange id; programs made from now on ask it."""
    with Registry().serving() as registry:
        registry.add_catalogue(service.catalogue, service.topics.prefix)
        calls = subject_of(SOURCE_TOPICS[Source.CALL])
        registry.schemas[_STRANGE_ID] = registry.schemas[service.catalogue.newest(calls).schema_id]
        service.env["CKM__REGISTRY__URL"] = registry.url
        yield


def new_worker(service: Installation) -> Service:
    """Return a worker with the settings as they are now, as the installation's own."""
    service.worker = service.new_service("worker")
    return service.worker


def stopped_at(worker: Service) -> tuple[str, int, int]:
    """Return topic, partition and offset that a worker says that it stopped at."""
    last = [line for line in worker.log().splitlines() if "worker.ends" in line]
    assert len(last) == 1, worker.log()[-3000:]
    assert "DeadLetterLimitError" in last[0]
    assert "schema_unknown" in last[0]
    assert "CKM__DEAD_LETTERS__" in last[0]
    assert "Traceback" not in worker.log()
    match = _STOPPED.search(last[0])
    assert match is not None, last[0]
    return match[1], int(match[2]), int(match[3])


def origins(published: Published) -> Counter[tuple[str, int, int]]:
    """Count the dead letters of each rejected record."""
    return Counter(
        (
            (letter.header("__connect.errors.topic") or b"").decode(),
            int(letter.header("__connect.errors.partition") or -1),
            int(letter.header("__connect.errors.offset") or -1),
        )
        for letter in published.dead_letters
    )


def problems_after_repair(service: Installation) -> list[str]:
    """
    Compare a repaired run with one that never failed.

    Records that were set aside count as if they had never been; what was put back is in the
    source topics again, and the oracle knows the strange id from the beginning.
    """
    published = service.read()
    parked = origins(published)
    never_failed = replace(
        published,
        dead_letters=[],
        sources={
            source: [r for r in records if (r.topic, r.partition, r.offset) not in parked]
            for source, records in published.sources.items()
        },
    )
    codec = EventCodec(Informed(service.catalogue), service.topics)
    verdict = verify(
        never_failed,
        Oracle(codec, service.settings.scoring),
        service.outputs,
        exactly_once=service.settings.kafka.guarantee is Guarantee.EXACTLY_ONCE,
    )
    print(verdict.figures)
    return [
        *verdict.problems,
        *store_problems(service.engine, published, service.topics, service.outputs),
    ]
