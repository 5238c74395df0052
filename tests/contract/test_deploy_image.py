"""The image: nothing but what it needs, from locked packages, as nobody in particular."""

import fnmatch
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.support.deployment import CONTAINERFILE, image_env, instructions

_ROOT: Final = Path(__file__).parents[2]
_DIGEST_OR_VERSION: Final = re.compile(r"^[a-z0-9-]+:\d+\.\d+[\w.-]*$")


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage, from its FROM on."""
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def test_hadolint_has_nothing_to_say() -> None:
    """But for what the file itself gives a reason for."""
    command = [str(Path(sys.executable).with_name("hadolint")), str(CONTAINERFILE)]

    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (checked.stdout, checked.returncode) == ("", 0)


def test_control_hadolint_would_notice_a_tag_that_moves(tmp_path: Path) -> None:
    """And a shell's command that fails unseen."""
    moved = tmp_path / "Containerfile"
    moved.write_text("FROM python:latest\nRUN curl x | sh\n")
    command = [str(Path(sys.executable).with_name("hadolint")), str(moved)]

    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert {"DL3007", "DL4006"} <= set(re.findall(r"DL\d+", checked.stdout))
    assert checked.returncode != 0


def test_it_is_built_in_one_stage_and_run_in_another() -> None:
    """Both on the base that the builder names; compilers and pip stay behind."""
    build, final = stages()
    arguments = dict(each.split("=", 1) for word, each in instructions() if word == "ARG")
    copied = [rest for word, rest in final if word == "COPY"]

    assert _DIGEST_OR_VERSION.match(arguments["BASE"])
    assert [stage[0][1].split()[0] for stage in (build, final)] == ["${BASE}", "${BASE}"]
    assert copied == ["--from=build /opt/ckm /opt/ckm"]
    assert not any("apt-get" in rest or "pip" in rest for _, rest in final)
    assert "pip uninstall --yes setuptools pip" in build[-1][1]


def test_every_package_is_checked_against_the_lock() -> None:
    """No pip without hashes, but for the wheel that was just built, which asks for nothing."""
    build, _ = stages()
    runs = [rest for word, rest in build if word == "RUN"]
    installs = [
        each for run in runs for each in run.split("&&") if re.search("pip (install|wheel)", each)
    ]

    assert len(installs) == 4
    for each in installs:
        assert ("--require-hashes" in each) != ("--no-deps" in each), each
    assert any("CKM_NATIVE=require" in each for each in installs)


def test_it_runs_as_nobody_in_particular_and_writes_to_one_folder() -> None:
    """A number, so that Kubernetes can tell that it is not root."""
    _, final = stages()
    said = dict(final)

    assert said["USER"] == "10001:10001"
    assert json.loads(said["VOLUME"]) == [image_env()["CKM__DATA_DIR"]]
    assert said["WORKDIR"] == image_env()["CKM__DATA_DIR"]
    order = [word for word, _ in final]
    assert "RUN" not in order[order.index("USER") :]


def test_its_health_is_asked_by_the_program_itself() -> None:
    """Not by a tool that the image would have to have."""
    said = dict(instructions())

    assert said["HEALTHCHECK"].endswith('CMD ["ckm", "health"]')
    assert json.loads(said["ENTRYPOINT"]) == ["ckm"]
    assert said["STOPSIGNAL"] == "SIGTERM"


def test_all_that_is_copied_is_there_and_let_through() -> None:
    """A file that the ignore file keeps back would end the build."""
    ignored = CONTAINERFILE.with_name("Containerfile.dockerignore").read_text().splitlines()
    let_through = [line[1:] for line in ignored if line.startswith("!")]
    build, _ = stages()
    sources = [source for word, rest in build if word == "COPY" for source in rest.split()[:-1]]

    assert "*" in ignored
    assert sources
    for source in sources:
        assert (_ROOT / source).exists(), source
        assert source in let_through, source
    assert sorted(let_through) == sorted(sources)


def test_the_copied_files_are_enough_for_the_wheel() -> None:
    """Everything that pyproject.toml names is copied: readme, licence, hook and schemas."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    build, _ = stages()
    copied = {source for word, rest in build if word == "COPY" for source in rest.split()[:-1]}
    needed = {
        project["project"]["readme"],
        *project["project"]["license-files"],
        *wheel["packages"],
        *wheel["force-include"],
        "hatch_build.py",
        "pyproject.toml",
    }

    assert needed <= copied


@pytest.mark.parametrize(
    "name",
    [
        "ckm_stream/native/fold.cpython-311-x86_64-linux-gnu.so",
        "ckm_stream/native/fold.c",
        "ckm_stream/__pycache__",
    ],
)
def test_what_was_built_here_does_not_get_into_the_image(name: str) -> None:
    """Its core is compiled for its own base, or not at all."""
    ignored = CONTAINERFILE.with_name("Containerfile.dockerignore").read_text().splitlines()
    last = ignored.index("!ckm_stream")
    patterns = [line.replace("**/", "*") for line in ignored[last:] if not line.startswith("!")]

    assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
