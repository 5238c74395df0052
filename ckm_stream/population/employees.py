"""How often employees capture usable notes, by bin: the epoch's table behind A3."""

from collections.abc import Iterable
from typing import NamedTuple

from ckm_stream.domain.choices import Prior
from ckm_stream.domain.decay import beta_mean
from ckm_stream.domain.sketch import BINS, bin_of
from ckm_stream.population.moments import Learnt, Shares, learn_share


class EmployeeContacts(NamedTuple):
    """An employee's contacts handled and usable notes captured, decayed to one instant."""

    employee_id: str
    handled: float
    noted: float


def learn_rates(
    employees: Iterable[EmployeeContacts], known: Prior, *, freshness: float = 1.0
) -> tuple[Learnt, tuple[float, ...]]:
    """
    Return the prior of an employee's note rate, and the rate of each bin shrunk to it.

    Without employees there are no rates: A3 is the prior's mean for everybody then. *freshness*
    is that of their contacts.
    """
    shares = Shares()
    handled, noted = [0.0] * BINS, [0.0] * BINS
    for each in employees:
        shares.add(each.noted, each.handled, freshness)
        place = bin_of(each.employee_id)
        handled[place] += each.handled
        noted[place] += each.noted
    learnt = learn_share(shares, known)
    if not shares.customers:
        return learnt, ()
    prior = learnt.prior
    pairs = zip(handled, noted, strict=True)
    return learnt, tuple(beta_mean(n, max(0.0, h - n), prior.a, prior.b) for h, n in pairs)
