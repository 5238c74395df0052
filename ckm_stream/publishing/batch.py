"""
Publishing whatever is in a file: right entries are sent, wrong ones reported, none is dropped.

The same loop serves a dry run; what is done with a right event is the caller's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.errors import RejectedRecord
from ckm_stream.publishing.files import EventFile, Problem, Refusal


@dataclass(slots=True)
class Tally:
    """How many entries of a file were accepted and refused so far."""

    accepted: int = 0
    refused: int = 0


def take_all(
    file: EventFile,
    source: Source | None,
    accept: Callable[[TouchpointEvent], object],
    refuse: Callable[[Refusal], object],
    *,
    advance: Callable[[int], object] = lambda _: None,
) -> Tally:
    """
    Hand every event of *file* to *accept*, and every entry that is none to *refuse*.

    Args:
        file: An open file.
        source: Type of the entries that do not say theirs.
        accept: Takes an event; an event that it rejects is refused.
        refuse: Takes what is wrong with an entry.
        advance: Takes the bytes read so far, after each entry.

    Raises:
        ConfigurationError: If the file is damaged.
        DeliveryError: If *accept* raises it.
    """
    tally = Tally()
    for place, entry in file.entries(source):
        refusal = entry if isinstance(entry, Refusal) else _offer(accept, place, entry)
        if refusal is None:
            tally.accepted += 1
        else:
            tally.refused += 1
            refuse(refusal)
        advance(file.position)
    return tally


def _offer(
    accept: Callable[[TouchpointEvent], object], place: int, event: TouchpointEvent
) -> Refusal | None:
    try:
        accept(event)
    except RejectedRecord as error:
        return Refusal(place, (Problem("", str(error)),))
    return None
