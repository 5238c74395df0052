"""
The classes of one partition that change because nothing happens (SCORING rule 5).

Nothing is stored for it but the states themselves: a successor finds the same changes. A customer
costs nothing until the next look, which is further and further ahead the longer the silence.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, NamedTuple, Protocol

from ckm_stream.domain.days import DAY_S
from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import SourceClass
from ckm_stream.domain.silence import first_change, midnights, next_look_s


class Change(NamedTuple):
    """A class that is another one from a Unix second on, if nothing happens until then."""

    at_s: int
    key: bytes


class Cooling(Protocol):
    """The rules of the profile table, as far as time alone goes."""

    def load(self, data: bytes | None, partition: int) -> Any:  # noqa: ANN401 -- the core's own state
        """Decode a stored state."""

    def first_s(self, state: Any) -> int:  # noqa: ANN401 -- likewise
        """Return the Unix second of the first event."""

    def newest_s(self, state: Any) -> int:  # noqa: ANN401 -- likewise
        """Return the Unix second of the newest event."""

    def announced(self, state: Any) -> tuple[SourceClass, int] | None:  # noqa: ANN401 -- likewise
        """Return the class announced last and the second that it is as of; None before any."""

    def class_at(self, state: Any, at_s: int) -> SourceClass:  # noqa: ANN401 -- likewise
        """Return the class as of a Unix second that is not before the newest event."""


class Silences:
    """
    Whom to look at when, and which classes will have changed.

    Args:
        partition: The partition.
        fold: Decodes and scores states.
        read: The stored state of a key.
        next_epoch: The epoch that comes into force next after a second, if one is known.
        policy: Tells midnights, and how long a customer must be known to have a class.
    """

    def __init__(
        self,
        partition: int,
        *,
        fold: Cooling,
        read: Callable[[bytes], bytes | None],
        next_epoch: Callable[[int], Epoch | None],
        policy: Policy,
    ) -> None:
        self._partition = partition
        self._fold = fold
        self._read = read
        self._next_epoch = next_epoch
        self._policy = policy
        self._changed: dict[bytes, None] = {}
        self._days: dict[int, set[bytes]] = {}
        self._ahead: list[Change] = []
        self._all: Iterator[bytes] = iter(())
        #: The newest event of any state that was looked at, in Unix seconds.
        self.newest_s = -1
        #: Whether there was more to look at when ``due`` returned last.
        self.has_more = False

    def note(self, keys: Iterable[bytes]) -> None:
        """Note that the states of *keys* have changed."""
        self._changed.update(dict.fromkeys(keys))

    def look_at_all(self, keys: Iterable[bytes]) -> None:
        """Look at everybody, a few at a time: after a takeover, and when an epoch was announced."""
        self._all = iter(list(keys))

    def due(self, now_s: int, *, looks: int) -> list[Change]:
        """
        Look at *looks* customers at most, and return the classes that have changed by *now_s*.

        Each is returned once; after it was announced, ``note`` the key.
        """
        taken = self._take(now_s, looks)
        self.has_more = len(taken) == looks
        for key in taken:
            self._look(key, now_s)
        due: list[Change] = []
        while self._ahead and self._ahead[0].at_s <= now_s and len(due) < looks:
            due.append(heappop(self._ahead))
        return due

    def _take(self, now_s: int, looks: int) -> list[bytes]:
        taken: list[bytes] = []
        while self._changed and len(taken) < looks:
            key, _ = self._changed.popitem()
            taken.append(key)
        for day in sorted(day for day in self._days if day <= now_s // DAY_S):
            waiting = self._days[day]
            while waiting and len(taken) < looks:
                taken.append(waiting.pop())
            if not waiting:
                del self._days[day]
        while len(taken) < looks and (each := next(self._all, None)) is not None:
            taken.append(each)
        return taken

    def _look(self, key: bytes, now_s: int) -> None:
        data = self._read(key)
        if data is None:
            return
        state = self._fold.load(data, self._partition)
        newest_s = self._fold.newest_s(state)
        self.newest_s = max(self.newest_s, newest_s)
        announced = self._fold.announced(state)
        if announced is None:
            return
        known, known_from_s = announced
        changed_s = max(newest_s, known_from_s)
        has_class_s = self._fold.first_s(state) + self._policy.known_after_s
        # Evidence only ages: who is unknown by then stays so until the next event.
        if known is SourceClass.UNKNOWN and (
            has_class_s <= changed_s or self._fold.class_at(state, has_class_s) is known
        ):
            return
        until_s = next_look_s(changed_s, now_s)
        at_s = first_change(
            lambda at_s: self._fold.class_at(state, at_s),
            known,
            after_s=changed_s,
            until_s=until_s,
            instants=(has_class_s - 1, has_class_s, *self._leaps(changed_s, until_s)),
        )
        if at_s is not None:
            heappush(self._ahead, Change(at_s, key))
        else:
            self._days.setdefault(until_s // DAY_S, set()).add(key)

    def _leaps(self, after_s: int, until_s: int) -> list[int]:
        leaps = midnights(after_s, until_s, self._policy.landmark_s)
        epoch = self._next_epoch(after_s)
        while epoch is not None and epoch.effective_from_s < until_s:
            leaps += (epoch.effective_from_s - 1, epoch.effective_from_s)
            epoch = self._next_epoch(epoch.effective_from_s)
        return leaps
