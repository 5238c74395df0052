"""What the benchmarks of whole programs share: topics of their own, backlogs, scraped figures."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from msgspec import structs
from prometheus_client.parser import text_string_to_metric_families

from ckm_stream.operations.embedded import EmbeddedBroker, free_port
from ckm_stream.operations.topics import TopicSpec, apply_topics, load_specs
from ckm_stream.settings import Settings, load_settings
from ckm_stream.streaming.clients import producer_factory
from ckm_stream.streaming.core import partitioner

_RESULTS = Path(__file__).parent / "results"
_EMBEDDED = {"CKM__KAFKA__GUARANTEE": "at_least_once", "CKM__KAFKA__IDEMPOTENCE": "false"}

#: A record to be written: topic, key, value, timestamp in milliseconds.
Record = tuple[str, bytes, bytes, int]
#: The same with a partition behind the topic.
PlacedRecord = tuple[str, int, bytes, bytes, int]


@contextmanager
def provisioned(partitions: int) -> Iterator[Settings]:
    """
    Give the settings of an installation with topics of its own, in this process's environment.

    With CKM__KAFKA__BOOTSTRAP_SERVERS set it is on that cluster, else on an embedded broker.
    """
    with ExitStack() as stack:
        environment = {
            "CKM__KAFKA__TOPIC_PREFIX": f"bench-{os.getpid()}-{time.monotonic_ns()}.",
            "CKM__KAFKA__PARTITIONS": str(partitions),
            "CKM__METRICS__PROFILE_PORT": str(free_port()),
        }
        if "CKM__KAFKA__BOOTSTRAP_SERVERS" not in os.environ:
            broker = stack.enter_context(EmbeddedBroker())
            environment["CKM__KAFKA__BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
            environment |= _EMBEDDED
        for name in environment:
            stack.callback(os.environ.pop, name)
        os.environ.update(environment)
        settings = load_settings()
        apply_topics(settings, kept_specs())
        yield settings


def kept_specs() -> list[TopicSpec]:
    """Return the topics' settings with nothing ever deleted: simulated events are years old."""
    return [structs.replace(spec, retention_ms=-1) for spec in load_specs()]


async def write_backlog(settings: Settings, records: Iterable[Record]) -> None:
    """Write *records* in prebuilt batches, each to its key's partition."""
    partition_of = partitioner(settings.kafka.partitions)
    await write_placed(
        settings, ((topic, partition_of(key), key, value, at) for topic, key, value, at in records)
    )


async def write_placed(settings: Settings, records: Iterable[PlacedRecord]) -> None:
    """Write *records* in prebuilt batches, each to its partition."""
    producer = producer_factory(settings.kafka, client_id="bench")(None)
    batches: dict[tuple[str, int], Any] = {}
    await producer.start()

    async def send(tp: tuple[str, int]) -> None:
        batch = batches.pop(tp)
        batch.close()
        await (await producer.send_batch(batch, tp[0], partition=tp[1]))

    for topic, partition, key, value, millis in records:
        tp = topic, partition
        batch = batches.setdefault(tp, producer.create_batch())
        if batch.append(key=key, value=value, timestamp=millis) is None:
            await send(tp)
            batches[tp] = producer.create_batch()
            batches[tp].append(key=key, value=value, timestamp=millis)
    for tp in list(batches):
        await send(tp)
    await producer.stop()


def scrape(worker: Settings | int) -> dict[str, float]:
    """
    Return a worker's samples, each name summed over its labels; empty while it is not up.

    Args:
        worker: Its port, or the settings of a profile worker.
    """
    port = worker if isinstance(worker, int) else worker.metrics.profile_port
    url = f"http://127.0.0.1:{port}/metrics"
    try:
        with urlopen(url, timeout=5) as response:
            text = response.read().decode()
    except (URLError, ConnectionError):
        return {}
    sums: dict[str, float] = {"at": time.monotonic()}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def report(benchmark: str, figures: dict[str, Any]) -> None:
    """Print *figures* and write them to ``bench/results``, with where and when they were taken."""
    described = {
        "benchmark": benchmark,
        "revision": _revision(),
        "at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        **figures,
    }
    for name, value in described.items():
        if name != "rounds":
            print(f"{name:<18} {value}")
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / f"{benchmark}.json").write_text(json.dumps(described, indent=2) + "\n")


def _revision() -> str:
    command = ["git", "describe", "--always", "--tags", "--dirty"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    return result.stdout.strip() or "unknown"
