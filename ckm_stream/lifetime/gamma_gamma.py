"""
Gamma-Gamma: what customers pay per transaction, shrunk to what all customers pay.

A customer's spends are Gamma(p, nu) about a mean p/nu of its own, with nu ~ Gamma(q, gamma), and
independent of how often the customer buys.

Source:
    Fader, Hardie, Lee: RFM and CLV, JMR 2005; Fader, Hardie: The Gamma-Gamma model of monetary
    value, 2013.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy.special import gammaln

from ckm_stream.errors import FitError
from ckm_stream.lifetime.histories import MOST_MONEY, FloatArray, Spends, weighted_total
from ckm_stream.lifetime.model import check_parameters

#: Least gamma, in any unit of money; its greatest is ``MOST_MONEY``.
LEAST_MONEY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """
    Gamma-Gamma(p, q, gamma).

    Attributes:
        p: Shape of one customer's spends.
        q: Shape of their rates over the customers.
        gamma: The scale of these, in the unit of money of the spends.

    Raises:
        FitError: If p or q is outside ``LOWEST``..``HIGHEST``, or gamma outside ``LEAST_MONEY``..
            ``MOST_MONEY``.
    """

    p: float
    q: float
    gamma: float

    NAME: ClassVar[str] = "gamma_gamma"
    PARAMETERS: ClassVar[tuple[str, ...]] = ("p", "q", "gamma")

    def __post_init__(self) -> None:
        check_parameters(self.NAME, self.PARAMETERS[:2], (self.p, self.q))
        if not LEAST_MONEY <= self.gamma <= MOST_MONEY:
            raise FitError(
                f"{self.NAME}: gamma is {self.gamma}, but lies in {LEAST_MONEY:g}..{MOST_MONEY:g}"
                " by definition; take the parameters of an accepted fit"
            )

    def parameters(self) -> tuple[float, ...]:
        """Return (p, q, gamma)."""
        return self.p, self.q, self.gamma

    def log_likelihood(self, spends: Spends) -> float:
        """
        Return Σ customers·ln of the density of their mean spends.

        Raises:
            FitError: If a mean is 0: the model gives every spend a density above 0 only.
        """
        if not np.all(spends.mean > 0):
            raise FitError(f"{self.NAME}: a mean spend is 0; leave out customers who paid nothing")
        shape = self.p * spends.transactions
        total = spends.transactions * spends.mean
        each = (
            gammaln(shape + self.q)
            - gammaln(shape)
            - gammaln(self.q)
            + shape * np.log(total)
            - np.log(spends.mean)
            - shape * np.log(self.gamma + total)
            - self.q * np.log1p(total / self.gamma)
        )
        return weighted_total(spends.customers, each)

    def expected_spend(self, transactions: FloatArray, mean: FloatArray) -> FloatArray:
        """
        Return E[M | n, z̄] = p(gamma + n·z̄)/(p·n + q - 1), the expected spend per transaction.

        For q <= 1 the mean over all customers is infinite, and so is this for p·n + q <= 1. The
        divisor is therefore at least p·n/2: the result is finite, and at most twice z̄ + gamma/n.

        Args:
            transactions: n >= 1, of all spends, the first included.
            mean: z̄ >= 0, their mean.
        """
        weight = self.p * transactions
        divisor = np.maximum(weight + self.q - 1.0, weight / 2.0)
        expected: FloatArray = self.p * (self.gamma + transactions * mean) / divisor
        return expected
