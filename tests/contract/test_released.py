"""What was released stays: schemas, examples, topics and what others know of them (promise P14)."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ckm_stream.codec.catalogue import schemas_root
from tests.support.released import broken_promises, read_released, recorded, today

_ROOT = Path(__file__).parents[2]
_FILE = "schemas/released.yaml"


def test_nothing_that_was_released_is_gone_or_changed() -> None:
    """Schemas and examples to the byte, topics by what producers and consumers rely on."""
    assert broken_promises(recorded(), today()) == []


def test_everything_that_is_there_is_recorded() -> None:
    """What is released with the next version is held to it from then on."""
    assert today() == recorded()


def git(*args: str) -> str:
    """Return what git prints about this checkout."""
    return subprocess.run(
        ["git", "-C", str(_ROOT), *args],  # noqa: S607 -- whichever git made the checkout
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.skipif(not (_ROOT / ".git").exists(), reason="not a checkout")
def test_no_line_of_what_was_released_has_ever_been_taken_back() -> None:
    """Every committed version of the file, as far as this checkout goes back, holds today."""
    versions = git("log", "--format=%H", "--", _FILE).split()

    for version in versions:
        assert broken_promises(read_released(git("show", f"{version}:{_FILE}")), recorded()) == []
    print(len(versions), "committed versions")


def remove_topic(root: Path) -> None:
    """Take a topic away."""
    (root / "topics" / "knowledge_item.yaml").unlink()


def remove_field(root: Path) -> None:
    """Take an optional field out of a schema, which reading would get over."""
    file = root / "avro" / "touchpoint_call.v1.avsc"
    file.write_text(file.read_text().replace('"note_usable"', '"note_usable_or_not"'))


def remove_schema(root: Path) -> None:
    """Take a version away."""
    (root / "avro" / "referral.v1.avsc").unlink()


def change_example(root: Path) -> None:
    """Write the golden bytes of an example anew."""
    file = next((root / "examples").glob("*/v1/*.hex"))
    file.write_text(file.read_text() + "00")


def change_key(root: Path) -> None:
    """Key a topic by something else."""
    file = root / "topics" / "score_updated.yaml"
    file.write_text(file.read_text().replace("key: customer id", "key: region id"))


@pytest.mark.parametrize(
    ("plant", "problem"),
    [
        (remove_topic, "topics: ckm.knowledge.item.v1 is gone"),
        (remove_field, "schemas: touchpoint_call.v1.avsc was changed"),
        (remove_schema, "schemas: referral.v1.avsc is gone"),
        (change_example, "was changed"),
        (change_key, "topics: ckm.score.updated.v1 was changed"),
    ],
)
def test_control_a_broken_promise_is_found(
    plant: Callable[[Path], None], problem: str, tmp_path: Path
) -> None:
    """Each planted one, and nothing else."""
    root = tmp_path / "schemas"
    shutil.copytree(str(schemas_root()), root)

    plant(root)
    found = broken_promises(recorded(), today(root))

    assert len(found) == 1
    assert problem in found[0]
