"""
Fetch what the console and its tests use from npm, and keep it in the repository with its licences.

``python -m tools.vendor`` fetches the versions below with ``npm pack``, compares each tarball with
its sha512, takes out the files named here and writes VENDORED.md beside them. Nobody who uses or
tests the console needs npm. To take another version: change it here with its sha512, run this, run
tests/e2e/test_console.py, commit the difference.
"""

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
CONSOLE: Final = ROOT / "ckm_stream" / "gateway" / "console" / "vendor"
AXE: Final = ROOT / "tests" / "data" / "axe"


@dataclass(frozen=True, slots=True)
class Package:
    """
    A package of npm at one version.

    Attributes:
        name: As npm knows it.
        version: Exactly this one.
        sha512: Of its tarball, base64, as ``npm view NAME dist.integrity`` says.
        licence: By its SPDX identifier.
        folder: Where its files go.
        files: What is taken, and under which name.
        edits: What is replaced in it, because a browser finds no bare names.
    """

    name: str
    version: str
    sha512: str
    licence: str
    folder: Path
    files: dict[str, str]
    edits: tuple[tuple[str, str], ...] = ()


PACKAGES: Final = (
    Package(
        name="preact",
        version="11.2.0",
        sha512="/HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==",
        licence="MIT",
        folder=CONSOLE,
        files={
            "dist/preact.mjs": "preact.js",
            "hooks/dist/hooks.mjs": "preact-hooks.js",
            "LICENSE": "preact.LICENSE",
        },
        edits=(
            ('from"preact"', 'from"./preact.js"'),
            ("//# sourceMappingURL=preact.mjs.map\n", ""),
            ("//# sourceMappingURL=hooks.mjs.map\n", ""),
        ),
    ),
    Package(
        name="htm",
        version="3.1.1",
        sha512="983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        licence="Apache-2.0",
        folder=CONSOLE,
        files={"dist/htm.module.js": "htm.js", "LICENSE": "htm.LICENSE"},
    ),
    Package(
        name="axe-core",
        version="4.14.1",
        sha512="FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        licence="MPL-2.0",
        folder=AXE,
        files={
            "axe.min.js": "axe.min.js",
            "LICENSE": "LICENSE",
            "LICENSE-3RD-PARTY.txt": "LICENSE-3RD-PARTY.txt",
        },
    ),
)


class VendoringError(Exception):
    """What was fetched is not what is expected."""


def vendor(package: Package, scratch: Path) -> None:
    """
    Fetch *package* and put its files into its folder.

    Raises:
        VendoringError: If the tarball or an edit is not what is expected.
        subprocess.CalledProcessError: If npm fails.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise VendoringError("npm is not installed")
    wanted = f"{package.name}@{package.version}"
    subprocess.run([npm, "pack", "--silent", wanted], cwd=scratch, check=True, capture_output=True)
    tarball = scratch / f"{package.name}-{package.version}.tgz"
    found = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != package.sha512:
        raise VendoringError(f"{wanted}: its sha512 is {found}, expected {package.sha512}")
    contents: dict[str, bytes] = {}
    with tarfile.open(tarball) as archive:
        for inside, name in package.files.items():
            member = archive.extractfile(f"package/{inside}")
            if member is None:
                raise VendoringError(f"{wanted} has no file {inside}")
            contents[name] = member.read()
    for before, after in package.edits:
        edited = {
            name: each.replace(before.encode(), after.encode()) for name, each in contents.items()
        }
        if edited == contents:
            raise VendoringError(f"{wanted}: there is no {before!r} to replace")
        contents = edited
    package.folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (package.folder / name).write_bytes(content)


def describe(folder: Path) -> str:
    """Return the VENDORED.md of *folder*: what is in it, from where, and as which bytes."""
    lines = [
        "# Vendored from npm",
        "",
        "Written by `python -m tools.vendor`, which says how to take another version.",
        "",
    ]
    for package in PACKAGES:
        if package.folder != folder:
            continue
        lines += [
            f"## {package.name} {package.version}",
            "",
            f"* licence: {package.licence}, in "
            + ", ".join(f"`{name}`" for name in package.files.values() if "LICENSE" in name),
            f"* sha512 of the tarball: `{package.sha512}`",
            *(
                f"* edited: `{before.strip()}` → " + (f"`{after}`" if after else "nothing")
                for before, after in package.edits
            ),
            "",
            "| file | from | sha256 |",
            "| --- | --- | --- |",
            *(
                f"| `{name}` | `{inside}` | `{_sha256_of(folder / name)}` |"
                for inside, name in package.files.items()
            ),
            "",
        ]
    return "\n".join(lines)


def _sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Fetch all packages; return 1 with a sentence if one is not what is expected."""
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for package in PACKAGES:
                vendor(package, Path(scratch))
    except VendoringError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for folder in {package.folder for package in PACKAGES}:
        (folder / "VENDORED.md").write_text(describe(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
