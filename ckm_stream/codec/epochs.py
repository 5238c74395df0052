"""
Epochs and their bytes: what `ckm epoch activate` announces and every profile worker reads.

What is read is checked as a whole, because one wrong number would move every score: a table that
does not rise or weights that do not add up are refused, and the epoch before stays in force.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from math import isclose, isfinite
from typing import Any, Final

from ckm_stream.codec.catalogue import SchemaSource
from ckm_stream.codec.formats import Format
from ckm_stream.codec.topics import EPOCH
from ckm_stream.domain.beta import LEAST_COUNT
from ckm_stream.domain.choices import Prior, Priors
from ckm_stream.domain.epoch import INDICATORS, Epoch, FittedModel
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.network import Network
from ckm_stream.domain.quantiles import Quantiles, QuantileTable
from ckm_stream.domain.sketch import BINS
from ckm_stream.domain.topics import TopicTable
from ckm_stream.errors import InvariantError, Reason, RejectedRecord

_SIDES: Final = 3
# Network ids have 64 bits, and Avro's long has a sign.
_SIGN: Final = 1 << 63
_UNSIGNED: Final = (1 << 64) - 1
_PRIORS: Final = tuple(each.name for each in fields(Priors))


@dataclass(frozen=True, slots=True)
class _NamedPrior:
    name: str
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class _Table:
    values: Sequence[float]
    shares: Sequence[float]


@dataclass(frozen=True, slots=True)
class _NetworkValue:
    customer: int
    value: float


@dataclass(frozen=True, slots=True)
class _Topic:
    key: int
    customers: int
    seconds: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Record:
    """The Avro record, field by field."""

    epoch_id: int
    effective_from: int
    as_of: int
    customers: int
    tables: Sequence[_Table | QuantileTable]
    within: Sequence[float]
    between: Sequence[float]
    high: Sequence[float]
    reference: Sequence[float]
    employee_rates: Sequence[float]
    priors: Sequence[_NamedPrior]
    models: Sequence[FittedModel]
    network: Sequence[_NetworkValue]
    topics: Sequence[TopicTable | _Topic]


def _model(
    name: str, parameters: list[float], log_likelihood: float, customers: int
) -> FittedModel:
    return FittedModel(name, tuple(parameters), log_likelihood, customers)


_TYPES: Final[dict[str, Any]] = {
    "org.ckm.Epoch": _Record,
    "org.ckm.QuantileTable": _Table,
    "org.ckm.Prior": _NamedPrior,
    "org.ckm.FittedModel": _model,
    "org.ckm.NetworkValue": _NetworkValue,
    "org.ckm.TopicTable": _Topic,
}


class EpochCodec:
    """
    Encodes and decodes epochs, framed.

    Raises:
        ConfigurationError: If the catalogue lacks the subject, or the registry its schema.
    """

    def __init__(self, schemas: SchemaSource) -> None:
        self._format = Format(schemas, EPOCH, _TYPES)

    def encode(self, epoch: Epoch) -> bytes:
        """
        Return the framed value of *epoch*.

        Raises:
            InvariantError: If it is epoch 0 or the like, which is configuration, not learnt.
        """
        if not isinstance(epoch.scale, Quantiles):
            raise InvariantError(f"epoch {epoch.epoch_id} has no quantile tables to announce")
        priors = asdict(epoch.priors)
        return self._format.encode(
            _Record(
                epoch_id=epoch.epoch_id,
                effective_from=epoch.effective_from_s * MICROS,
                as_of=epoch.as_of_s * MICROS,
                customers=epoch.customers,
                tables=epoch.scale.tables,
                within=epoch.within,
                between=epoch.between,
                high=epoch.high,
                reference=epoch.reference,
                employee_rates=epoch.employee_rates,
                priors=tuple(_NamedPrior(name, **each) for name, each in priors.items()),
                models=epoch.models,
                network=tuple(
                    _NetworkValue(own - ((own & _SIGN) << 1), value)
                    for own, value in zip(epoch.network.ids, epoch.network.values, strict=True)
                ),
                topics=epoch.topics,
            )
        )

    def decode(self, value: bytes | None) -> Epoch:
        """
        Return the epoch in a framed value.

        Raises:
            RejectedRecord: If it is none, or one that no score may be made with.
        """
        record: _Record = self._format.read(value)
        for holds, what in _rules(record):
            if not holds:
                raise _unusable(record, what)
        try:
            tables = [
                QuantileTable(tuple(each.values), tuple(each.shares)) for each in record.tables
            ]
            network = Network(
                tuple(each.customer & _UNSIGNED for each in record.network),
                tuple(each.value for each in record.network),
            )
            topics = tuple(
                TopicTable(each.key, each.customers, tuple(each.seconds)) for each in record.topics
            )
        except ValueError as error:
            raise _unusable(record, str(error)) from None
        value_share, willingness_share, absorption_share = record.between
        high_value, high_willingness, high_absorption = record.high
        return Epoch(
            epoch_id=record.epoch_id,
            effective_from_s=record.effective_from // MICROS,
            scale=Quantiles(tuple(tables)),
            within=tuple(record.within),
            between=(value_share, willingness_share, absorption_share),
            high=(high_value, high_willingness, high_absorption),
            reference=tuple(record.reference),
            priors=Priors(
                **{
                    each.name: Prior(a=each.a, b=each.b)
                    for each in record.priors
                    if each.name in _PRIORS
                }
            ),
            employee_rates=tuple(record.employee_rates),
            as_of_s=record.as_of // MICROS,
            customers=record.customers,
            models=tuple(record.models),
            network=network,
            topics=topics,
        )


def _unusable(record: _Record, what: str) -> RejectedRecord:
    return RejectedRecord(Reason.OUT_OF_RANGE, f"epoch {record.epoch_id} is not usable: {what}")


def _rules(record: _Record) -> list[tuple[bool, str]]:
    twelve = len(INDICATORS)
    # A later version may have more priors than we know; without one that we know there is no score.
    pairs = {each.name: each for each in record.priors}
    within, between = record.within, record.between
    return [
        (record.epoch_id > 0, "its number must be > 0"),
        (record.effective_from % MICROS == 0, "it must begin with a whole second"),
        (len(record.tables) == twelve, f"it must have {twelve} tables"),
        (_are_shares(record.reference, twelve), f"its reference must be {twelve} shares"),
        (_are_shares(within, twelve), f"it must weigh {twelve} indicators"),
        (
            all(isclose(sum(within[start : start + 4]), 1.0, abs_tol=1e-9) for start in (0, 4, 8)),
            "each dimension's weights must add up to 1",
        ),
        (
            _are_shares(between, _SIDES) and isclose(sum(between), 1.0, abs_tol=1e-9),
            "three exponents must add up to 1",
        ),
        (_are_shares(record.high, _SIDES), "it must have three thresholds within 0..1"),
        (
            len(record.employee_rates) in (0, BINS)
            and _are_shares(record.employee_rates, len(record.employee_rates)),
            f"it must have the note rates of {BINS} bins, or none",
        ),
        (pairs.keys() >= set(_PRIORS), f"its priors must be {', '.join(_PRIORS)}"),
        (
            all(_is_prior(each) for each in pairs.values()),
            f"its priors must be > 0, those of the acceptance rate >= {LEAST_COUNT}",
        ),
        (
            all(one.key < next_one.key for one, next_one in pairwise(record.topics)),
            "its topics must be in the order of their keys, each once",
        ),
    ]


def _are_shares(numbers: Sequence[float], count: int) -> bool:
    return len(numbers) == count and all(0.0 <= each <= 1.0 for each in numbers)


def _is_prior(prior: _NamedPrior) -> bool:
    least = LEAST_COUNT if prior.name == "acceptance_rate" else 1e-9
    return isfinite(prior.a) and isfinite(prior.b) and min(prior.a, prior.b) >= least
