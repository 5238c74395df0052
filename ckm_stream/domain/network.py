"""What referrals bring beyond the first step: what those bring whom the referred have sent."""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite


@dataclass(frozen=True, slots=True)
class Network:
    """
    Values beyond the first step, as of the epoch that they belong to.

    ``ids`` are network ids of customers (`sketch.network_id`), rising; ``values`` are in minor
    units of money, > 0, one an id.
    """

    ids: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """
        Refuse what cannot be looked up in.

        Raises:
            ValueError: If ids do not rise, or a value is not a positive number.
        """
        if not (
            len(self.ids) == len(self.values)
            and all(low < high for low, high in pairwise(self.ids))
            and all(each > 0 and isfinite(each) for each in self.values)
        ):
            raise ValueError("a referral network needs rising ids, with a value > 0 each")

    def beyond(self, network_id: int) -> float:
        """Return what the customer's referrals bring beyond the first step, 0 if not known."""
        place = bisect_left(self.ids, network_id)
        if place < len(self.ids) and self.ids[place] == network_id:
            return self.values[place]
        return 0.0
