"""
A partition's states in memory: bytes by key, each key with a number of its own.

This one is Python's dictionary, the reference and the fallback; the compiled one
(``native.store``) does the same in a third of the memory beside the states. Who keeps something
for every customer keeps it by number: a few bytes in an array, not an object each.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol


class StateStore(Protocol):
    """Bytes by key; what was put last stands."""

    def __len__(self) -> int:
        """Return how many keys there are."""

    def get(self, key: bytes) -> bytes | None:
        """Return the state of *key*, or None."""

    def put(self, key: bytes, value: bytes) -> None:
        """Set the state of *key*."""

    def put_many(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Set states, in their order."""

    def discard(self, key: bytes) -> None:
        """Forget *key*, which need not be there."""

    def number_of(self, key: bytes) -> int:
        """
        Return the number of *key*, the same as long as it is there; -1 if it is not.

        Numbers begin at 0 and leave no gaps but those of keys that were forgotten, which new keys
        fill first.
        """

    def key_of(self, number: int) -> bytes | None:
        """Return whose number it is, or None."""

    @property
    def next_number(self) -> int:
        """One more than the greatest number that was ever given."""


def keys_of(store: StateStore) -> Iterator[bytes]:
    """Yield the keys by their numbers; keys may be put and forgotten meanwhile."""
    number = 0
    while number < store.next_number:
        key = store.key_of(number)
        if key is not None:
            yield key
        number += 1


class DictStore:
    """The reference."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._numbers: dict[bytes, int] = {}
        self._keys: list[bytes | None] = []
        self._gaps: list[int] = []

    def __len__(self) -> int:
        """Return how many keys there are."""
        return len(self._values)

    def get(self, key: bytes) -> bytes | None:
        """Return the state of *key*, or None."""
        return self._values.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Set the state of *key*."""
        if key not in self._values:
            if self._gaps:
                number = self._gaps.pop()
                self._keys[number] = key
            else:
                number = len(self._keys)
                self._keys.append(key)
            self._numbers[key] = number
        self._values[key] = value

    def put_many(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Set states, in their order."""
        for key, value in entries:
            self.put(key, value)

    def discard(self, key: bytes) -> None:
        """Forget *key*, which need not be there."""
        if self._values.pop(key, None) is not None:
            number = self._numbers.pop(key)
            self._keys[number] = None
            self._gaps.append(number)

    def number_of(self, key: bytes) -> int:
        """Return the number of *key*, or -1."""
        return self._numbers.get(key, -1)

    def key_of(self, number: int) -> bytes | None:
        """Return whose number it is, or None."""
        return self._keys[number] if 0 <= number < len(self._keys) else None

    @property
    def next_number(self) -> int:
        """One more than the greatest number that was ever given."""
        return len(self._keys)
