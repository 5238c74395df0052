"""
The epochs that are known, and which of them is in force at an instant of event time.

A score uses the epoch in force as of its own instant, whenever it is made: so all workers agree,
and so does a replay. For that an epoch has to be known before it is in force, and never changes.
"""

from bisect import bisect_right, insort
from typing import Final

from ckm_stream.domain.epoch import Epoch
from ckm_stream.errors import InvariantError

_GREATEST: Final = 1 << 63


class Epochs:
    """Epochs by the event time that they are in force from; *zero* is in force before any."""

    def __init__(self, zero: Epoch) -> None:
        self._known = {zero.epoch_id: zero}
        self._order = [_place(zero)]
        #: The known epoch that is in force last.
        self.newest = zero

    def take(self, epoch: Epoch) -> bool:
        """
        Take an epoch in; False if it was known.

        Raises:
            InvariantError: If another epoch of that number is known: some scores were made with it.
        """
        known = self._known.get(epoch.epoch_id)
        if known is not None:
            if known != epoch:
                raise InvariantError(
                    f"epoch {epoch.epoch_id} was announced twice with different content; "
                    "an epoch that was announced never changes, fit a new one"
                )
            return False
        self._known[epoch.epoch_id] = epoch
        insort(self._order, _place(epoch))
        self.newest = self._known[self._order[-1][1]]
        return True

    def at(self, as_of_s: int) -> Epoch:
        """Return the epoch in force at a Unix second: of two from the same second, the later."""
        newest = self.newest
        if as_of_s >= newest.effective_from_s:  # nearly always: this is asked for every score
            return newest
        place = bisect_right(self._order, (as_of_s, _GREATEST))
        return self._known[self._order[max(place, 1) - 1][1]]

    def next_after(self, as_of_s: int) -> Epoch | None:
        """Return the epoch that comes into force next after a Unix second, if one is known."""
        place = bisect_right(self._order, (as_of_s, _GREATEST))
        return self._known[self._order[place][1]] if place < len(self._order) else None

    def __len__(self) -> int:
        return len(self._known)


def _place(epoch: Epoch) -> tuple[int, int]:
    return epoch.effective_from_s, epoch.epoch_id
