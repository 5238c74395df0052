"""
The composition root: settings in, wired programs out. Only the command line imports it.

Each ``run_*`` checks what it needs before it starts, so that a missing topic or table is one
sentence and an exit code, not a traceback from inside a framework. Each imports its own program
alone, and after these checks: Faust takes as long to import as all that a refusal needs.
"""

import sys
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

from ckm_stream.operations.access import (
    GATEWAY,
    PROFILE_WORKER,
    SNAPSHOT_WORKER,
    TEXT_WORKER,
    require_access,
)
from ckm_stream.operations.patience import when_available
from ckm_stream.operations.topics import check_topics, specs_of
from ckm_stream.settings import Settings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from ckm_stream.operations.check import Program
    from ckm_stream.operations.findings import Finding
    from ckm_stream.operations.health import Health
    from ckm_stream.operations.metrics import ConsumerMetrics

# Seconds of `ckm check`: for all, and for what lies on a broker once it has answered. It has
# promised to end within 15, and a busy machine takes half of them to import what it works with.
_CHECK_S: Final = 8.0
_KAFKA_S: Final = 6.0

# A worker is two busy threads. One that sends rows hands the interpreter over for each 200 kB that
# a socket takes, and waits so long to get it back: 2,500 records took 129 ms, and 178 ms with
# Python's own 5 ms. One that fetches waits for it with each answer of the broker: half of the score
# updates came within 16 ms at 5,000 events a second, and within 21 ms.
_SWITCH_S: Final = 0.0005


def run_profile_worker(settings: Settings) -> None:
    """
    Run a profile worker until it is told to stop.

    Raises:
        ConfigurationError: If the broker, a right, a topic or the metrics port is not as needed.
    """
    _await_cluster(settings, PROFILE_WORKER)

    from ckm_stream.operations.health import Health
    from ckm_stream.operations.metrics import WorkerMetrics, new_registry
    from ckm_stream.operations.ops_server import OpsServer
    from ckm_stream.streaming.profiles import build_profile_app
    from ckm_stream.streaming.worker import run_worker

    sys.setswitchinterval(_SWITCH_S)
    registry = new_registry()
    metrics = WorkerMetrics(registry)
    health = Health(settings.health)
    port = settings.metrics.profile_port
    _export(settings, health, metrics, registry, program=f"worker-{port}")
    OpsServer(registry, health, host=settings.metrics.host, port=port)
    run_worker(build_profile_app(settings, metrics, health=health))


def run_snapshot_worker(settings: Settings) -> None:
    """
    Run a snapshot worker until it is told to stop.

    Raises:
        ConfigurationError: If the broker, a right, a topic, the store or the metrics port is not as
            needed.
    """
    _await_cluster(settings, SNAPSHOT_WORKER)

    from ckm_stream.snapshots.store import open_migrated

    engine = when_available(
        lambda: open_migrated(settings.store.url.get_secret_value()),
        patience_s=settings.start_patience_s,
    )

    from ckm_stream.codec.outputs import OutputCodec
    from ckm_stream.codec.topics import Topics
    from ckm_stream.operations.metrics import SnapshotMetrics, new_registry
    from ckm_stream.operations.ops_server import OpsServer
    from ckm_stream.operations.schemas import open_schemas
    from ckm_stream.snapshots.collect import Collector
    from ckm_stream.snapshots.collectors import collectors
    from ckm_stream.snapshots.writer import SnapshotWriter
    from ckm_stream.streaming.snapshots import build_snapshot_app
    from ckm_stream.streaming.worker import run_worker

    sys.setswitchinterval(_SWITCH_S)
    topics = Topics(settings.kafka.topic_prefix)
    registry = new_registry()
    metrics = SnapshotMetrics(registry)
    outputs = OutputCodec(open_schemas(settings))
    app = build_snapshot_app(
        settings,
        topics=Collector.topics(topics),
        writer=SnapshotWriter(engine),
        collector=collectors(settings, engine, topics=topics, outputs=outputs),
        metrics=metrics,
    )
    port = settings.metrics.snapshot_port
    _export(settings, app.health, metrics, registry, program=f"snapshots-{port}")
    OpsServer(registry, app.health, host=settings.metrics.host, port=port)
    run_worker(app)


