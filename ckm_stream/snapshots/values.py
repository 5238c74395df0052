"""The values that are bound to the columns of each table, by their names."""

from typing import Any

from ckm_stream.domain.knowledge import KnowledgeItem
from ckm_stream.domain.score import ScoreUpdate
from ckm_stream.snapshots.batch import EmployeeRow, ProfileRow
from ckm_stream.snapshots.tables import CLASS_HISTORY, CURRENT_SCORE, FACTOR_COLUMNS

Values = dict[str, Any]


def profile_values(row: ProfileRow) -> Values:
    """Return the columns of ``PROFILE``."""
    return {
        "customer_id": row.customer_id,
        "partition": row.partition,
        "changelog_offset": row.changelog_offset,
        "version": row.version,
        "as_of": row.as_of,
        "simulated": row.simulated,
        "about_customer": row.about,
        "for_customer": row.for_,
        "from_customer": row.from_,
        "state": row.state,
    }


def employee_values(row: EmployeeRow) -> Values:
    """Return the columns of ``EMPLOYEE``."""
    return {name: getattr(row, name) for name in EmployeeRow.__slots__}


def score_values(update: ScoreUpdate) -> Values:
    """Return the columns of ``SCORE``."""
    score, factors = update.score, update.factors
    return {
        "customer_id": update.customer_id,
        "version": update.version,
        "as_of": update.as_of,
        "reason": update.reason,
        "epoch_id": score.epoch_id,
        "total": score.total,
        "value": score.value,
        "willingness": score.willingness,
        "absorption": score.absorption,
        "value_n_eff": score.value_n_eff,
        "willingness_n_eff": score.willingness_n_eff,
        "absorption_n_eff": score.absorption_n_eff,
        "source_class": score.source_class,
        "previous_class": update.previous_class,
        "lead_user": score.lead_user,
        "engagement": score.engagement,
        "engagement_reason": score.engagement_reason,
        "reference_total": update.reference_total,
        "factors": (),
        "event_id": update.event_id,
        **{
            name: [getattr(each, field) for each in factors]
            for name, field in FACTOR_COLUMNS.items()
        },
    }


def current_values(score: Values) -> Values:
    """Return the columns of ``CURRENT_SCORE``, from those of ``SCORE``."""
    return {column.name: score[column.name] for column in CURRENT_SCORE.columns}


def class_values(score: Values) -> Values:
    """Return the columns of ``CLASS_HISTORY``, from those of ``SCORE``."""
    return {column.name: score[column.name] for column in CLASS_HISTORY.columns}


def item_values(item: KnowledgeItem) -> Values:
    """Return the columns of ``KNOWLEDGE_ITEM``."""
    return {name: getattr(item, name) for name in KnowledgeItem.__struct_fields__}
