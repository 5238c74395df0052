# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
First mentions: which topics a customer was early to speak of, and when.

Twin of `domain.mentions`.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memmove

from ckm_stream.native.evidence cimport MICROS
from ckm_stream.native.hashes cimport crc32
from ckm_stream.native.profile cimport MOST_MENTIONS, Profile
from ckm_stream.native.touchpoint cimport Event
from ckm_stream.native.wire cimport Cursor, Text, read_long, read_text

cdef enum:
    MOST_BYTES = 1 << 28  # of an event, which has been read before


cdef void note_mentions(Profile profile, const Event* event) noexcept:
    cdef Cursor c
    cdef Text topic
    c.at, c.end, c.bad = event.topics_at, event.topics_at + MOST_BYTES, False
    read_long(&c)
    for _ in range(event.topics):
        topic = read_text(&c)
        note_mention(profile, crc32(topic.at, topic.size), event.occurred_at // MICROS)


cdef void note_mention(Profile profile, uint32_t key, int64_t t_s) noexcept:
    cdef int place = 0
    while place < profile.mentions and profile.mention_key[place] < key:
        place += 1
    if place < profile.mentions and profile.mention_key[place] == key:
        if t_s < profile.mention_s[place]:
            profile.mention_s[place] = t_s
        return
    insert(profile, place, key, t_s)
    if profile.mentions > MOST_MENTIONS:
        remove(profile, latest(profile))


cdef int latest(Profile profile) noexcept:
    # Of two at once the greater key, which comes later.
    cdef int found = 0
    cdef int place
    for place in range(profile.mentions):
        if profile.mention_s[place] >= profile.mention_s[found]:
            found = place
    return found


cdef void insert(Profile profile, int place, uint32_t key, int64_t t_s) noexcept:
    move(profile, place + 1, place)
    profile.mention_key[place], profile.mention_s[place] = key, t_s
    profile.mentions += 1


cdef void remove(Profile profile, int place) noexcept:
    move(profile, place, place + 1)
    profile.mentions -= 1


cdef void move(Profile profile, int to, int start) noexcept:
    cdef Py_ssize_t count = profile.mentions - start
    memmove(&profile.mention_key[to], &profile.mention_key[start], count * sizeof(uint32_t))
    memmove(&profile.mention_s[to], &profile.mention_s[start], count * sizeof(int64_t))
