"""
A release as its users get it: archive and wheels, installed and run where there is no checkout.

Nothing is taken from this tree but what was built from it: the environments lie elsewhere, the
folder that commands run in is empty, and a module that came from the checkout would be named.
"""

import json
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

from tests.support.distribution import (
    ROOT,
    Distribution,
    Environment,
    built_once,
    has_compiler,
)
from tests.support.ports import new_port

# Building compiles the core, and the dependencies are installed anew.
pytestmark = [pytest.mark.timeout(600), pytest.mark.embedded]

#: What only the extras `report` and `text` bring.
EXTRAS = {"matplotlib", "jieba", "yake"}
#: Imports every module; prints what was missing, and where each one that is loaded came from.
_IMPORT_ALL = """
import importlib, json, pkgutil, sys
import ckm_stream
names = [each.name for each in pkgutil.walk_packages(ckm_stream.__path__, "ckm_stream.")]
missing = set()
for name in names:
    if name != "ckm_stream.__main__" and ".migrations." not in name:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing.add(error.name)
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
files = {name: file for name, file in files.items() if file}
print(json.dumps({"missing": sorted(missing), "path": sys.path, "files": files}))
"""


@pytest.fixture(scope="module")
def distribution(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Distribution]:
    """Give archive and wheels, built once for all processes of the run."""
    base = tmp_path_factory.getbasetemp()
    with built_once((base if worker_id == "master" else base.parent) / "distribution") as built:
        yield built


@pytest.fixture(scope="module", params=["python_wheel", "wheel"])
def wheel(request: pytest.FixtureRequest, distribution: Distribution) -> Path:
    """Give the wheel that the tree makes without a compiler, and the one of the archive."""
    found: Path = getattr(distribution, request.param)
    return found


