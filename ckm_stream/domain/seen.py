"""
The newest N event ids of a customer, for dropping duplicates; independent of their order.

Packed, sorted, 15 bytes each: microseconds since the landmark (7, big-endian) and a digest of
source and event id (8). An event older than all of a full list is taken as new: that is the
stated horizon. Two ids of one customer share a digest with probability 64/2^64.
"""

from hashlib import blake2b
from typing import Final

_TIME_BYTES: Final = 7
_DIGEST_BYTES: Final = 8
RECORD_BYTES: Final = _TIME_BYTES + _DIGEST_BYTES


def digest_of(source: str, event_id: str) -> bytes:
    """Return the 8 bytes that stand for an event, which source and id together name."""
    return blake2b(f"{source}\0{event_id}".encode(), digest_size=_DIGEST_BYTES).digest()


def is_seen(seen: bytes, digest: bytes) -> bool:
    """Say whether the digest is among the packed records."""
    place = seen.find(digest)
    while place >= 0:
        if place % RECORD_BYTES == _TIME_BYTES:
            return True
        place = seen.find(digest, place + 1)
    return False


def insert(seen: bytes, age_micros: int, digest: bytes, capacity: int) -> bytes:
    """
    Return the newest *capacity* records of *seen* and the new one.

    Args:
        seen: Packed records, sorted.
        age_micros: Event time since the landmark, in 0..2^56 - 1.
        digest: From ``digest_of``; not among *seen*.
        capacity: N, >= 1.
    """
    record = age_micros.to_bytes(_TIME_BYTES, "big") + digest
    size = len(seen)
    if record > seen[-RECORD_BYTES:]:
        surplus = size - (capacity - 1) * RECORD_BYTES
        return (seen[surplus:] if surplus > 0 else seen) + record
    low, high = 0, size // RECORD_BYTES
    while low < high:
        middle = (low + high) // 2
        start = middle * RECORD_BYTES
        if seen[start : start + RECORD_BYTES] < record:
            low = middle + 1
        else:
            high = middle
    cut = low * RECORD_BYTES
    return (seen[:cut] + record + seen[cut:])[-capacity * RECORD_BYTES :]


def merge_seen(left: bytes, right: bytes, capacity: int) -> bytes:
    """Return the newest *capacity* records of both."""
    records = {
        packed[start : start + RECORD_BYTES]
        for packed in (left, right)
        for start in range(0, len(packed), RECORD_BYTES)
    }
    return b"".join(sorted(records)[-capacity:])
