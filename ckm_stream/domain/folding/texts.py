"""What was read in a customer's words: how they sound, and what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckm_stream.domain import slots
from ckm_stream.domain.events import TextReading
from ckm_stream.domain.folding.evidence import TRUST, W3, Weights
from ckm_stream.domain.mentions import note_mentions

if TYPE_CHECKING:
    from ckm_stream.domain.facts import Facts


def fold_text(facts: Facts, event: TextReading, w: Weights) -> int:
    """
    Add how the words sound and what they are about.

    They came with a touchpoint, so they are none of their own.
    """
    note_mentions(facts.mentions, event.topics, event.occurred_s)
    if event.sentiment > 0:
        facts.sums[slots.TEXT_TRUST] += event.sentiment * w[W3]
    elif event.sentiment < 0:
        facts.sums[slots.TEXT_DISTRUST] -= event.sentiment * w[W3]
    return TRUST if event.sentiment else 0
