"""Running a Faust app as a program: it leaves logging and the terminal to ours."""

import logging
from pathlib import Path

import faust
import pytest

from ckm_stream.settings import KafkaSettings
from ckm_stream.streaming.clients import faust_settings
from ckm_stream.streaming.worker import CrashOnlyApp, _Worker


def new_app(folder: Path) -> CrashOnlyApp:
    """Return an app that nobody starts."""
    return CrashOnlyApp(**faust_settings(KafkaSettings(), group_id="group", data_dir=folder))


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
