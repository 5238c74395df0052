"""Running a Faust app as a program: it leaves logging and the terminal to ours."""

import logging
from pathlib import Path

import faust
import pytest

from ckm_stream.operations.health import Health, Phase
from ckm_stream.settings import HealthSettings, KafkaSettings
from ckm_stream.streaming.clients import faust_settings
from ckm_stream.streaming.worker import CrashOnlyApp, _Worker


def new_app(folder: Path) -> CrashOnlyApp:
    """Return an app that nobody starts."""
    return CrashOnlyApp(
        health=Health(HealthSettings()),
        **faust_settings(KafkaSettings(), group_id="group", data_dir=folder),
    )


def names_in(folder: Path) -> list[str]:
    """Return the names of what is in a folder."""
    return [entry.name for entry in folder.iterdir()]


async def test_logging_stays_as_the_program_has_set_it_up(tmp_path: Path) -> None:
    """Faust would replace the handlers by its own, with colours."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    worker = _Worker(new_app(tmp_path), quiet=True, redirect_stdouts=False)

    worker._setup_logging()
    worker.on_setup_root_logger(root, logging.DEBUG)

    assert (list(root.handlers), root.level) == before


async def test_no_folder_is_made(tmp_path: Path) -> None:
    """No state is kept in files, and the data folder may be read-only."""
    new_app(tmp_path / "data")._create_directories()

    assert names_in(tmp_path) == []


async def test_a_crash_anywhere_reaches_the_hard_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that crashes takes the app with it, and the app the process."""
    ended: list[BaseException] = []
    monkeypatch.setattr("ckm_stream.streaming.worker.end_process", ended.append)
    app = new_app(tmp_path)
    error = ValueError("unforeseen")
    part = faust.Service(beacon=app.beacon)

    await part.crash(error)

    assert error in ended


async def test_a_worker_is_not_ready_before_it_stops_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM: whoever asks is told before the first lane is drained (promise P2)."""
    app, seen = new_app(tmp_path), []

    async def stop(_self: object) -> None:
        seen.append(app.health.phase)

    monkeypatch.setattr(faust.App, "stop", stop)

    await app.stop()

    assert seen == [Phase.STOPPING]


@pytest.mark.parametrize(("again", "phase"), [(False, Phase.RUNNING), (True, Phase.REBALANCING)])
async def test_a_worker_runs_when_its_last_rebalance_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool, phase: Phase
) -> None:
    """An end that comes after the beginning of the next one is not the last."""
    monkeypatch.setattr("ckm_stream.streaming.worker.is_reassigning", lambda _consumer: again)
    monkeypatch.setattr(CrashOnlyApp, "consumer", None)
    app = new_app(tmp_path)

    app.on_rebalance_start()
    during = app.health.phase
    app.on_rebalance_end()

    assert (during, app.health.phase) == (Phase.REBALANCING, phase)


async def test_the_first_start_watches_the_loop_it_runs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything else is started, so that a start that blocks is noticed too."""
    watched: list[Health] = []
    monkeypatch.setattr("ckm_stream.streaming.worker.start_watchdog", watched.append)
    app = new_app(tmp_path)

    await app.on_first_start()

    assert [check.name for check in app.health.live().checks] == ["main_loop", "commits"]
    assert watched == [app.health]
    app.health.leave("main_loop")