def run_text_worker(settings: Settings) -> None:
    """
    Run a text worker until it is told to stop.

    Raises:
        ConfigurationError: If a text file, the broker, a right, a topic or the metrics port is not
            as needed.
    """
    from ckm_stream.text.reading import TextReader

    reader = TextReader.load(settings.text.lexicon, settings.text.topics)
    _await_cluster(settings, TEXT_WORKER)

    from ckm_stream.codec.events import EventCodec
    from ckm_stream.codec.outputs import OutputCodec
    from ckm_stream.codec.topics import Topics
    from ckm_stream.operations.metrics import TextMetrics, new_registry
    from ckm_stream.operations.ops_server import OpsServer
    from ckm_stream.operations.schemas import open_schemas
    from ckm_stream.pipeline.texts import ItemReader
    from ckm_stream.streaming.clients import producer_factory
    from ckm_stream.streaming.committer import AtLeastOnce
    from ckm_stream.streaming.texts import build_text_app
    from ckm_stream.streaming.worker import run_worker

    schemas = open_schemas(settings)
    registry = new_registry()
    metrics = TextMetrics(registry)
    producer = producer_factory(settings.kafka, client_id=settings.kafka.text_group)
    app = build_text_app(
        settings,
        items=ItemReader(
            events=EventCodec(schemas, Topics(settings.kafka.topic_prefix)),
            outputs=OutputCodec(schemas),
            reader=reader,
        ),
        committer=AtLeastOnce(producer, changelog_topics={}),
        metrics=metrics,
    )
    port = settings.metrics.text_port
    _export(settings, app.health, metrics, registry, program=f"texts-{port}")
    OpsServer(registry, app.health, host=settings.metrics.host, port=port)
    run_worker(app)


def run_gateway(settings: Settings) -> None:
    """
    Serve HTTP until it is told to stop.

    Raises:
        ConfigurationError: If the broker, a right, a topic, the store or a port is not as needed.
    """
    _await_cluster(settings, GATEWAY)

    from ckm_stream.snapshots.store import open_migrated

    engine = when_available(
        lambda: open_migrated(
            settings.store.url.get_secret_value(),
            connections=settings.gateway.store_connections,
            only_reads=True,
        ),
        patience_s=settings.start_patience_s,
    )

    from ckm_stream.gateway.assembly import assemble
    from ckm_stream.gateway.health import GatewayHealth
    from ckm_stream.gateway.server import Server, serve
    from ckm_stream.gateway.shortcut import Shortcut
    from ckm_stream.operations.metrics import GatewayMetrics, new_registry
    from ckm_stream.operations.ops_server import OpsServer
    from ckm_stream.operations.scraping import PoolConnections, Readiness

    registry = new_registry()
    metrics = GatewayMetrics(registry)
    health = GatewayHealth(settings.health)
    registry.register(Readiness(health.ready))
    pool: Any = engine.pool  # SQLAlchemy's base class does not have what all its pools have
    registry.register(PoolConnections(pool.checkedout, pool.checkedin))
    app, hub = assemble(settings, engine, metrics=metrics, health=health)
    server = Server(Shortcut(app, metrics), settings.gateway, health=health, hub=hub)
    port = settings.metrics.gateway_port
    operations = OpsServer(registry, health, host=settings.metrics.host, port=port)
    try:
        serve(server)
    finally:
        operations.close()
        engine.dispose()


def _export(
    settings: Settings,
    health: "Health",
    metrics: "ConsumerMetrics",
    registry: "CollectorRegistry",
    *,
    program: str,
) -> None:
    """Export what a worker's own counters cannot tell: its readiness, and how it ended before."""
    from ckm_stream.operations.fences import FenceCount
    from ckm_stream.operations.scraping import Readiness
    from ckm_stream.streaming.ending import at_end

    fences = FenceCount(settings.data_dir, program)
    metrics.fenced.inc(fences.read())
    at_end(fences.note)
    registry.register(Readiness(health.ready))


def _await_cluster(settings: Settings, role: str) -> None:
    def check() -> None:
        require_access(settings, role)
        check_topics(settings, specs_of(role))

    when_available(check, patience_s=settings.start_patience_s)


def check_all(programs: Collection["Program"]) -> Iterator["Finding"]:
    """
    Look at everything that *programs*, or both workers, need, and yield what is found.

    Args:
        programs: Whose needs; empty for both workers, which may be different users.
    """
    from ckm_stream.operations.check import WORKERS, Program, check_kafka
    from ckm_stream.operations.findings import Outcome, gather
    from ckm_stream.operations.surroundings import check_settings, looks_around
    from ckm_stream.settings import load_settings
    from ckm_stream.snapshots.checking import STORE, check_store

    found = check_settings()
    yield from found
    if any(finding.outcome is Outcome.FAILED for finding in found):
        return
    settings = load_settings()
    looks = looks_around(settings, programs)
    if {Program.SNAPSHOTS, Program.GATEWAY}.intersection(programs or WORKERS):
        looks[STORE] = lambda: check_store(settings.store.url.get_secret_value())
    looks["broker"] = lambda: check_kafka(settings, programs, patience_s=_KAFKA_S)
    yield from gather(looks, patience_s=_CHECK_S)
