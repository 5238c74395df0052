"""
What others rely on, as it was released: schemas, examples and topics (``schemas/released.yaml``).

``python -m tests.support.released`` prints what the file has to hold today. Lines are only added.
"""

import hashlib
from importlib.resources.abc import Traversable
from typing import Any, Final

import yaml

from ckm_stream.codec.catalogue import schemas_root

#: What a consumer or a producer builds on; partitions, retention and ACLs are an operator's.
_OF_A_TOPIC: Final = ("key", "subject", "compatibility", "cleanup_policy")

Released = dict[str, dict[str, Any]]


def today(root: Traversable | None = None) -> Released:
    """Return what is below *root*: digests of schemas and examples, and what topics are."""
    root = schemas_root() if root is None else root
    topics = [yaml.safe_load(file.read_text()) for file in (root / "topics").iterdir()]
    return {
        "schemas": {file.name: _digest(file) for file in (root / "avro").iterdir()},
        "examples": {
            f"{subject.name}/{version.name}/{file.name}": _digest(file)
            for subject in (root / "examples").iterdir()
            for version in subject.iterdir()
            for file in version.iterdir()
        },
        "topics": {
            topic["name"]: {name: topic[name] for name in _OF_A_TOPIC if name in topic}
            for topic in topics
        },
    }


def recorded() -> Released:
    """Return what ``schemas/released.yaml`` holds."""
    return read_released((schemas_root() / "released.yaml").read_text())


def read_released(text: str) -> Released:
    """Return what a version of ``schemas/released.yaml`` holds."""
    content: Released = yaml.safe_load(text)
    return content


def broken_promises(released: Released, found: Released) -> list[str]:
    """Return what was released and is now gone or other than it was."""
    return [
        f"{kind}: {name} {'was changed' if name in found[kind] else 'is gone'}"
        for kind, entries in released.items()
        for name, entry in entries.items()
        if found[kind].get(name) != entry
    ]


def _digest(file: Traversable) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    print(yaml.safe_dump(today(), width=120), end="")
