"""What a simulation saw: lag, delay, use, and how long it took to catch up after each fault."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Caught up: no more waits than arrives within this time.
_CAUGHT_UP_S = 1.0


class Aftermath(NamedTuple):
    """A fault, the lag that it led to, and seconds until that was gone; None if it never was."""

    at_s: float
    name: str
    worst_lag: float
    catch_up_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """
    One step after the other; arrays have shape (steps,).

    Attributes:
        step_s: Length of a step.
        workers: Workers that have partitions.
        arrived: Events that arrived in a step.
        served: Events that were served in it.
        used_s: CPU seconds of all workers in it.
        lag: Events that wait at its end, all partitions together.
        worst_queue: Events that wait in the fullest partition at its end.
        busiest: Share of its core that the busiest worker used.
        faults: Instant and name of each.
    """

    step_s: float
    workers: int
    arrived: Floats
    served: Floats
    used_s: Floats
    lag: Floats
    worst_queue: Floats
    busiest: Floats
    faults: tuple[tuple[float, str], ...]

    @property
    def utilisation(self) -> float:
        """Share of all workers' cores that was used, on average."""
        return float(self.used_s.sum() / (len(self.served) * self.step_s * self.workers))

    def delays_s(self) -> Floats:
        """
        Return how long what arrived in each step waited, in whole steps.

        All partitions are one queue here, first come, first served. What still waits at the end
        has waited until then.
        """
        came, went = np.cumsum(self.arrived), np.cumsum(self.served)
        # A step's events are gone by the step in which so many have been served.
        gone = np.searchsorted(went, came - 1e-6, side="left")
        return np.asarray((gone - np.arange(len(came))) * self.step_s, dtype=np.float64)

    def delay_quantile_s(self, share: float) -> float:
        """Return the delay that *share* of the events, within 0..1, stay within."""
        delays = self.delays_s()
        order = np.argsort(delays)
        weight = np.cumsum(self.arrived[order])
        place = int(np.searchsorted(weight, share * weight[-1]))
        return float(delays[order][min(place, len(order) - 1)])

    def aftermaths(self) -> list[Aftermath]:
        """Return what each fault led to, until the next one."""
        lag = self.lag
        usual = np.maximum(self.arrived / self.step_s * _CAUGHT_UP_S, 1.0)
        begins = [min(int(at_s / self.step_s), len(lag) - 1) for at_s, _ in self.faults]
        found = []
        for place, (at_s, name) in enumerate(self.faults):
            begin = begins[place]
            end = begins[place + 1] if place + 1 < len(begins) else len(lag)
            part, calm = lag[begin:end], lag[begin:end] <= usual[begin:end]
            if not len(part):
                found.append(Aftermath(at_s, name, 0.0, 0.0))
                continue
            behind = np.flatnonzero(~calm)
            last = int(behind[-1]) + 1 if len(behind) else 0
            caught_up = None if last == len(part) else last * self.step_s
            found.append(Aftermath(at_s, name, float(part.max()), caught_up))
        return found
