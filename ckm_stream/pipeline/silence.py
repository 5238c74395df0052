"""
The classes of one partition that change because nothing happens (SCORING rule 5).

Nothing is stored for it but the states themselves: a successor finds the same changes. A customer
costs two bytes, the day of the next look, and nothing else until then; it is further and further
ahead the longer the silence.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

from ckm_stream.domain.days import DAY_S
from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import SourceClass
from ckm_stream.domain.silence import first_change, midnights, next_look_s
from ckm_stream.pipeline.store import StateStore

# Instead of a day since 1970, of which there is room for 65,533.
_WAITS: Final = 0  # has changed, and is among those looked at next
_NEVER: Final = 0xFFFF


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
        store: The partition's states.
        next_epoch: The epoch that comes into force next after a second, if one is known.
        policy: Tells midnights, and how long a customer must be known to have a class.
    """

    def __init__(
        self,
        partition: int,
        *,
        fold: Cooling,
        store: StateStore,
        next_epoch: Callable[[int], Epoch | None],
        policy: Policy,
    ) -> None:
        self._partition = partition
        self._fold = fold
        self._store = store
        self._next_epoch = next_epoch
        self._policy = policy
        #: By the customer's number in the store, the day of the next look.
        self._look_days = array("H")
        self._changed = array("I")
        self._all: Iterator[int] = iter(())
        self._today: Iterator[int] = iter(())
        self._searched_day = -1
        #: What will have changed by the end of a day that has been looked at.
        self._ahead: list[Change] = []
        #: The newest event of any state that was looked at, in Unix seconds.
        self.newest_s = -1
        #: Whether there was more to look at when ``due`` returned last.
        self.has_more = False

    def note(self, keys: Iterable[bytes]) -> None:
        """Note that the states of *keys*, which are in the store, have changed."""
        self._make_room()
        days = self._look_days
        for number in map(self._store.number_of, keys):
            if days[number] != _WAITS:
                days[number] = _WAITS
                self._changed.append(number)

    def look_at_all(self) -> None:
        """Look at everybody, a few at a time: after a takeover, and when an epoch was announced."""
        self._make_room()
        self._all = iter(range(len(self._look_days)))

    def due(self, now_s: int, *, looks: int) -> list[Change]:
        """
        Look at *looks* customers at most, and return the classes that have changed by *now_s*.

        Each is returned once; after it was announced, ``note`` the key.
        """
        taken = self._take(now_s // DAY_S, looks)
        self.has_more = len(taken) == looks
        for number in taken:
            self._look(number, now_s)
        due: list[Change] = []
        while self._ahead and self._ahead[0].at_s <= now_s and len(due) < looks:
            due.append(heappop(self._ahead))
        return due

    def _make_room(self) -> None:
        new = self._store.next_number - len(self._look_days)
        if new > 0:
            self._look_days.extend(array("H", [_NEVER]) * new)

    def _take(self, day: int, looks: int) -> list[int]:
        taken: list[int] = []
        while self._changed and len(taken) < looks:
            taken.append(self._changed.pop())
            self._look_days[taken[-1]] = _NEVER
        if day > self._searched_day:
            self._today, self._searched_day = self._due_on(day), day
        taken.extend(islice(self._today, looks - len(taken)))
        taken.extend(islice(self._all, looks - len(taken)))
        return taken

    def _due_on(self, day: int) -> Iterator[int]:
        # All are searched for those few once a day: 20 ms for a million.
        for number, look_day in enumerate(self._look_days):
            if _WAITS < look_day <= day:
                self._look_days[number] = _NEVER
                yield number

    def _look(self, number: int, now_s: int) -> None:
        key = self._store.key_of(number)
        data = None if key is None else self._store.get(key)
        if key is None or data is None:
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
        if at_s is not None and at_s // DAY_S <= self._searched_day:
            heappush(self._ahead, Change(at_s, key))
        elif self._look_days[number] != _WAITS:
            # A change on a later day is found again on that day; until then it is two bytes.
            self._look_days[number] = (until_s if at_s is None else at_s) // DAY_S

    def _leaps(self, after_s: int, until_s: int) -> list[int]:
        leaps = midnights(after_s, until_s, self._policy.landmark_s)
        epoch = self._next_epoch(after_s)
        while epoch is not None and epoch.effective_from_s < until_s:
            leaps += (epoch.effective_from_s - 1, epoch.effective_from_s)
            epoch = self._next_epoch(epoch.effective_from_s)
        return leaps
