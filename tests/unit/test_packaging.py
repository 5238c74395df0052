"""The locks: hashes for everything, addresses of nothing, and one version of each package."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("runtime", "demo", "dev")


def text_of(lock: str) -> str:
    """Return the text of a lock."""
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


def pins(lock: str) -> dict[str, set[str]]:
    """Return the versions that a lock has for each package; several if markers choose."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", text_of(lock), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def names(requirements: list[str]) -> set[str]:
    """Return the normalised names of requirements as pyproject.toml writes them."""
    found = [re.match(r"[A-Za-z0-9._-]+", each) for each in requirements]
    return {re.sub(r"[._-]+", "-", each.group()).lower() for each in found if each}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_index(lock: str) -> None:
    """A lock works with any index: it has no address and no option that would set one."""
    text = text_of(lock)

    assert re.findall(r"://|^\s*--(?!hash=sha256:)\S+|index-url", text, re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    """Nothing can be installed that is not what was locked."""
    blocks = re.split(r"^(?=[a-z0-9._-]+==)", text_of(lock), flags=re.MULTILINE)[1:]

    assert blocks
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_locks_have_what_the_project_asks_for() -> None:
    """Each direct dependency is in the lock of those who need it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = names(project["project"]["dependencies"])
    demo = names(project["project"]["optional-dependencies"]["demo"])
    dev = names(project["dependency-groups"]["dev"])

    build = {"cython", "editables", "hatchling", "setuptools"}
    missing = {
        "runtime": runtime - pins("runtime").keys(),
        "demo": (runtime | demo | build) - pins("demo").keys(),
        "dev": (runtime | demo | dev | build) - pins("dev").keys(),
    }

    assert missing == {"runtime": set(), "demo": set(), "dev": set()}


@pytest.mark.parametrize("lock", ["demo", "dev"])
def test_locks_agree_on_versions(lock: str) -> None:
    """What is tested is what runs."""
    runtime, other = pins("runtime"), pins(lock)

    assert {name: other[name] for name in runtime} == runtime


def test_installed_package_is_typed() -> None:
    """The marker for type checkers is there."""
    assert (ROOT / "ckm_stream" / "py.typed").exists()
