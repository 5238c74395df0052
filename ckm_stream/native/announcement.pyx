# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
Whether a score is announced, and the bytes that announce it with its reasons.

The references are `pipeline.fold` for what is due, `domain.scoring.explain` and `codec.outputs`:
the same operations in the same order, so the same bits and bytes.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.math cimport fabs, log
from libc.stdint cimport int64_t, uint8_t

from ckm_stream.native.choices cimport Choices, EpochNumbers
from ckm_stream.native.decoding cimport decode_profile
from ckm_stream.native.delivery cimport Delivery
from ckm_stream.native.profile cimport INDICATORS, Profile
from ckm_stream.native.score cimport W2, Score
from ckm_stream.native.scoring cimport clamp, combine, mean_of, read_score
from ckm_stream.native.topics cimport percent_ahead
from ckm_stream.native.willingness cimport mean_acceptance
from ckm_stream.native.wire cimport (
    Buffer, Text, put_byte, put_double, put_long, put_optional_text, put_raw, release, taken,
)

from ckm_stream.codec.varints import write_int, write_long
from ckm_stream.domain import scoring
from ckm_stream.domain.engagement import with_lead
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.score import Engagement, Indicator, SourceClass, UpdateReason
from ckm_stream.native.engagement import ADVICES

cdef int64_t _MICROS = MICROS
cdef double _FLOOR = scoring.FLOOR
cdef double _SAME = scoring._SAME

_SOURCE_CLASSES = tuple(SourceClass)


def _text(text: str) -> bytes:
    """Return a text as Avro has it."""
    data = text.encode()
    return write_long(len(data)) + data


# Parts of a score update that are always the same bytes.
cdef bytes _EVENT = write_int(tuple(UpdateReason).index(UpdateReason.EVENT))
cdef bytes _DECAY = write_int(tuple(UpdateReason).index(UpdateReason.DECAY))
cdef bytes _EPOCH = write_int(tuple(UpdateReason).index(UpdateReason.EPOCH))
cdef list _ADVICE_BYTES = [
    b"\0" + write_int(tuple(Engagement).index(style)) + _text(reason)
    for style, reason in ADVICES
]
cdef list _INDICATOR_BYTES = [_text(indicator.value) for indicator in Indicator]


cdef bint is_due(const Score* score, Profile profile, Choices choices) noexcept:
    cdef Delivery delivery = profile.delivery
    return (
        not delivery.announced.ever
        or delivery.announced.source_class != score.source_class
        or fabs(score.total - delivery.announced.total) >= choices.epsilon
    )


cdef int put_update(
    Buffer* out, const Score* score, bytes key, Profile profile, bytes head,
    Choices choices, EpochNumbers epoch,
) except -1:
    cdef Delivery delivery = profile.delivery
    cdef int previous = delivery.announced.previous
    put_bytes(out, head)
    put_string(out, key)
    put_long(out, delivery.announced.version)
    put_long(out, delivery.announced.as_of)
    put_bytes(out, reason_of(delivery.announced.as_of, profile.last_at, epoch))
    put_raw(out, score.dimensions, sizeof(score.dimensions))
    put_double(out, score.total)
    put_raw(out, score.n_eff, sizeof(score.n_eff))
    put_long(out, score.source_class)
    if previous < 0:
        put_byte(out, 0)
    else:
        put_byte(out, 2)
        put_long(out, previous)
    put_advice(out, score)
    put_long(out, epoch.epoch_id)
    put_double(out, reference_total(epoch))
    put_long(out, INDICATORS)
    put_factors(out, score, profile, choices, epoch)
    put_byte(out, 0)  # the end of the array
    put_string(out, delivery.announced_event_id)
    return 0


cdef int put_advice(Buffer* out, const Score* score) except -1:
    # The flag, the engagement and its reason; lead users are few, and each has its own reason.
    if not score.lead_user:
        return put_bytes(out, _ADVICE_BYTES[score.advice])
    style, reason = advice_of(score)
    put_byte(out, 1)
    put_bytes(out, write_int(tuple(Engagement).index(style)))
    return put_bytes(out, _text(reason))


cdef tuple advice_of(const Score* score):
    style, reason = ADVICES[score.advice]
    if score.lead_user:
        reason = with_lead(reason, score.topics, percent_ahead(score))
    return style, reason


