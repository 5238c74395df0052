"""What a lock in ``requirements/`` pins: version, marker, digests, and who asks for it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PIN: Final = re.compile(
    r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\\n]+?))?(?: \\)?$"
)
_HASH: Final = re.compile(r"^    --hash=sha256:(?P<digest>[0-9a-f]{64})(?: \\)?$")
_VIA: Final = re.compile(r"^    #(?: via)?\s*(?P<name>\S*)(?P<file> \(pyproject\.toml\))?$")


class LockError(ValueError):
    """A line of a lock is none of those that ``make lock`` writes."""


@dataclass(frozen=True, slots=True)
class Pin:
    """
    One pinned release.

    ``marker`` says on which machines it is installed, everywhere if it is empty; ``digests`` are
    the SHA-256 of all its files that may be installed; ``wanted_by`` are names of other pins, and
    ``ckm-stream`` where the project itself asks for it.
    """

    name: str
    version: str
    marker: str
    digests: tuple[str, ...]
    wanted_by: tuple[str, ...]

    @property
    def purl(self) -> str:
        """The package URL, which names no host."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(text: str) -> list[Pin]:
    """
    Return the pins of a lock, in its order.

    Raises:
        LockError: If a line is not understood, or a pin has no digest.
    """
    return [_pin(block) for block in _blocks(text)]


def _blocks(text: str) -> Iterator[list[str]]:
    block: list[str] = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if not line.startswith(" ") and block:
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _pin(block: list[str]) -> Pin:
    head = _PIN.match(block[0])
    if head is None:
        raise LockError(f"not a pin: {block[0]!r}")
    digests: list[str] = []
    wanted_by: list[str] = []
    for line in block[1:]:
        if found := _HASH.match(line):
            digests.append(found["digest"])
        elif found := _VIA.match(line):
            # `-r requirements/build.in` and the like are files, not packages.
            if found["name"] and not found["name"].startswith("-"):
                wanted_by.append(found["name"])
        elif not line.lstrip().startswith("#"):
            raise LockError(f"{head['name']}: line not understood: {line!r}")
    if not digests:
        raise LockError(f"{head['name']}=={head['version']} has no digest")
    return Pin(
        name=head["name"],
        version=head["version"],
        marker=head["marker"] or "",
        digests=tuple(digests),
        wanted_by=tuple(wanted_by),
    )
