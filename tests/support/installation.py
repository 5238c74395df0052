"""One isolated installation of the service for a test: own topics, groups, store and programs."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from unittest.mock import patch

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, Table, func, select

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.layouts import DEFAULT_LAYOUT
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.events import EmployeeContact, Event, TouchpointEvent
from ckm_stream.domain.forwarding import forward
from ckm_stream.operations.connection import kafka_client_options
from ckm_stream.operations.topics import apply_topics
from ckm_stream.publishing.client import DEFAULT_OPTIONS, Publisher, open_producer
from ckm_stream.settings import Guarantee, Settings, load_settings
from ckm_stream.snapshots.collect import Collector
from ckm_stream.snapshots.store import migrate, open_engine
from ckm_stream.snapshots.tables import EMPLOYEE, PROFILE, SINK_PROGRESS
from tests.support.oracle import Oracle
from tests.support.ports import new_port
from tests.support.reading import committed_positions, is_read_up_to, read_topic
from tests.support.services import Service, service_env, wait_until
from tests.support.stored import store_problems
from tests.support.verify import Published, read_all, verify


@dataclass(frozen=True, slots=True)
class Expected:
    """How many events must end up in the two tables."""

    profile_events: int
    employee_events: int


class Installation:
    """Topics provisioned, store migrated, two programs ready to start."""

    def __init__(
        self,
        *,
        bootstrap_servers: str,
        prefix: str,
        guarantee: Guarantee,
        store_url: str,
        folder: Path,
        transport: str = "ckm",
        extra: dict[str, str] | None = None,
        programs: Mapping[str, dict[str, str]] | None = None,
    ) -> None:
        #: Settings of single programs by their verb: who each is, on a broker that asks.
        self.programs = programs or {}
        self.env = service_env(
            bootstrap_servers=bootstrap_servers,
            prefix=prefix,
            guarantee=guarantee,
            store_url=store_url,
            transport=transport,
            extra={"CKM__DATA_DIR": str(folder), **(extra or {})},
        )
        self.settings = settings_from(self.env)
        self.folder = folder
        self.topics = Topics(prefix)
        self.catalogue = Catalogue.load()
        self.codec = EventCodec(self.catalogue, self.topics)
        self.outputs = OutputCodec(self.catalogue)
        self.engine = open_engine(store_url)
        self._made: list[Service] = []
        self.worker = self.new_service("worker")
        self.snapshots = self.new_service("snapshots")
        apply_topics(self.settings)
        migrate(self.engine)

    def new_service(
        self, verb: str, *, entry: list[str] | None = None, own_port: bool = False
    ) -> Service:
        """Return another program of this installation, with a metrics port of its own if asked."""
        programs = ("PROFILE", "SNAPSHOT", "TEXT", "GATEWAY")
        names = [*(f"CKM__METRICS__{each}_PORT" for each in programs), "CKM__GATEWAY__PORT"]
        port = {name: str(new_port()) for name in names} if own_port else {}
        env = {**self.env, **port, **self.programs.get(verb, {})}
        service = Service(verb, env=env, folder=self.folder, entry=entry)
        self._made.append(service)
        return service

    def new_faulty(self, verb: str, *faults: str) -> Service:
        """Return a program of this installation with something wrong, see tests.support.faulty."""
        entry = [sys.executable, "-m", "tests.support.faulty", verb, *faults]
        return self.new_service(verb, entry=entry, own_port=True)

    def start(self) -> None:
        """Start one profile worker and one snapshot worker."""
        self.worker.start()
        self.snapshots.start()

    def close(self) -> None:
        """Kill every program that was made here, whatever state it is in; let go of the store."""
        for service in self._made:
            if service.is_running:
                service.kill()
        self.engine.dispose()

    def new_faust_worker(self) -> Service:
        """Return the profile worker, started by Faust's own command."""
        module = [sys.executable, "-m", "faust", "-A", "ckm_stream.streaming.app"]
        return self.new_service("faust", entry=[*module, "worker", "-l", "info"])

    def run(self, *verb: str) -> subprocess.CompletedProcess[str]:
        """Run a ``ckm`` command of this installation to its end."""
        return subprocess.run(
            [sys.executable, "-m", "ckm_stream", *verb],
            check=False,
            env={**os.environ, **self.env, **self.programs.get(verb[0], {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def publisher(self) -> Publisher:
        """Return a publisher into this installation's topics."""
        return Publisher(
            open_producer(kafka_client_options(self.settings), DEFAULT_OPTIONS),
            topics=self.topics,
            codec=self.codec,
            policy=self.settings.scoring,
        )

    def publish(self, events: Iterable[TouchpointEvent]) -> None:
        """Publish all *events* and wait for the broker's acknowledgements."""
        with self.publisher() as publisher:
            for event in events:
                publisher.publish(event)

    def expected(self, events: Iterable[Event], *, readings: int = 0) -> Expected:
        """Count what distinct, valid *events* and *readings* must make of the two tables."""
        distinct = {(event.source, event.event_id): event for event in events}
        forwarded = [
            other
            for event in distinct.values()
            for other in forward(event, policy=self.settings.scoring)
        ]
        contacts = sum(isinstance(other, EmployeeContact) for other in forwarded)
        return Expected(len(distinct) + len(forwarded) - contacts + readings, contacts)

    def wait_until_stored(self, expected: Expected, *, timeout_s: float = 90.0) -> None:
        """Wait until the store holds the last version of every profile and employee."""

        def is_stored() -> bool:
            self.assert_running()
            return self.stored() == expected

        wait_until(
            is_stored,
            timeout_s=timeout_s,
            what=lambda: f"{expected} in the store, which holds {self.stored()}; {self.logs()}",
        )

    def assert_running(self) -> None:
        """Fail with its last words if a program has ended."""
        for service in (self.worker, self.snapshots):
            assert service.is_running, f"{service.verb} ended: {service.log()[-3000:]}"

    def logs(self) -> str:
        """Return the last lines of both programs."""
        return f"worker: {self.worker.log()[-2000:]} snapshots: {self.snapshots.log()[-2000:]}"

    def stored(self) -> Expected:
        """Sum the versions in the store: the events that each table has taken in."""
        with self.engine.connect() as connection:
            return Expected(
                _sum_of_versions(connection, PROFILE),
                _sum_of_versions(connection, EMPLOYEE),
            )

    def stored_customers(self) -> set[str]:
        """Return the customers who have a profile in the store."""
        with self.engine.connect() as connection:
            return set(connection.execute(select(PROFILE.c.customer_id)).scalars())

    def wait_until_quiet(self, *, timeout_s: float = 30.0) -> None:
        """Wait until the store has read all that is in the topics that it keeps."""
        wait_until(
            self.is_stored,
            timeout_s=timeout_s,
            what=lambda: f"the store at the topics' ends; {self.logs()}",
        )

    def is_stored(self) -> bool:
        """Tell whether the store has read all that is in the topics that it keeps."""
        return is_read_up_to(self.settings.kafka.bootstrap_servers, self._store_positions())

    def wait_until_consumed(self, *, timeout_s: float = 60.0) -> None:
        """Wait until the profile worker has committed all that is in the source topics."""
        kafka = self.settings.kafka
        sources = list(product(self.topics.sources, range(kafka.partitions)))
        wait_until(
            lambda: is_read_up_to(
                kafka.bootstrap_servers,
                committed_positions(kafka.bootstrap_servers, kafka.profile_group, sources),
            ),
            timeout_s=timeout_s,
            what=lambda: f"the worker at the topics' ends; {self.logs()}",
        )

    def _store_positions(self) -> dict[tuple[str, int], int]:
        positions = dict.fromkeys(
            product(Collector.topics(self.topics), range(self.settings.kafka.partitions)), 0
        )
        with self.engine.connect() as connection:
            for row in connection.execute(select(SINK_PROGRESS)):
                positions[row.topic, row.partition] = row.next_offset
        return positions

    def wait_until_dead_lettered(self, count: int, *, timeout_s: float = 30.0) -> None:
        """Wait until *count* dead letters are in their topic."""
        servers, topic = self.settings.kafka.bootstrap_servers, self.topics.dead_letter
        wait_until(
            lambda: len(read_topic(servers, topic)) >= count,
            timeout_s=timeout_s,
            what=lambda: f"{count} dead letters; {self.logs()}",
        )

    def announced_epochs(self) -> list[Epoch]:
        """Return the epochs on their topic."""
        codec = EpochCodec(self.catalogue)
        servers = self.settings.kafka.bootstrap_servers
        return [codec.decode(each.value) for each in read_topic(servers, self.topics.epoch)]

    def read(self) -> Published:
        """Read every topic of this installation."""
        return read_all(self.settings.kafka.bootstrap_servers, self.topics)

    def problems(
        self, *, announced: Iterable[Epoch] = (), layout: int = DEFAULT_LAYOUT
    ) -> list[str]:
        """
        Compare every topic and the store with the oracle; an empty list is a pass.

        Scores are those of epoch 0 until the *announced* ones come into force. States are compared
        by what *layout* has room for: what was written in an older one has forgotten the rest.
        """
        published = self.read()
        verdict = verify(
            published,
            Oracle(self.codec, self.settings.scoring, announced, layout=layout),
            self.outputs,
            exactly_once=self.settings.kafka.guarantee is Guarantee.EXACTLY_ONCE,
        )
        print(verdict.figures)
        return [
            *verdict.problems,
            *store_problems(self.engine, published, self.topics, self.outputs),
        ][:20]

    def metrics(self) -> dict[str, float]:
        """Scrape the profile worker and add up each sample name over its labels."""
        return scrape(self.env["CKM__METRICS__PROFILE_PORT"])


def _sum_of_versions(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.coalesce(func.sum(table.c.version), 0))).scalar_one())


def scrape(port: str) -> dict[str, float]:
    """Return the metrics of the program on *port*: each sample name summed over its labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
        text = response.read().decode()
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def settings_from(env: dict[str, str]) -> Settings:
    """Return the settings that a program started with *env* would have."""
    with patch.dict(os.environ, env):
        return load_settings()
