"""Score updates and knowledge items, and their bytes."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.framing import frame
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.knowledge import Form, KnowledgeItem, Section
from ckm_stream.domain.score import (
    Engagement,
    Factor,
    Indicator,
    Score,
    ScoreUpdate,
    SourceClass,
    UpdateReason,
)
from ckm_stream.errors import InvariantError, Reason, RejectedRecord
from tests.support.values import items, score_updates

CATALOGUE = Catalogue.load()
CODEC = OutputCodec(CATALOGUE)
AS_OF_S = 1_700_000_000
UPDATE = ScoreUpdate(
    customer_id="c-1",
    version=3,
    as_of=AS_OF_S * MICROS + 5,
    reason=UpdateReason.EVENT,
    score=Score(
        as_of_s=AS_OF_S,
        epoch_id=0,
        value=0.5,
        willingness=0.4,
        absorption=0.3,
        total=0.4,
        value_n_eff=3.0,
        willingness_n_eff=2.0,
        absorption_n_eff=1.0,
        source_class=SourceClass.KEY_SOURCE,
        lead_user=False,
        engagement=Engagement.NONE,
        engagement_reason="",
    ),
    previous_class=None,
    reference_total=0.2,
    factors=(Factor(Indicator.TRUST, 0.5, 0.5, 0.1, 0.2, 31_449_600, 2.0, None),),
    event_id="e-1",
)
ITEM = KnowledgeItem(
    item_id="crm/e-1/0",
    customer_id="c-1",
    event_id="e-1",
    source="crm",
    occurred_at=AS_OF_S * MICROS,
    section=Section.FROM,
    form=Form.TACIT,
    kind="IDEA",
    subject_id="f-1",
    text="words",
    product=None,
    topics=("router",),
    novelty=0.5,
    stage="SUBMITTED",
    externalised=False,
)


@settings(max_examples=50)
@given(score_updates())
def test_score_update_comes_back_as_it_was(update: ScoreUpdate) -> None:
    """Encoding and decoding a score update changes nothing."""
    assert CODEC.decode_score_update(CODEC.encode_score_update(update)) == update


@settings(max_examples=50)
@given(items())
def test_knowledge_item_comes_back_as_it_was(item: KnowledgeItem) -> None:
    """Encoding and decoding a knowledge item changes nothing."""
    assert CODEC.decode_item(CODEC.encode_item(item)) == item


def test_equal_updates_have_equal_bytes() -> None:
    """Consumers may compare what two deliveries of one update carry."""
    again = msgspec.convert(msgspec.to_builtins(UPDATE), ScoreUpdate)

    assert CODEC.encode_score_update(again) == CODEC.encode_score_update(UPDATE)


def test_score_of_another_instant_is_a_defect() -> None:
    """The record has one instant; an update whose score has another cannot be told."""
    update = msgspec.structs.replace(UPDATE, as_of=UPDATE.as_of + MICROS)

    with pytest.raises(InvariantError, match="as of"):
        CODEC.encode_score_update(update)


def test_value_that_does_not_fit_is_a_defect() -> None:
    """What the worker computed must fit its own schema."""
    with pytest.raises(InvariantError, match=r"KnowledgeItem does not fit ckm.knowledge.item.v1"):
        CODEC.encode_item(msgspec.structs.replace(ITEM, text="\ud800"))


def test_item_is_not_a_score_update() -> None:
    """Each topic has its own schema."""
    with pytest.raises(RejectedRecord) as caught:
        CODEC.decode_score_update(CODEC.encode_item(ITEM))

    assert caught.value.reason is Reason.SCHEMA_MISMATCH


def test_unknown_indicator_is_rejected() -> None:
    """The indicator is a string in the schema, so that new ones are compatible; ours are known."""
    value = CODEC.encode_score_update(UPDATE).replace(b"\x04W3", b"\x04X3")

    with pytest.raises(RejectedRecord) as caught:
        CODEC.decode_score_update(value)

    assert caught.value.reason is Reason.UNDECODABLE


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_output_or_a_rejection(body: bytes) -> None:
    """A damaged record of our own topics is a rejection, never another error."""
    for subject, decode in (
        ("ckm.score.updated.v1-value", CODEC.decode_score_update),
        ("ckm.knowledge.item.v1-value", CODEC.decode_item),
    ):
        for value in (None, body, frame(CATALOGUE.writing_id(subject), body)):
            with pytest.raises(RejectedRecord):
                decode(value)
