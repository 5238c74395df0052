"""
Closed formulas of queues, and waits by chance, which the simulation is held to.

Sources: Little, "A proof for the queuing formula L = lambda W" (Operations Research 9, 1961);
Pollaczek and Khinchine's formula for M/G/1, here with service times that are all equal (M/D/1);
Lindley's recursion (Proc. Cambridge Phil. Soc. 48, 1952), solved by a running minimum.
"""

import numpy as np
from numpy.typing import NDArray

from ckm_stream.errors import ConfigurationError

Floats = NDArray[np.float64]


def md1_mean_wait_s(rate_hz: float, service_s: float) -> float:
    """
    Return the mean wait before service of Poisson arrivals at one server: rho S / (2 (1 - rho)).

    Args:
        rate_hz: Arrivals per second, >= 0.
        service_s: Seconds that each takes, > 0.

    Returns:
        Seconds, >= 0; service itself is not in it.

    Raises:
        ConfigurationError: If the server is not faster than the arrivals.
    """
    rho = rate_hz * service_s
    if not 0 <= rho < 1:
        raise ConfigurationError(
            f"a server used to {rho:.0%} has no mean wait; add workers until it is below 100 %"
        )
    return rho * service_s / (2.0 * (1.0 - rho))


def waits_s(arrivals_s: Floats, service_s: float) -> Floats:
    """
    Return what each arrival waits at one server, first come, first served.

    Args:
        arrivals_s: Instants, ascending; shape (n,).
        service_s: Seconds that each takes, > 0.

    Returns:
        Seconds before service, >= 0; shape (n,).
    """
    # W[n] = max(0, W[n-1] + S - gap[n]): a random walk above its running minimum.
    walk = np.concatenate(([0.0], np.cumsum(service_s - np.diff(arrivals_s))))
    waits: Floats = walk - np.minimum.accumulate(walk)
    return waits


def poisson_arrivals_s(rate_hz: float, seconds: float, rng: np.random.Generator) -> Floats:
    """Return the instants of Poisson arrivals within *seconds*, ascending."""
    count = int(rng.poisson(rate_hz * seconds))
    return np.sort(rng.uniform(0.0, seconds, count))
