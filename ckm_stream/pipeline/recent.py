"""
The states that a partition's last units ended with, so that a busy key's is not decoded each time.

Only what has been committed is kept, and a unit takes what it changes: a state in here always
equals its bytes in the table. It lives as long as its lane, so a rebalance forgets it.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any


class RecentStates:
    """
    Decoded states by table and key, the most recently used ones.

    Args:
        capacity: States kept of each table, >= 0; a decoded profile takes about 6 kB.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._tables: dict[str, dict[bytes, Any]] = {}

    def take(self, table: str, key: bytes) -> Any:  # noqa: ANN401 -- the table's own state
        """Remove and return the state of *key*, or None: whoever takes it may change it."""
        states = self._tables.get(table)
        return None if states is None else states.pop(key, None)

    def trim(self, states: dict[bytes, Any]) -> None:
        """
        Drop those of *states* that will not be kept: encoded, nobody needs them any more.

        A unit of thousands of customers need not hold all of them decoded until it is durable.
        """
        surplus = len(states) - self._capacity
        if surplus > 0:
            for key in list(islice(states, surplus)):
                del states[key]

    def keep(self, table: str, states: Mapping[bytes, Any]) -> None:
        """Take back committed states; the ones that were used least recently make room."""
        kept = self._tables.setdefault(table, {})
        kept.update(states)
        self.trim(kept)
