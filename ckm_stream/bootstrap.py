"""
The composition root: settings in, wired programs out. Only the command line imports it.

Each ``run_*`` checks what it needs before it starts, so that a missing topic or table is one
sentence and an exit code, not a traceback from inside a framework. Each imports its own program
alone, and after these checks: Faust takes as long to import as all that a refusal needs.
"""

from ckm_stream.operations.topics import check_topics
from ckm_stream.settings import Settings


def run_profile_worker(settings: Settings) -> None:
    """
    Run a profile worker until it is told to stop.

    Raises:
        ConfigurationError: If the broker, a topic or the metrics port is not as needed.
    """
    check_topics(settings)

    from ckm_stream.operations.metrics import WorkerMetrics, new_registry
    from ckm_stream.streaming.profiles import build_profile_app
    from ckm_stream.streaming.worker import run_worker

    metrics = WorkerMetrics(new_registry())
    metrics.serve(settings.metrics.host, settings.metrics.profile_port)
    run_worker(build_profile_app(settings, metrics))


def run_snapshot_worker(settings: Settings) -> None:
    """
    Run a snapshot worker until it is told to stop.

    Raises:
        ConfigurationError: If the broker, a topic, the store or the metrics port is not as needed.
    """
    check_topics(settings)

    from ckm_stream.snapshots.store import open_migrated

    engine = open_migrated(settings.store.url.get_secret_value())

    from ckm_stream.codec.outputs import OutputCodec
    from ckm_stream.codec.topics import Topics
    from ckm_stream.operations.metrics import SnapshotMetrics, new_registry
    from ckm_stream.operations.schemas import open_schemas
    from ckm_stream.snapshots.collect import Collector
    from ckm_stream.snapshots.writer import SnapshotWriter
    from ckm_stream.streaming.snapshots import build_snapshot_app
    from ckm_stream.streaming.worker import run_worker

    topics = Topics(settings.kafka.topic_prefix)
    metrics = SnapshotMetrics(new_registry())
    metrics.serve(settings.metrics.host, settings.metrics.snapshot_port)
    outputs = OutputCodec(open_schemas(settings))
    run_worker(
        build_snapshot_app(
            settings,
            topics=Collector.topics(topics),
            writer=SnapshotWriter(engine),
            collector=lambda: Collector(topics=topics, outputs=outputs, policy=settings.scoring),
            metrics=metrics,
        )
    )
