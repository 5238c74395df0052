"""
The layouts of states: each that was released is read for ever, a setting says which is written.

While workers are replaced one by one, partitions go to and fro between two releases, and what one
writes the other must read (promise P3). So a release that brings a layout writes the one before
it, until it is told that no older release is left: docs/adr/0010-state-layouts.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from ckm_stream.domain.profile import NOT_APPLIED, SOURCES, Delivery
from ckm_stream.errors import ConfigurationError, InvariantError

#: What a sum has above its low 64 bits: an integer, or bytes if it is longer than another 64.
Highs = list[int | bytes]
#: Gaps between days; or the first day and, as bytes, the bitmap from it.
Days = list[int | bytes]

_ARRAY_16: Final = 0xDC  # msgpack's head of an array of more than 15 parts takes three bytes


class ProfileWire(msgspec.Struct, array_like=True):
    """
    A customer's state as its parts lie in the bytes; the last three came with layout 3.

    ``mentions`` are pairs of a topic and the seconds since the customer's first event; ``referrer``
    is such seconds and an id, or empty.
    """

    layout: int
    fingerprint: bytes
    delivery: Delivery
    seen: bytes
    slots: bytes
    lows: list[int]
    highs: Highs
    counts: list[int]
    days: list[Days]
    first_value: tuple[int, int, int]
    first_in_category: list[int]
    referred: bytes
    referred_buyers: bytes
    last_at: int
    seconds: tuple[int, int, int, int]
    newest: list[tuple[int, str, int]]
    mentions: list[int] = []
    referrer: list[int] = []
    network_id: int = 0


class EmployeeWire(msgspec.Struct, array_like=True):
    """An employee's state as its parts lie in the bytes."""

    layout: int
    fingerprint: bytes
    delivery: Delivery
    seen: bytes
    handled: bytes
    noted: bytes
    last_at: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How the bytes of one layout are read, and what differs when they are written."""

    read_profile: Callable[[bytes], ProfileWire]
    read_employee: Callable[[bytes], EmployeeWire]
    write_delivery: Callable[[Delivery], object]


#: The first layout with all that a score in an epoch is read from.
EPOCH_LAYOUT: Final = 3
#: The source topics of a profile that layouts 1 and 2 have a place for.
FIRST_SOURCES: Final = 5


def refuse_epoch(epoch_id: int) -> None:
    """
    Refuse to write an announcement's epoch in a layout that has no room for it, if it is not 0.

    Raises:
        ConfigurationError: With the setting to change.
    """
    if epoch_id:
        raise _no_room(f"a score was announced in epoch {epoch_id}")


def refuse_texts(offset: int) -> None:
    """
    Refuse to write how far texts were applied in a layout without a place for it, if any were.

    Raises:
        ConfigurationError: With the setting to change.
    """
    if offset != NOT_APPLIED:
        raise _no_room(f"texts were applied up to offset {offset}")


def _no_room(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{what}, which this state layout has no room for; set CKM__STATE__LAYOUT={EPOCH_LAYOUT}"
    )


def complete(delivery: Delivery) -> Delivery:
    """Give a customer's delivery, in place, the sources that its layout did not have."""
    delivery.applied += [NOT_APPLIED] * (SOURCES - len(delivery.applied))
    return delivery


def _first_parts(delivery: Delivery) -> tuple[object, ...]:
    for offset in delivery.applied[FIRST_SOURCES:]:
        refuse_texts(offset)
    return (
        delivery.version,
        delivery.partition,
        delivery.applied[:FIRST_SOURCES],
        delivery.announced_class,
        delivery.announced_total,
        delivery.announced_as_of,
        delivery.announced_version,
        delivery.announced_previous,
        delivery.announced_event_id,
        delivery.origins,
    )


def _delivery_without_epoch(delivery: Delivery) -> object:
    refuse_epoch(delivery.announced_epoch)
    return _first_parts(delivery)


def _delivery_with_epoch(delivery: Delivery) -> object:
    return (*_first_parts(delivery), delivery.announced_epoch)


def _whole_delivery(delivery: Delivery) -> object:
    return delivery


# Parts that a layout does not have take their defaults, so layouts that differ by parts at the
# end of a struct share their readers; any other difference needs wire structs of its own.
_read_profile: Final = msgspec.msgpack.Decoder(ProfileWire).decode
_read_employee: Final = msgspec.msgpack.Decoder(EmployeeWire).decode

#: Layout 2 adds the epoch that the last announcement was scored in; layout 3 a place for texts,
#: first mentions and the network of referrals. Never take one away.
LAYOUTS: Final[dict[int, Layout]] = {
    1: Layout(_read_profile, _read_employee, _delivery_without_epoch),
    2: Layout(_read_profile, _read_employee, _delivery_with_epoch),
    3: Layout(_read_profile, _read_employee, _whole_delivery),
}
NEWEST_LAYOUT: Final = 3
#: What a worker may be told to write. Layout 2 was never a release's own, and it would forget
#: between two batches what epochs read; layout 1 forgets it too, and has no epochs.
WRITTEN_LAYOUTS: Final = (1, 3)
#: What is written if nothing is set: the newest, until a release has to let its predecessor read.
DEFAULT_LAYOUT: Final = 3

_decode_parts: Final = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_number: Final = msgspec.msgpack.Decoder(int).decode


def layout_of(data: bytes) -> Layout:
    """
    Return the layout that a state was written in; its number is the first part in all of them.

    Raises:
        ConfigurationError: If this release does not know it.
        InvariantError: If the bytes do not begin as a state does.
    """
    place = 3 if data[:1] == bytes([_ARRAY_16]) else 1
    number = data[place] if len(data) > place else -1
    return LAYOUTS.get(number) or _refused(data)


def _refused(data: bytes) -> Layout:
    try:
        number = _decode_number(_decode_parts(data)[0])
    except (msgspec.DecodeError, IndexError):
        raise InvariantError(f"{len(data)} bytes of the changelog are not a state") from None
    known = ", ".join(map(str, sorted(LAYOUTS)))
    raise ConfigurationError(
        f"a state has layout {number}, this release reads {known}; "
        "run the release that wrote it, or a newer one"
    )
