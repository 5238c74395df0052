"""Archive and wheels of this tree, built as for a release, and environments to run them in."""

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
#: What a build reads; anything else of the checkout cannot get into a wheel unnoticed.
_BUILT_FROM = (
    "ckm_stream",
    "schemas",
    "docs",
    "examples",
    "requirements",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "SECURITY.md",
    "pyproject.toml",
    "hatch_build.py",
    ".gitignore",
)
_MADE = shutil.ignore_patterns("__pycache__", "*.so", "*.c")


class Distribution:
    """
    What a release consists of.

    ``python_wheel`` is built from the tree, without the compiled core; ``wheel`` from the source
    archive, with the compiled core where there is a compiler.
    """

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "tree"
        self.archive_again = folder / "again"
        self._folder = folder

    @property
    def archive(self) -> Path:
        """The source archive."""
        return _only(self._folder / "sdist", "*.tar.gz")

    @property
    def python_wheel(self) -> Path:
        """The wheel without the compiled core."""
        return _only(self._folder / "python", "*.whl")

    @property
    def wheel(self) -> Path:
        """The wheel that the source archive makes."""
        return _only(self._folder / "wheel", "*.whl")

    @property
    def dependencies(self) -> Path:
        """An environment that has what ``requirements/demo.txt`` pins, and not this package."""
        return self._folder / "dependencies"

    def build(self) -> Self:
        """Build everything once; two minutes at most, of which half is compiling."""
        self.tree.mkdir(parents=True)
        for name in _BUILT_FROM:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.tree / name, ignore=_MADE)
            elif (ROOT / name).exists():
                shutil.copy2(ROOT / name, self.tree / name)
        _build(self.tree, "sdist", self._folder / "sdist")
        _build(self.tree, "sdist", self.archive_again)
        _build(self.tree, "wheel", self._folder / "python", native="skip")
        with tarfile.open(self.archive) as archive:
            archive.extractall(self._folder / "unpacked", filter="data")
        _build(_only(self._folder / "unpacked", "*"), "wheel", self._folder / "wheel")
        environment = Environment(self.dependencies)
        environment.make()
        locked = str(ROOT / "requirements" / "demo.txt")
        environment.pip("install", "--require-hashes", "--requirement", locked)
        return self

    def environment(self, folder: Path, wheel: Path) -> "Environment":
        """Return a new environment below *folder* with the dependencies and *wheel*."""
        made = Environment(folder)
        made.make()
        shutil.copytree(
            Environment(self.dependencies).packages,
            made.packages,
            dirs_exist_ok=True,
            symlinks=True,
        )
        made.pip("install", "--no-deps", str(wheel))
        return made


class Environment:
    """A virtual environment outside of the checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def packages(self) -> Path:
        """Where packages are installed."""
        scheme = {"base": str(self.folder), "platbase": str(self.folder)}
        return Path(sysconfig.get_path("purelib", "venv", scheme))

    def make(self) -> None:
        """Create it, with pip."""
        venv.create(self.folder, with_pip=True, symlinks=True)

    def pip(self, *arguments: str) -> None:
        """Run pip; its last words are in the error if it fails."""
        command = ("python", "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments)
        done = self.run(*command, cwd=self.folder, limit_s=400)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def run(
        self, program: str, *arguments: str, cwd: Path, limit_s: float = 60, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, with none of the surrounding Python's settings."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CKM_", "PYTHON", "VIRTUAL_ENV"))
        }
        return subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            cwd=cwd,
            env={**inherited, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit_s,
        )


@contextmanager
def built_once(folder: Path) -> Iterator[Distribution]:
    """Give what is built in *folder*, once for all processes of a test run."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        distribution = Distribution(folder / "built")
        if not done.exists():
            # What a process that was killed has left is in the way.
            shutil.rmtree(folder / "built", ignore_errors=True)
            distribution.build()
            done.touch()
    yield distribution


def has_compiler() -> bool:
    """Tell whether the compiled core can be built here."""
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return shutil.which("cc") is not None and header.exists()


def _build(tree: Path, target: str, folder: Path, *, native: str = "try") -> None:
    # CI must compile; nothing is fetched, because hatchling, Cython and setuptools are installed.
    wanted = native if native == "skip" else os.environ.get("CKM_NATIVE", native)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            target,
            "--directory",
            str(folder),
        ],
        cwd=tree,
        env={**os.environ, "CKM_NATIVE": wanted},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def _only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found
