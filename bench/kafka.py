"""
Real Apache Kafka for benchmarks and tests: one broker in KRaft combined mode, a child JVM.

The jars come from Maven Central by ``deploy/kafka/pom.xml`` and stay in its ``target`` folder.
The data outlives ``kill`` and ``start``, so a broker can be crashed and brought back.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from kafka import KafkaAdminClient

from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.children import last_line, start_child, stop_child
from ckm_stream.operations.embedded import LOOPBACK, free_port, wait_until_ready

#: The setting of the service that says where Kafka is.
SERVERS: Final = "CKM__KAFKA__BOOTSTRAP_SERVERS"

_DEPLOY = Path(__file__).parents[1] / "deploy" / "kafka"
_TARGET = _DEPLOY / "target"
_CLUSTER_ID = "Y2ttLXN0cmVhbS10ZXN0cw"  # 22 characters of base64, as StorageTool asks for

# Everything internal is as small as it goes and has one replica: there is one broker and a test
# creates many groups. Session timeouts from 1 s let a killed worker be noticed quickly.
# A group coordinator of Kafka 4.2.1 that is elected twice while it loads the groups' offsets may
# serve no group from then on (known limits in docs/architecture.md); a killed broker that starts
# again was seen to do that with 100,000 records to load. So there is little to load: small
# segments, compacted at once, without the markers of old transactions, which else stay a day.
_SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={host}:{controller_port}
listeners={listeners},CONTROLLER://{host}:{controller_port}
advertised.listeners={listeners}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=10
group.min.session.timeout.ms=1000
offsets.topic.segment.bytes=1048576
transaction.state.log.segment.bytes=1048576
log.cleaner.backoff.ms=1000
log.cleaner.delete.retention.ms=1000
controlled.shutdown.enable=false
message.max.bytes=20971520
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=33554432
"""

# One heap size for ever (no resizing noise in timings); the serial collector starts fastest and
# leaves the second core to what is measured.
_JVM = ("-Xms512m", "-Xmx512m", "-XX:+UseSerialGC")


class KafkaServer:
    """
    A broker as a context manager; entering starts it, leaving stops it and removes its data.

    Args:
        port: Port of the broker; ``choose_port`` gives one if not given.
        properties: Server properties that are added or take another value.
        listeners: Name and port of listeners beside the plain one, which properties describe.
        scram_users: Name and password of users that SCRAM-SHA-512 knows.
        ready_timeout_s: Seconds that a start may take; it takes about 4 on two cores.
    """

    #: Gives a port of the loopback address that nobody listens on.
    choose_port = staticmethod(free_port)

    def __init__(
        self,
        *,
        port: int | None = None,
        properties: dict[str, str] | None = None,
        listeners: dict[str, int] | None = None,
        scram_users: dict[str, str] | None = None,
        ready_timeout_s: float = 60.0,
    ) -> None:
        self.port = port or self.choose_port()
        self._properties = properties or {}
        self._listeners = {"PLAINTEXT": self.port} | (listeners or {})
        self._scram_users = scram_users or {}
        self._ready_timeout_s = ready_timeout_s
        self._folder = Path(tempfile.mkdtemp(prefix="ckm-kafka-"))
        self._config = self._folder / "server.properties"
        self.log_path = self._folder / "kafka.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """``host:port`` of the broker."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of the JVM while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> Self:
        """
        Start the broker on its data, formatting it the first time, and wait until it answers.

        Raises:
            ConfigurationError: If Java or the jars cannot be had, or the broker does not come up.
        """
        java = java_command()
        if not self._config.exists():
            self._format(java)
        self._process = start_child(
            [*java, "kafka.Kafka", str(self._config)], log_path=self.log_path
        )
        try:
            wait_until_ready(self._process, self.port, timeout_s=self._ready_timeout_s)
            self._wait_until_unfenced()
        except (ChildProcessError, TimeoutError) as error:
            self.kill()
            raise ConfigurationError(
                f"Kafka did not start: {error}; it said: {last_line(self.log_path)}"
            ) from error
        return self

    def stop(self) -> None:
        """Shut the broker down in order; its data stay."""
        if self._process is not None:
            stop_child(self._process, grace_s=20.0)
            self._process = None

    def kill(self) -> None:
        """Kill the broker with SIGKILL, as a power cut would; its data stay."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Shut the broker down and start it again on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the broker and remove its data."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wait_until_unfenced(self) -> None:
        # The broker answers shortly before its controller lets it hold partitions; a topic that is
        # created in between fails for want of replicas.
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        deadline = time.monotonic() + self._ready_timeout_s
        try:
            while not any(not node["is_fenced"] for node in admin.describe_cluster()["brokers"]):
                if time.monotonic() > deadline:
                    raise TimeoutError("the broker stays fenced")
                time.sleep(0.02)
        finally:
            admin.close()

    def _format(self, java: list[str]) -> None:
        text = _SERVER_PROPERTIES.format(
            host=LOOPBACK,
            listeners=",".join(f"{n}://{LOOPBACK}:{port}" for n, port in self._listeners.items()),
            controller_port=self.choose_port(),
            data=self._folder / "data",
        )
        text += "".join(f"{name}={value}\n" for name, value in self._properties.items())
        self._config.write_text(text)
        tool = [*java, "kafka.tools.StorageTool", "format", "--standalone"]
        tool += ["--cluster-id", _CLUSTER_ID, "--config", str(self._config)]
        for user, password in self._scram_users.items():
            tool += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
        with self.log_path.open("ab") as log:
            subprocess.run(
                tool, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )


def java_command() -> list[str]:
    """
    Return ``java`` with heap settings and the class path of the jars, fetching them if need be.

    Raises:
        ConfigurationError: If Java or Maven is not installed or the jars cannot be fetched.
    """
    java = shutil.which("java")
    if java is None:
        raise ConfigurationError("Kafka needs Java 17 or newer: `apt-get install openjdk-17-jre`")
    return [java, *_JVM, "-cp", f"{fetch_jars()}/*"]


def fetch_jars() -> Path:
    """
    Return the folder with the broker's jars, filled by Maven when the pom is newer than it.

    Raises:
        ConfigurationError: If Maven is not installed or fails.
    """
    jars = _TARGET / "dependency"
    done = _TARGET / "complete"
    pom = _DEPLOY / "pom.xml"
    _TARGET.mkdir(exist_ok=True)
    with (_TARGET / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists() and done.stat().st_mtime >= pom.stat().st_mtime:
            return jars
        maven = shutil.which("mvn")
        if maven is None:
            raise ConfigurationError("Kafka's jars need Maven: `apt-get install maven`")
        shutil.rmtree(jars, ignore_errors=True)
        result = subprocess.run(
            [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, "MAVEN_OPTS": "-Xmx512m"},
        )
        if result.returncode != 0:
            raise ConfigurationError(f"Maven could not fetch Kafka's jars: {result.stdout[-500:]}")
        done.touch()
    return jars


@contextmanager
def broker() -> Iterator[str]:
    """
    Give the address of real Kafka, which is in this process's environment meanwhile.

    It is CKM__KAFKA__BOOTSTRAP_SERVERS where that is set, else a broker that is started.
    """
    if SERVERS in os.environ:
        yield os.environ[SERVERS]
        return
    with KafkaServer() as server:
        os.environ[SERVERS] = server.bootstrap_servers
        try:
            yield server.bootstrap_servers
        finally:
            del os.environ[SERVERS]
