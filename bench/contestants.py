"""The programs that are compared: how each is started, and how it tells what it has done."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from ckm_stream.codec.topics import Topics
from ckm_stream.operations.children import start_child
from ckm_stream.operations.embedded import free_port
from ckm_stream.settings import Guarantee

_ROOT: Final = Path(__file__).parents[1]
_SCHEMAS: Final = _ROOT / "schemas" / "avro"
_PROGRESS: Final = "events"
_APPLIED: Final = "ckm_events_applied_total"

ALO: Final = Guarantee.AT_LEAST_ONCE
EOS: Final = Guarantee.EXACTLY_ONCE


class Done(NamedTuple):
    """Touchpoints processed so far, and all events handled, forwarded ones included."""

    touchpoints: int
    handled: int


class Place(NamedTuple):
    """Where one run of a program works."""

    bootstrap: str
    prefix: str
    partitions: int
    application: str
    folder: Path

    @property
    def output(self) -> str:
        """The topic of a peer's updates."""
        return f"{self.application}.updates"


@dataclass(frozen=True, slots=True)
class Program:
    """
    One row of the comparison.

    Attributes:
        name: What it is called on the command line.
        title: What it is called in the table.
        guarantee: What it promises; None if nothing, as it keeps nothing.
        command: Program and arguments; empty for this worker.
        is_slow: Whether it is given the small backlog, so that a run ends in time.
        does_all: Whether it does all that this worker does, forwarded events included; then it
            has topics of its own.
        caching: Whether Kafka Streams caches its state.
    """

    name: str
    title: str
    guarantee: Guarantee | None
    command: tuple[str, ...] = ()
    is_slow: bool = False
    does_all: bool = False
    caching: bool = True

    def start(self, place: Place) -> "Running":
        """Start it, with a log in the place's folder."""
        return (RunningPeer if self.command else RunningWorker)(self, place)


class Running:
    """A started program; *log_path* has what it says, *interval_s* is the time between looks."""

    interval_s: float

    def __init__(
        self, command: tuple[str, ...], place: Place, environment: Mapping[str, str]
    ) -> None:
        self.log_path = place.folder / "log"
        self.process: subprocess.Popen[bytes] = start_child(
            command, log_path=self.log_path, env={**os.environ, **environment}
        )

    def done(self) -> Done | None:
        """Return what it has done, if there is any news."""
        raise NotImplementedError

    def said(self) -> str:
        """Return the last line of its log that is not progress."""
        lines = self.log_path.read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if not line.startswith(_PROGRESS)), "")


class RunningWorker(Running):
    """This worker, with the settings of production; its metrics tell what it has done."""

    interval_s = 0.5  # each look costs the worker 11 ms

    def __init__(self, program: Program, place: Place) -> None:
        assert program.guarantee is not None  # noqa: S101 -- a worker always has one
        port = free_port()
        environment = {
            "CKM__KAFKA__BOOTSTRAP_SERVERS": place.bootstrap,
            "CKM__KAFKA__TOPIC_PREFIX": place.prefix,
            "CKM__KAFKA__PARTITIONS": str(place.partitions),
            "CKM__KAFKA__GUARANTEE": program.guarantee.value,
            "CKM__METRICS__PROFILE_PORT": str(port),
            "CKM__DATA_DIR": str(place.folder),
        }
        super().__init__((sys.executable, "-m", "ckm_stream", "worker"), place, environment)
        topics = Topics(place.prefix)
        self._port = port
        self._touchpoints = {topics.call, topics.ticket, topics.purchase, topics.feedback}

    def done(self) -> Done | None:
        """Return what the metrics say; None while they are not served."""
        url = f"http://127.0.0.1:{self._port}/metrics"
        try:
            with urlopen(url, timeout=5) as response:
                text = response.read().decode()
        except (URLError, ConnectionError):
            return None
        return applied_in(text, self._touchpoints)


class RunningPeer(Running):
    """A peer; it prints what it has done (``bench.peers.contract``)."""

    interval_s = 0.01

    def __init__(self, program: Program, place: Place) -> None:
        environment = {
            "PEER_BOOTSTRAP": place.bootstrap,
            "PEER_PREFIX": place.prefix,
            "PEER_APPLICATION": place.application,
            "PEER_GUARANTEE": (program.guarantee or ALO).value,
            "PEER_PARTITIONS": str(place.partitions),
            "PEER_CACHING": "on" if program.caching else "off",
            "PEER_SCHEMAS": str(_SCHEMAS),
            "PEER_STATE_DIR": str(place.folder / "state"),
            "PEER_OUTPUT": place.output,
        }
        super().__init__(program.command, place, environment)
        self._log = self.log_path.open()

    def done(self) -> Done | None:
        """Return what the newest line of progress says; None if there is no new one."""
        return newest_progress(self._log.read())


def applied_in(metrics: str, touchpoint_topics: set[str]) -> Done | None:
    """Return what a worker has applied, by the text of its metrics."""
    touchpoints = handled = 0
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == _APPLIED:
                handled += int(sample.value)
                if sample.labels["topic"] in touchpoint_topics:
                    touchpoints += int(sample.value)
    return Done(touchpoints, handled)


def newest_progress(text: str) -> Done | None:
    """Return what the last whole line ``events <n> [<handled>]`` of *text* says."""
    for line in reversed(text.split("\n")[:-1]):
        words = line.split()
        if words[:1] == [_PROGRESS]:
            return Done(int(words[1]), int(words[-1]))
    return None


def _peer(module: str, *arguments: str, venv: str = ".venv") -> tuple[str, ...]:
    return (str(_ROOT / venv / "bin" / "python"), "-m", f"bench.peers.{module}", *arguments)


_QUIX: Final = _peer("quix", venv=".venv-bench")
_JAR: Final = _ROOT / "bench/peers/kafka-streams/target/kafka-streams-peer.jar"
# The fastest collector for one stream thread but one that takes far more memory; see its README.
_STREAMS: Final = ("java", "-XX:+UseSerialGC", "-Xmx1g", "-jar", str(_JAR))
_BARE: Final = "fetch and decode only"

#: In the order of their runs.
PROGRAMS: Final = (
    Program("bare", f"{_BARE}, fastavro", None, _peer("bare", "fastavro")),
    Program("bare-compiled", f"{_BARE}, this worker's decoder", None, _peer("bare", "compiled")),
    Program("worker", "this worker", ALO, does_all=True),
    Program("worker-eos", "this worker", EOS, does_all=True),
    Program("streams", "Kafka Streams", ALO, _STREAMS),
    Program("streams-eos", "Kafka Streams", EOS, _STREAMS),
    Program("streams-uncached", "Kafka Streams, caching off", ALO, _STREAMS, caching=False),
    Program("streams-uncached-eos", "Kafka Streams, caching off", EOS, _STREAMS, caching=False),
    Program("quix", "Quix Streams", ALO, _QUIX),
    Program("quix-eos", "Quix Streams", EOS, _QUIX),
    Program(
        "faust",
        "stock Faust, this worker's core",
        ALO,
        _peer("faust_core"),
        is_slow=True,
        does_all=True,
    ),
    Program("faust-job", "stock Faust, the peers' job", ALO, _peer("faust_job"), is_slow=True),
)
