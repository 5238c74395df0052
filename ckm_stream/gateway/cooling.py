"""
A score as of an instant that is asked for: the stored state, cooled, by the epoch in force then.

What was announced is never computed again (SCORING rule 7); this is another question, asked by
somebody who wants to know how a customer stands now, or will stand if nothing happens.
"""

from datetime import datetime

import msgspec
from sqlalchemy import Engine, select

from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.codec.state import decode_state
from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import largest_first
from ckm_stream.domain.scoring import explain, read_profile, score_profile
from ckm_stream.pipeline.epochs import Epochs
from ckm_stream.snapshots.columns import to_datetime
from ckm_stream.snapshots.epochs import EpochStore
from ckm_stream.snapshots.errors import store_errors
from ckm_stream.snapshots.stored import ExplainedScore
from ckm_stream.snapshots.tables import CURRENT_SCORE, PROFILE


class TooEarlyError(ValueError):
    """An instant before the newest event: what was known then is not kept, scores are."""

    def __init__(self, newest: datetime) -> None:
        super().__init__(f"lies before the customer's newest event, {newest.isoformat()}")


def known_epochs(engine: Engine, codec: EpochCodec, zero: Epoch) -> Epochs:
    """
    Return the epochs that were activated, as far as the store knows.

    Raises:
        TransientError: If the database is unavailable for now.
    """
    epochs = Epochs(zero)
    for epoch in EpochStore(engine, codec).activated():
        epochs.take(epoch)
    return epochs


def cooled(
    engine: Engine, customer_id: str, *, at: datetime, epochs: Epochs, policy: Policy
) -> ExplainedScore | None:
    """
    Return a customer's score as of *at*, with its reasons; None if unknown.

    Raises:
        TooEarlyError: If *at* lies before the newest event.
        TransientError: If the database is unavailable for now.
    """
    query = (
        select(
            PROFILE.c.state,
            PROFILE.c.as_of,
            PROFILE.c.version,
            PROFILE.c.simulated,
            CURRENT_SCORE.c.previous_class,
            CURRENT_SCORE.c.reason,
            CURRENT_SCORE.c.event_id,
        )
        .outerjoin(CURRENT_SCORE, CURRENT_SCORE.c.customer_id == PROFILE.c.customer_id)
        .where(PROFILE.c.customer_id == customer_id)
    )
    with store_errors(engine.url), engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    newest = to_datetime(row.as_of)
    if at < newest:
        raise TooEarlyError(newest)
    facts = decode_state(row.state, policy).facts
    as_of_s = int(at.timestamp())
    epoch = epochs.at(as_of_s)
    readings = read_profile(facts, as_of_s=as_of_s, epoch=epoch, policy=policy)
    score = score_profile(facts, as_of_s=as_of_s, epoch=epoch, policy=policy, readings=readings)
    explanation = explain(facts, as_of_s=as_of_s, epoch=epoch, policy=policy, readings=readings)
    return msgspec.convert(
        {
            **msgspec.structs.asdict(score),
            "customer_id": customer_id,
            "version": row.version,
            "as_of": at,
            "reason": row.reason or "DECAY",
            "previous_class": row.previous_class,
            "event_id": row.event_id or "",
            "simulated": row.simulated,
            "reference_total": explanation.reference_total,
            "factors": largest_first(explanation.factors),
        },
        ExplainedScore,
    )
