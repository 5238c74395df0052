"""Fences are counted across processes, and never in the way of an end."""

from pathlib import Path

from structlog.testing import capture_logs

from ckm_stream.errors import FencedError, InvariantError
from ckm_stream.operations.fences import FenceCount


def test_the_next_process_knows_how_often_the_ones_before_it_were_fenced(tmp_path: Path) -> None:
    """The counter that the dying process had in memory was scraped by nobody."""
    for _ in range(2):
        FenceCount(tmp_path / "new", "worker-9464").note(FencedError("another owner"))

    assert FenceCount(tmp_path / "new", "worker-9464").read() == 2


def test_programs_of_one_folder_are_told_apart(tmp_path: Path) -> None:
    """Workers of one machine have a port each."""
    FenceCount(tmp_path, "worker-9464").note(FencedError("another owner"))

    assert FenceCount(tmp_path, "worker-9466").read() == 0


def test_another_end_is_no_fence(tmp_path: Path) -> None:
    """Nothing is written for it."""
    FenceCount(tmp_path, "worker-9464").note(InvariantError("cannot be"))

    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_counts_from_nothing(tmp_path: Path) -> None:
    """A machine that lost its power may have left an empty one."""
    (tmp_path / "worker-9464.fenced").write_text("")
    count = FenceCount(tmp_path, "worker-9464")

    count.note(FencedError("another owner"))

    assert count.read() == 1


def test_a_folder_that_cannot_be_written_to_is_told_and_ends_nothing(tmp_path: Path) -> None:
    """The end goes on with its own exit code."""
    (tmp_path / "taken").write_text("a file where a folder should be")

    with capture_logs() as logs:
        FenceCount(tmp_path / "taken", "worker-9464").note(FencedError("another owner"))

    assert [line["event"] for line in logs] == ["fences.not_noted"]
