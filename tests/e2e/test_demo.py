"""The demo as a new user runs it: to its result and out, or until Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.ports import new_port
from tests.support.services import wait_until

pytestmark = [pytest.mark.timeout(240), pytest.mark.embedded]
_SECONDS = 180


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Demo:
    """A running ``ckm demo`` and everything that it started."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._log_path = folder / "demo.log"
        env = {name: value for name, value in os.environ.items() if not name.startswith("CKM__")}
        env |= {
            "CKM__DATA_DIR": str(folder / "var"),
            "CKM__METRICS__PROFILE_PORT": str(new_port()),
            "CKM__METRICS__SNAPSHOT_PORT": str(new_port()),
            "CKM__METRICS__GATEWAY_PORT": str(new_port()),
            "CKM__GATEWAY__PORT": str(new_port()),
            "COLUMNS": "140",
        }
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ckm_stream", "demo", *options],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A shell's background job ignores Ctrl-C, and so would its children.
                preexec_fn=_heed_interrupts,  # noqa: PLW1509 -- one system call
            )
        self.started: dict[int, psutil.Process] = {}

    def output(self) -> str:
        """Return what it has printed so far."""
        return self._log_path.read_text()

    def note_children(self) -> None:
        """Remember the processes that it has started by now."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            self.started[child.pid] = child

    def left_behind(self) -> list[psutil.Process]:
        """Return the processes of the demo that still run."""
        return [each for each in self.started.values() if each.is_running()]


@pytest.fixture
def demos(tmp_path: Path) -> Iterator[list[Demo]]:
    """Give a list for the demos of a test; whatever still runs is killed at the end."""
    running: list[Demo] = []
    yield running
    for demo in running:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


def answers(address: str) -> bool:
    """Tell whether a page is there."""
    try:
        return httpx.get(address).status_code == HTTPStatus.OK
    except httpx.TransportError:
        return False


def test_the_demo_ends_by_itself_with_an_explained_ranking(
    tmp_path: Path, demos: list[Demo]
) -> None:
    """``--once``: ten key sources, why the first is one, classes, where to look; exit code 0."""
    demo = Demo(tmp_path, "--once")
    demos.append(demo)

    code = demo.process.wait(_SECONDS)

    shown = demo.output()
    assert code == 0, shown
    assert "key_source" in shown
    assert "Why cdnow-" in shown
    assert shown.count("simulated") >= 3
    assert "19,415 records consumed = 19,415 applied + 0 deduplicated + 0 dead-lettered" in shown
    assert "/metrics" in shown
    assert "sqlite:///" in shown


def test_ctrl_c_stops_the_demo_in_order_and_leaves_no_process(
    tmp_path: Path, demos: list[Demo]
) -> None:
    """Without ``--once`` it runs on, with a console; SIGINT ends all programs within 10 s."""
    demo = Demo(tmp_path)
    demos.append(demo)

    wait_until(
        lambda: "press Ctrl-C" in demo.output() or demo.process.poll() is not None,
        timeout_s=_SECONDS,
        what=lambda: f"the demo's result: {demo.output()[-2000:]}",
    )
    console, token = (
        re.findall(rf"^{name}\s+(\S+)", demo.output(), re.MULTILINE)[0]
        for name in ("console", "token")
    )
    wait_until(lambda: answers(console), timeout_s=60, what="the console")
    me = httpx.get(
        console.replace("/console/", "/v1/me"), headers={"Authorization": f"Bearer {token}"}
    ).json()
    demo.note_children()
    asked = time.monotonic()
    demo.process.send_signal(signal.SIGINT)
    code = demo.process.wait(30)
    took_s = time.monotonic() - asked

    assert me["scopes"] == ["admin"]
    assert len(demo.started) == 4
    assert demo.left_behind() == []
    assert code == 0, demo.output()[-2000:]
    print(f"stopped after {took_s:.1f} s")
    assert took_s < 10
