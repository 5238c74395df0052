"""Running the real programs as child processes, with kill -9 at hand."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil

from ckm_stream.operations.children import start_child, stop_child
from tests.support.ports import new_port

_POLL_S = 0.2
_PORTS = {
    "worker": "CKM__METRICS__PROFILE_PORT",
    "snapshots": "CKM__METRICS__SNAPSHOT_PORT",
    "texts": "CKM__METRICS__TEXT_PORT",
    "serve": "CKM__METRICS__GATEWAY_PORT",
}


class Service:
    """One ``ckm`` program that can be started, killed, paused and started again."""

    def __init__(
        self, verb: str, *, env: Mapping[str, str], folder: Path, entry: list[str] | None = None
    ) -> None:
        self.verb = verb
        self._command = entry or [sys.executable, "-m", "ckm_stream", verb]
        self.env = {**os.environ, **env}
        self.log_path = folder / f"{verb}-{id(self):x}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.kills = 0

    def start(self) -> None:
        """Start the program."""
        self.process = start_child(self._command, log_path=self.log_path, env=self.env)

    def kill(self) -> None:
        """SIGKILL, and reap."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def pause(self) -> None:
        """SIGSTOP: the process exists, but does nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self, *, grace_s: float = 15.0) -> int:
        """SIGTERM, then wait; the exit code."""
        return 0 if self.process is None else stop_child(self.process, grace_s=grace_s)

    @property
    def is_running(self) -> bool:
        """Whether the program was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def is_stopped(self) -> bool:
        """Whether a SIGSTOP has taken effect."""
        assert self.process is not None
        return bool(psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED)

    def wait(self, *, timeout_s: float) -> int:
        """Wait for the program to end by itself; the exit code."""
        assert self.process is not None
        return self.process.wait(timeout_s)

    @property
    def port(self) -> str:
        """Where it serves metrics and health."""
        return self.env[_PORTS[self.verb]]

    def probe(self, path: str) -> tuple[int, dict[str, Any]]:
        """Ask ``/livez`` or ``/readyz``; the status is 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except (OSError, HTTPException):
            return 0, {}

    @property
    def is_live(self) -> bool:
        """Whether ``/livez`` says so."""
        return self.probe("/livez")[0] == HTTPStatus.OK

    @property
    def is_ready(self) -> bool:
        """Whether ``/readyz`` says so."""
        return self.probe("/readyz")[0] == HTTPStatus.OK

    def wait_until_ready(self, *, timeout_s: float = 60.0) -> None:
        """Wait until ``/readyz`` says so; fail with its last words if it ends before."""

        def is_ready() -> bool:
            assert self.is_running, f"{self.verb} ended: {self.log()[-3000:]}"
            return self.is_ready

        wait_until(
            is_ready,
            timeout_s=timeout_s,
            what=lambda: f"a ready {self.verb}: {self.probe('/readyz')}; {self.log()[-2000:]}",
        )

    def log(self) -> str:
        """Return everything that it has printed."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""


def service_env(
    *,
    bootstrap_servers: str,
    prefix: str,
    guarantee: str,
    store_url: str,
    partitions: int = 4,
    transport: str = "ckm",
    session_timeout_s: float = 6.0,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the settings of one isolated installation: own topics, groups, store and ports."""
    return {
        "CKM__KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
        "CKM__KAFKA__TOPIC_PREFIX": prefix,
        "CKM__KAFKA__PARTITIONS": str(partitions),
        "CKM__KAFKA__GUARANTEE": guarantee,
        "CKM__KAFKA__TRANSPORT": transport,
        "CKM__KAFKA__PROFILE_GROUP": f"{prefix}profiles",
        "CKM__KAFKA__SNAPSHOT_GROUP": f"{prefix}snapshots",
        "CKM__KAFKA__TEXT_GROUP": f"{prefix}texts",
        "CKM__KAFKA__SESSION_TIMEOUT_S": str(session_timeout_s),
        "CKM__STORE__URL": store_url,
        # Most tests compare what events alone cause; those of silence turn it on.
        "CKM__SILENCE__CLOCK": "off",
        "CKM__METRICS__PROFILE_PORT": str(new_port()),
        "CKM__METRICS__SNAPSHOT_PORT": str(new_port()),
        "CKM__METRICS__TEXT_PORT": str(new_port()),
        "CKM__METRICS__GATEWAY_PORT": str(new_port()),
        "CKM__GATEWAY__PORT": str(new_port()),
        **(extra or {}),
    }


def wait_until(
    condition: Callable[[], bool], *, timeout_s: float, what: Callable[[], str] | str
) -> None:
    """Poll *condition* until it holds; fail with *what* was waited for."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            description = what if isinstance(what, str) else what()
            raise AssertionError(f"waited {timeout_s:g} s for {description}")
        time.sleep(_POLL_S)
