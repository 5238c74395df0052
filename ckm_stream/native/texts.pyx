# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
What was read in a customer's words.

Twin of `domain.folding.texts`.
"""

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.evidence cimport add
from ckm_stream.native.mentions cimport note_mentions
from ckm_stream.native.profile cimport Profile
from ckm_stream.native.slots cimport SLOT_TEXT_DISTRUST, SLOT_TEXT_TRUST, TRUST
from ckm_stream.native.touchpoint cimport Event


cdef int fold_text(Profile profile, const Event* event, Choices choices) except -1:
    note_mentions(profile, event)
    if event.sentiment > 0:
        add(profile, event, choices, SLOT_TEXT_TRUST, event.sentiment)
    elif event.sentiment < 0:
        add(profile, event, choices, SLOT_TEXT_DISTRUST, -event.sentiment)
    return TRUST if event.sentiment else 0
