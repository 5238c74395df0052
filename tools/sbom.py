"""
The bill of materials of a release: CycloneDX 1.6 JSON, made from the lock.

    python -m tools.sbom [FILE]

lists what ``requirements/runtime.txt`` pins, with digests, licences and who asks for what, and what
comes with the wheel itself without being ours. It is the same to the byte for the same lock and
tree: no time of day, and a serial number derived from the content.
"""

import argparse
import hashlib
import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any, Final

from tools.licences import licence_of, runtime_pins
from tools.locks import Pin
from tools.project import ROOT, project_version

PROJECT: Final = "ckm-stream"

#: UUID of this program's own namespace, for serial numbers.
_NAMESPACE: Final = uuid.UUID("6f0a3b9e-6a53-5c0b-9c2c-5d8f6c3f8a11")
_VENDORED: Final = ROOT / "ckm_stream" / "gateway" / "console" / "vendor"
_SAMPLE: Final = ROOT / "ckm_stream" / "publishing" / "data" / "cdnow_sample.csv.gz"
_SECTION: Final = re.compile(
    r"^## (?P<name>\S+) (?P<version>\S+)\n\n\* licence: (?P<licence>[^,\n]+)"
    r"(?P<rest>.*?)(?=^## |\Z)",
    re.MULTILINE | re.DOTALL,
)
_FILE: Final = re.compile(
    r"^\| `(?P<file>[^`]+)` \|.*\| `(?P<digest>[0-9a-f]{64})` \|$", re.MULTILINE
)

Json = dict[str, Any]


def bill(pins: list[Pin], version: str) -> Json:
    """
    Return the bill of *version* of the package with *pins* installed.

    Raises:
        UnknownLicenceError: If a dependency does not say its licence.
    """
    root = f"pkg:pypi/{PROJECT}@{version}"
    carried = [*_vendored(), _sample()]
    content: Json = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": PROJECT,
                "version": version,
                "purl": root,
                "licenses": _licences("Apache-2.0"),
            },
            "lifecycles": [{"phase": "pre-build"}],
        },
        "components": [_component(pin) for pin in pins] + carried,
        "dependencies": _dependencies(root, pins, [each["bom-ref"] for each in carried]),
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(content, sort_keys=True))
    return {"bomFormat": content.pop("bomFormat"), "specVersion": content.pop("specVersion")} | {
        "serialNumber": f"urn:uuid:{serial}",
        **content,
    }


def text_of(content: Json) -> str:
    """Return a bill as JSON."""
    return json.dumps(content, indent=2) + "\n"


def main() -> None:
    """Write the bill into a file, or print it."""
    parser = argparse.ArgumentParser(description=__doc__.strip().partition("\n\n")[0])
    parser.add_argument("file", nargs="?", type=Path, help="where to write it; else it is printed")
    file: Path | None = parser.parse_args().file
    text = text_of(bill(runtime_pins(), project_version()))
    if file is None:
        sys.stdout.write(text)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _component(pin: Pin) -> Json:
    content: Json = {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "scope": "required",
        # Of every file of the release that may be installed: a platform has one of them.
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in pin.digests],
        "licenses": _licences(licence_of(pin.name)),
        "purl": pin.purl,
    }
    if pin.marker:
        content["properties"] = [{"name": "ckm:marker", "value": pin.marker}]
    return content


def _licences(expression: str) -> list[Json]:
    if " " in expression or expression.startswith("LicenseRef-"):
        return [{"expression": expression}]
    return [{"license": {"id": expression}}]


def _dependencies(root: str, pins: list[Pin], carried: list[str]) -> list[Json]:
    purls: dict[str, list[str]] = {PROJECT: [root]}
    for pin in pins:
        # A package with a version for each Python is there several times.
        purls.setdefault(pin.name, []).append(pin.purl)
    wanted: dict[str, set[str]] = {purl: set() for each in purls.values() for purl in each}
    wanted[root].update(carried)
    for pin in pins:
        for name in pin.wanted_by:
            for purl in purls[name]:
                wanted[purl].add(pin.purl)
    return [
        {"ref": purl, "dependsOn": sorted(needs)} if needs else {"ref": purl}
        for purl, needs in sorted(wanted.items())
    ]


def _vendored() -> list[Json]:
    """Return the console's libraries, from the list that `python -m tools.vendor` writes."""
    return [
        {
            "type": "library",
            "bom-ref": f"pkg:npm/{found['name']}@{found['version']}",
            "name": found["name"],
            "version": found["version"],
            "scope": "required",
            "licenses": _licences(found["licence"].strip()),
            "purl": f"pkg:npm/{found['name']}@{found['version']}",
            "components": [
                _file(_VENDORED / each["file"]) for each in _FILE.finditer(found["rest"])
            ],
        }
        for found in _SECTION.finditer((_VENDORED / "VENDORED.md").read_text())
    ]


def _sample() -> Json:
    return _file(_SAMPLE) | {
        "description": "Purchases for the demo; published for research by Fader and Hardie.",
        "licenses": [{"license": {"name": "see ckm_stream/publishing/data/README.md"}}],
    }


def _file(path: Path) -> Json:
    name = str(path.relative_to(ROOT))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "type": "file",
        "bom-ref": f"file:{name}",
        "name": name,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


if __name__ == "__main__":
    main()
