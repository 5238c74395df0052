"""What `ckm epoch` tells a script: documents, from which its tables are made too."""

from collections.abc import Iterable
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from ckm_stream.domain.choices import Prior
from ckm_stream.domain.epoch import INDICATORS, Epoch
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.quantiles import Quantiles
from ckm_stream.domain.score import Dimension
from ckm_stream.population.changes import Changes
from ckm_stream.population.fit import RATES
from ckm_stream.population.report import FitReport
from ckm_stream.snapshots.columns import to_datetime

Document = dict[str, Any]


class State(StrEnum):
    """Where an epoch stands for events of now."""

    IN_FORCE = "in force"
    ANNOUNCED = "announced"
    REPLACED = "replaced"
    NOT_ACTIVATED = "not activated"


def epoch_document(epoch: Epoch, state: State, report: FitReport | None) -> Document:
    """
    Return all that is known of an epoch.

    Args:
        epoch: The epoch; 0 too.
        state: Where it stands.
        report: How it came about, None if the store does not know.
    """
    return {
        **summary_document(
            epoch.epoch_id,
            state,
            as_of_s=epoch.as_of_s or None,
            customers=epoch.customers,
            effective_from_s=None if state is State.NOT_ACTIVATED else epoch.effective_from_s,
        ),
        "before_id": None if report is None else report.before.epoch_id,
        "customers_known": None if report is None else report.customers_known,
        "customers_simulated": None if report is None else report.customers_simulated,
        "consistency_ratios": {} if report is None else report.consistency_ratios,
        "dimensions": list(_dimensions(epoch, report)),
        "indicators": list(_indicators(epoch, report)),
        "priors": list(_priors(epoch, report)),
        "employee_rates": list(epoch.employee_rates),
        "network_customers": len(epoch.network.ids),
        "models": [asdict(each) for each in epoch.models],
        "models_refused": {} if report is None else report.models_refused,
        "topics": list(_topics(epoch)),
    }


def summary_document(
    epoch_id: int,
    state: State,
    *,
    as_of_s: int | None,
    customers: int,
    effective_from_s: int | None,
) -> Document:
    """Return what a list says of an epoch; instants in Unix seconds."""
    return {
        "epoch_id": epoch_id,
        "state": state,
        "in_force": state is State.IN_FORCE,
        "as_of": None if as_of_s is None else to_datetime(as_of_s * MICROS),
        "customers": customers,
        "effective_from": (
            None if effective_from_s is None else to_datetime(effective_from_s * MICROS)
        ),
    }


def changes_document(changes: Changes) -> Document:
    """Return what another epoch would change, every customer in another class included."""
    return {
        "as_of": to_datetime(changes.as_of_s * MICROS),
        "customers": changes.customers,
        "customers_changed": len(changes.changed),
        "mean_change": changes.mean_change,
        "greatest_change": changes.greatest_change,
        "classes": [
            {"class_before": before, "class_after": after, "customers": count}
            for (before, after), count in sorted(changes.classes.items())
        ],
        "changed": [each._asdict() for each in changes.changed],
    }


def _dimensions(epoch: Epoch, report: FitReport | None) -> Iterable[Document]:
    for place, dimension in enumerate(Dimension):
        yield {
            "dimension": dimension.lower(),
            "exponent": epoch.between[place],
            "exponent_before": None if report is None else report.before.between[place],
            "high": epoch.high[place],
            "high_before": None if report is None else report.before.high[place],
            "high_kept": None if report is None else report.thresholds_kept[place],
        }


def _indicators(epoch: Epoch, report: FitReport | None) -> Iterable[Document]:
    scale = epoch.scale
    for place, indicator in enumerate(INDICATORS):
        reference = epoch.reference[place]
        yield {
            "indicator": indicator.value,
            "name": indicator.name.lower(),
            "weight": epoch.within[place],
            "weight_before": None if report is None else report.before.within[place],
            "entropy_weight": None if report is None else report.entropy_weights[indicator],
            "median": (
                scale.tables[place].value_at(reference) if isinstance(scale, Quantiles) else None
            ),
            "reference": reference,
            "with_evidence": None if report is None else report.with_evidence[indicator],
        }


def _topics(epoch: Epoch) -> Iterable[Document]:
    for each in sorted(epoch.topics, key=lambda topic: -topic.customers):
        seconds = each.seconds
        places = {"first": 0, "median": (len(seconds) - 1) // 2, "last": -1}
        instants = {name: to_datetime(seconds[place] * MICROS) for name, place in places.items()}
        yield {"topic": f"{each.key:08x}", "customers": each.customers, **instants}


def _priors(epoch: Epoch, report: FitReport | None) -> Iterable[Document]:
    for name, prior in asdict(epoch.priors).items():
        document = {"prior": name, **prior, "mean": _mean(name, Prior(**prior))}
        if report is None:
            yield document
            continue
        found, (a, b) = report.priors[name], report.before.priors[name]
        yield document | {
            "a_before": a,
            "b_before": b,
            "mean_before": _mean(name, Prior(a=a, b=b)),
            "customers": found.customers,
            "is_learnt": found.is_learnt,
        }


def _mean(name: str, prior: Prior) -> float:
    return prior.a / prior.b if name in RATES else prior.a / (prior.a + prior.b)
