"""
The programs of the demo: a broker, two workers and at last a gateway, as child processes.

They are the same programs as in production, started by the same commands; only their settings are
the demo's. Leaving the context stops them in order: workers first, so that they can commit.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen

from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.children import last_line, start_child, stop_child
from ckm_stream.operations.embedded import EmbeddedBroker, free_port, is_port_free
from ckm_stream.publishing.cdnow import LANDMARK_S
from ckm_stream.settings import Guarantee, Settings, SilenceClock, SilenceSettings

_BOOTSTRAP = "CKM__KAFKA__BOOTSTRAP_SERVERS"
_STOP_GRACE_S = 4.0
_EMBEDDED_SESSION_S = 3.0


@dataclass(slots=True)
class Program:
    """One running program."""

    name: str
    process: Popen[bytes]
    log_path: Path

    def check(self) -> None:
        """
        See that the program is still running.

        Raises:
            ConfigurationError: If it has ended; the message has its last words.
        """
        code = self.process.poll()
        if code is not None:
            raise ConfigurationError(
                f"the {self.name} ended with exit code {code}: {last_line(self.log_path)}; "
                f"its log is {self.log_path}"
            )


@contextmanager
def broker(settings: Settings, folder: Path) -> Iterator[Settings]:
    """Give settings with a broker behind them: the configured cluster, or an embedded one."""
    with ExitStack() as stack:
        changes: dict[str, object] = {}
        if not os.environ.get(_BOOTSTRAP):
            embedded = stack.enter_context(EmbeddedBroker(log_path=folder / "broker.log"))
            changes["bootstrap_servers"] = embedded.bootstrap_servers
            changes["guarantee"] = Guarantee.AT_LEAST_ONCE  # it has no transactions
            changes["idempotence"] = False  # nor producer ids
            # Its groups' first member waits half the session timeout for others.
            changes["session_timeout_s"] = _EMBEDDED_SESSION_S
        yield demo_settings(settings, folder, changes)


def demo_settings(settings: Settings, folder: Path, kafka: dict[str, object]) -> Settings:
    """Return *settings* for the demo: own landmark and store, and topics of this run alone."""
    run = datetime.now(tz=UTC).strftime("%Y%m%d-%H%M%S")
    # A cluster that is not ours keeps what an earlier demo wrote; a prefix makes a clean start.
    own = {"topic_prefix": f"demo-{run}."} if not kafka else {}
    return settings.model_copy(
        update={
            "kafka": settings.kafka.model_copy(update={**own, **kafka}),
            "scoring": replace(settings.scoring, landmark_s=LANDMARK_S),
            # The purchases are of 1997 and 1998: by today's clock everybody is long silent.
            "silence": SilenceSettings(clock=SilenceClock.EVENTS),
            "store": type(settings.store)(url=f"sqlite:///{folder}/ckm.db"),
        }
    )


@contextmanager
def workers(settings: Settings, folder: Path) -> Iterator[list[Program]]:
    """Run a profile worker and a snapshot worker."""
    for port in (settings.metrics.profile_port, settings.metrics.snapshot_port):
        if port and not is_port_free(port):
            raise ConfigurationError(
                f"port {port} is taken; set CKM__METRICS__PROFILE_PORT and "
                "CKM__METRICS__SNAPSHOT_PORT to free ones"
            )
    running: list[Program] = []
    try:
        for verb, name in (("worker", "profile worker"), ("snapshots", "snapshot worker")):
            running.append(start(settings, folder, verb, name))
        yield running
    finally:
        for program in running:
            program.process.terminate()  # all at once: each may take seconds to commit
        for program in running:
            stop_child(program.process, grace_s=_STOP_GRACE_S)


def start(settings: Settings, folder: Path, verb: str, name: str) -> Program:
    """Start one of the programs; whoever asks for it ends it."""
    log_path = folder / f"{verb}.log"
    env = {**os.environ, **environment(settings)}
    command = [sys.executable, "-m", "ckm_stream", verb]
    return Program(name, start_child(command, log_path=log_path, env=env), log_path)


def with_free_ports(settings: Settings) -> Settings:
    """Return *settings* with other ports for the gateway, where its own are taken."""
    gateway, metrics = settings.gateway, settings.metrics
    if not is_port_free(gateway.port):
        gateway = gateway.model_copy(update={"port": free_port()})
    if not is_port_free(metrics.gateway_port):
        metrics = metrics.model_copy(update={"gateway_port": free_port()})
    return settings.model_copy(update={"gateway": gateway, "metrics": metrics})


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables by which a child gets what differs in the demo."""
    kafka = settings.kafka
    return {
        _BOOTSTRAP: kafka.bootstrap_servers,
        "CKM__KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "CKM__KAFKA__GUARANTEE": kafka.guarantee.value,
        "CKM__KAFKA__IDEMPOTENCE": str(kafka.idempotence),
        "CKM__KAFKA__SESSION_TIMEOUT_S": str(kafka.session_timeout_s),
        "CKM__KAFKA__PROFILE_GROUP": f"{kafka.topic_prefix}{kafka.profile_group}",
        "CKM__KAFKA__SNAPSHOT_GROUP": f"{kafka.topic_prefix}{kafka.snapshot_group}",
        "CKM__GATEWAY__PORT": str(settings.gateway.port),
        "CKM__METRICS__GATEWAY_PORT": str(settings.metrics.gateway_port),
        "CKM__SCORING__LANDMARK_S": str(settings.scoring.landmark_s),
        "CKM__SILENCE__CLOCK": settings.silence.clock.value,
        "CKM__STORE__URL": settings.store.url.get_secret_value(),
    }