@pytest.fixture(scope="module")
def environment(
    distribution: Distribution, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """Give a new environment with the locked dependencies and a wheel."""
    return distribution.environment(tmp_path_factory.mktemp("environment"), wheel)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Give an empty folder to run commands in."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def content(wheel: Path) -> set[str]:
    """Return the files of a wheel without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def files_of(tree: Path) -> set[str]:
    """Return what a wheel of *tree* must hold; the schemas where the package looks for them."""
    package = {path.relative_to(tree) for path in (tree / "ckm_stream").rglob("*")}
    schemas = {
        Path("ckm_stream") / path.relative_to(tree) for path in (tree / "schemas").rglob("*")
    }
    return {
        str(path)
        for path in package | schemas
        if (tree / path).is_file() or (tree / path.relative_to("ckm_stream")).is_file()
    }


def metadata(wheel: Path) -> Any:
    """Return a wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def test_the_archive_holds_what_a_build_needs_and_nothing_that_was_made(
    distribution: Distribution,
) -> None:
    """Package, schemas, docs, licence and build hook; no test and no compiled file."""
    with tarfile.open(distribution.archive) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    found = {name.partition("/")[0] for name in names}

    assert found >= {"ckm_stream", "schemas", "docs", "LICENSE", "pyproject.toml", "hatch_build.py"}
    assert found.isdisjoint({"tests", "bench", "var", "deploy", ".venv", ".git", "build"})
    assert [name for name in names if name.endswith((".so", ".c", ".pyc"))] == []
    tree = distribution.tree
    for part in ("ckm_stream", "schemas", "docs"):
        files = {path for path in (tree / part).rglob("*") if path.is_file()}
        assert {str(path.relative_to(tree)) for path in files} <= names


def test_the_archive_is_reproducible(distribution: Distribution) -> None:
    """Built twice from one tree it has the same bytes, so a release can be checked."""
    (again,) = distribution.archive_again.iterdir()

    assert again.read_bytes() == distribution.archive.read_bytes()


def test_a_wheel_holds_the_whole_package(distribution: Distribution, wheel: Path) -> None:
    """Code, schemas, console, demo data, word lists and migrations; the compiled core besides."""
    found = content(wheel)
    compiled = {name for name in found if name.endswith(".so")}

    assert found - compiled == files_of(distribution.tree)
    for needed in (
        "ckm_stream/schemas/catalogue.yaml",
        "ckm_stream/gateway/console/index.html",
        "ckm_stream/publishing/data/cdnow_sample.csv.gz",
        "ckm_stream/snapshots/migrations/versions/",
        "ckm_stream/text/data/topics.yaml",
    ):
        assert [name for name in found if name.startswith(needed)]


def test_the_compiled_core_is_in_the_wheel_where_there_is_a_compiler(
    distribution: Distribution,
) -> None:
    """One library for each source, in a wheel of this platform; without it a wheel for any."""
    sources = list((distribution.tree / "ckm_stream" / "native").glob("*.pyx"))
    compiled = [name for name in content(distribution.wheel) if name.endswith(".so")]

    assert len(compiled) == (len(sources) if has_compiler() else 0)
    assert distribution.wheel.name.endswith("-py3-none-any.whl") is not has_compiler()
    assert distribution.python_wheel.name.endswith("-py3-none-any.whl")
    assert [name for name in content(distribution.python_wheel) if name.endswith(".so")] == []


def test_a_wheel_says_what_it_is(wheel: Path) -> None:
    """Name, licence and its file, the Pythons it is for, extras, and the README."""
    about = metadata(wheel)

    assert about["Name"] == "ckm-stream"
    assert about["License-Expression"] == "Apache-2.0"
    assert about["License-File"] == "LICENSE"
    assert about["Requires-Python"] == ">=3.11"
    assert set(about.get_all("Provides-Extra")) == {"demo", "report", "text"}
    assert about.get_payload().startswith("# ckm-stream")


def test_an_installed_wheel_runs_on_its_own(
    environment: Environment, empty: Path, wheel: Path
) -> None:
    """Its requirements are met by the locks, and every module comes from the environment."""
    checked = environment.run("python", "-m", "pip", "check", cwd=empty)
    loaded = environment.run("python", "-c", _IMPORT_ALL, cwd=empty)
    helped = environment.run("ckm", "--help", cwd=empty)

    assert (checked.returncode, checked.stdout) == (0, "No broken requirements found.\n")
    assert loaded.returncode == 0, loaded.stderr
    found = json.loads(loaded.stdout.splitlines()[-1])
    own = {name: file for name, file in found["files"].items() if name.startswith("ckm_stream")}
    assert len(own) > 100
    assert {str(environment.packages) in file for file in own.values()} == {True}
    outside = [*found["path"], *found["files"].values()]
    assert [path for path in outside if path.startswith(str(ROOT))] == []
    is_compiled = any(file.endswith(".so") for file in own.values())
    assert is_compiled is any(name.endswith(".so") for name in content(wheel))
    # What wraps the compiled core can only be loaded where that is.
    native = {name for name in found["missing"] if name.startswith("ckm_stream.native")}
    assert bool(native) is not is_compiled
    assert set(found["missing"]) - native <= EXTRAS
    assert helped.returncode == 0, helped.stderr
    assert "demo" in helped.stdout
    assert list(empty.iterdir()) == []


def test_an_installed_wheel_runs_the_demo_in_an_empty_folder(
    environment: Environment, empty: Path
) -> None:
    """``ckm demo --once``: every record applied, the ranking explained, data below the folder."""
    ports = {
        f"CKM__{name}_PORT": str(new_port())
        for name in ("METRICS__PROFILE", "METRICS__SNAPSHOT", "METRICS__GATEWAY", "GATEWAY_")
    }

    ended = environment.run("ckm", "demo", "--once", cwd=empty, limit_s=240, COLUMNS="140", **ports)

    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert (
        "19,415 records consumed = 19,415 applied + 0 deduplicated + 0 dead-lettered"
        in ended.stdout
    )
    assert "Why cdnow-" in ended.stdout
    assert [path.name for path in empty.iterdir()] == ["var"]
    assert (empty / "var" / "demo" / "ckm.db").exists()
