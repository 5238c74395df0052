"""
The models of buying and spending of an epoch: they price lifetimes at read, and rank nobody.

A model that cannot be fitted is refused with its reason, and the parameters of the epoch before
stay; the other models and the rest of the epoch go on.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ckm_stream.domain.epoch import FittedModel
from ckm_stream.errors import FitError
from ckm_stream.lifetime.beta_geometric import BetaGeometric, ModifiedBetaGeometric
from ckm_stream.lifetime.fitting import AnyBuying, Fit, fit_buying, fit_spend
from ckm_stream.lifetime.gamma_gamma import GammaGamma
from ckm_stream.lifetime.histories import Histories, Spends
from ckm_stream.lifetime.pareto import ParetoNBD

_BUYING: Final[tuple[type[AnyBuying], ...]] = (BetaGeometric, ModifiedBetaGeometric, ParetoNBD)


@dataclass(frozen=True, slots=True)
class FittedModels:
    """The models to use, and by name why one was not fitted anew."""

    models: tuple[FittedModel, ...]
    refused: dict[str, str]


def fit_models(
    histories: Histories | None, spends: Spends | None, *, before: Iterable[FittedModel]
) -> FittedModels:
    """
    Fit BG/NBD, MBG/NBD, Pareto/NBD and Gamma-Gamma by maximum likelihood.

    Args:
        histories: The population, best as the grouped weekly table; None if nobody has bought.
        spends: What its purchases were worth; None if nobody has paid.
        before: The models in use. A new fit that is less likely than these is refused, and where
            one is refused these stay.
    """
    known = {each.name: each for each in before}
    models: list[FittedModel] = []
    refused: dict[str, str] = {}

    def take(name: str, fit: Callable[[], Fit[AnyBuying] | Fit[GammaGamma]]) -> None:
        try:
            found = fit()
        except FitError as error:
            refused[name] = str(error)
            models.extend(known[name] for _ in range(name in known))
            return
        parameters = found.model.parameters()
        models.append(FittedModel(name, parameters, found.log_likelihood, found.customers))

    for kind in _BUYING:
        take(kind.NAME, lambda kind=kind: _fit_buying(kind, histories, known.get(kind.NAME)))  # type: ignore[misc] # mypy does not infer defaults
    take(GammaGamma.NAME, lambda: _fit_spend(spends, known.get(GammaGamma.NAME)))
    return FittedModels(tuple(models), refused)


def _fit_buying(
    kind: type[AnyBuying], histories: Histories | None, before: FittedModel | None
) -> Fit[AnyBuying]:
    if histories is None:
        raise FitError(f"{kind.NAME} has nobody to learn from: no customer has bought")
    return fit_buying(
        kind, histories, previous=None if before is None else kind(*before.parameters)
    )


def _fit_spend(spends: Spends | None, before: FittedModel | None) -> Fit[GammaGamma]:
    if spends is None:
        raise FitError(f"{GammaGamma.NAME} has nobody to learn from: no customer has paid")
    return fit_spend(spends, previous=None if before is None else GammaGamma(*before.parameters))