cdef bytes reason_of(int64_t as_of, int64_t newest, EpochNumbers epoch):
    if as_of <= newest:
        return _EVENT
    if as_of == epoch.effective_from:
        return _EPOCH
    return _DECAY


cdef inline int put_bytes(Buffer* out, bytes data) except -1:
    return put_raw(out, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


cdef inline int put_string(Buffer* out, bytes text) except -1:
    put_long(out, PyBytes_GET_SIZE(text))
    return put_bytes(out, text)


cdef double reference_total(EpochNumbers epoch) noexcept:
    cdef double dimensions[3]
    cdef int side
    for side in range(3):
        dimensions[side] = clamp(epoch.reference_means[side])
    return combine(dimensions, epoch)


cdef int put_factors(
    Buffer* out, const Score* score, Profile profile, Choices choices, EpochNumbers epoch
) except -1:
    cdef Text newest[INDICATORS]
    cdef double off, contribution, mean
    cdef double slope = 0.0
    cdef double acceptance = mean_acceptance(score, profile, choices, epoch)
    cdef int place
    find_newest(newest, profile)
    for place in range(INDICATORS):
        if place % 4 == 0:
            mean = mean_of(score.normalised, epoch.within, place)
            slope = slope_of(mean, epoch.reference_means[place // 4])
        off = score.normalised[place] - epoch.reference[place]
        contribution = epoch.weights[place] * off * slope
        put_bytes(out, _INDICATOR_BYTES[place])
        # The lower tenth of the acceptance rate ranks, its mean is shown.
        put_double(out, acceptance if place == W2 else score.indicators[place])
        put_double(out, score.normalised[place])
        put_double(out, epoch.weights[place])
        put_double(out, contribution)
        put_long(out, choices.half_life_s[place])
        put_double(out, score.evidence[place])
        put_optional_text(out, newest[place])
    return 0


cdef double slope_of(double ours, double theirs) noexcept:
    cdef double change = ours - theirs
    if fabs(change) < _SAME:
        return 1.0 / ours if ours > _FLOOR else 0.0
    return (log(clamp(ours)) - log(clamp(theirs))) / change


cdef void find_newest(Text* newest, Profile profile) noexcept:
    # The texts point into the profile's own.
    cdef int entry, place
    cdef bytes event_id
    for place in range(INDICATORS):
        newest[place].at = NULL
        newest[place].size = 0
    for entry in range(profile.newest):
        event_id = profile.newest_ids[entry]
        for place in range(INDICATORS):
            if profile.newest_bits[entry] >> place & 1:
                newest[place].at = <const uint8_t*>PyBytes_AS_STRING(event_id)
                newest[place].size = PyBytes_GET_SIZE(event_id)


cdef Profile profile_of(bytes data, Choices choices):
    cdef Profile profile = decode_profile(data, choices)
    if profile is None:
        raise ValueError("not the bytes of a plain state")
    return profile


def scored(data: bytes, choices: Choices, epoch: EpochNumbers) -> tuple:
    """
    Return, for tests, the score of an encoded state.

    They are the indicators, their evidence, the normalised indicators, the dimensions, the total,
    the evidence of the dimensions, the class, the engagement, its reason, whether a lead user, and whether it is
    due.
    """
    cdef Profile profile = profile_of(data, choices)
    cdef Score score
    read_score(&score, profile, profile.last_at // _MICROS, choices, epoch)
    style, reason = advice_of(&score)
    return (
        tuple(score.indicators),
        tuple(score.evidence),
        tuple(score.normalised),
        tuple(score.dimensions),
        score.total,
        tuple(score.n_eff),
        _SOURCE_CLASSES[score.source_class].value,
        style.value,
        reason,
        score.lead_user,
        is_due(&score, profile, choices),
    )


def update_of(
    data: bytes, key: bytes, head: bytes, choices: Choices, epoch: EpochNumbers
) -> bytes:
    """Return, for tests, the framed score update of the last announcement of an encoded state."""
    cdef Profile profile = profile_of(data, choices)
    cdef Score score
    cdef Buffer out
    out.data, out.size, out.room = NULL, 0, 0
    read_score(&score, profile, profile.delivery.announced.as_of // _MICROS, choices, epoch)
    try:
        put_update(&out, &score, key, profile, head, choices, epoch)
        return taken(&out)
    finally:
        release(&out)
