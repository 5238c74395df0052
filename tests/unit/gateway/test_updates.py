"""The window of score updates: each listener gets each of them once, whatever happens meanwhile."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import pytest

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.domain.score import SourceClass
from ckm_stream.gateway import updates
from ckm_stream.gateway.announced import Update, Wanted
from ckm_stream.gateway.updates import PositionError, UpdateHub, name_of
from ckm_stream.operations.vitals import Contact
from ckm_stream.settings import KafkaSettings
from tests.support.clock import Clock
from tests.support.store_rows import update_of

CODEC = OutputCodec(Catalogue.load())
ALL = Wanted()


class Record(NamedTuple):
    """A record as far as the window looks at it."""

    partition: int
    offset: int
    value: bytes


def record(partition: int, offset: int, customer_id: str = "a", **score: Any) -> Record:
    """Return the record of a score update."""
    update = update_of(customer_id, offset + 1, **score)
    return Record(partition, offset, CODEC.encode_score_update(update))


@pytest.fixture
def hub() -> UpdateHub:
    """Give a hub that has read two partitions up to 10 and 20, and holds nothing yet."""
    hub = UpdateHub(
        KafkaSettings(), topic="t", codec=CODEC, broker=Contact("broker", 1.0, Clock().monotonic)
    )
    hub._floor, hub._ends = [10, 20], [10, 20]
    return hub


async def take(stream: AsyncGenerator[Update | None, None], count: int) -> list[tuple[int, int]]:
    """Return the places of the next updates."""
    found = []
    async for each in stream:
        if each is not None:
            found.append((each.partition, each.offset))
        if len(found) == count:
            break
    return found


async def test_a_listener_gets_what_comes_and_its_position_moves(hub: UpdateHub) -> None:
    """In the order in which it was read, from where the listener is."""
    positions = [11, 20]
    stream = hub.follow(positions, ALL, heartbeat_s=5)
    hub._take([[record(0, 10), record(0, 11)], [record(1, 20)]])

    assert await take(stream, 2) == [(0, 11), (1, 20)]
    assert positions == [12, 21]
    assert hub.newest == [12, 21]


async def test_who_waits_is_woken_and_hears_a_sign_of_life(hub: UpdateHub) -> None:
    """None while there is nothing; the update when it is there."""
    stream = hub.follow([10, 20], ALL, heartbeat_s=0.01)

    assert await anext(stream) is None
    waiting = asyncio.ensure_future(take(stream, 1))
    await asyncio.sleep(0)
    hub._take([[record(1, 20)]])
    assert await waiting == [(1, 20)]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(customer_id="b"), [(0, 11)]),
        (Wanted(source_class=SourceClass.KEY_SOURCE), [(0, 11), (0, 12)]),
        (Wanted(customer_id="c", source_class=SourceClass.KEY_SOURCE), [(0, 12)]),
    ],
)
async def test_what_is_not_wanted_moves_the_position_only(
    hub: UpdateHub, wanted: Wanted, expected: list[tuple[int, int]]
) -> None:
    """Of one customer; into a class or out of it."""
    key = SourceClass.KEY_SOURCE
    positions = [10, 20]
    hub._take(
        [
            [
                record(0, 10),
                record(0, 11, "b", source_class=key),
                record(0, 12, "c", previous_class=key),
                record(0, 13),
            ]
        ]
    )

    assert await take(hub.follow(positions, wanted, heartbeat_s=5), len(expected)) == expected


async def test_who_wants_little_of_a_busy_topic_hears_signs_of_life(hub: UpdateHub) -> None:
    """With a position that moves: a listener that comes again does not read it all once more."""
    positions = [10, 20]
    stream = hub.follow(positions, Wanted(customer_id="b"), heartbeat_s=0.05)
    waiting = asyncio.ensure_future(anext(stream))
    offset = 10
    async with asyncio.timeout(5):
        while not waiting.done():
            hub._take([[record(0, offset)]])
            offset += 1
            await asyncio.sleep(0.005)

    assert await waiting is None
    assert positions[0] > 10


async def test_what_everybody_has_read_is_held_as_its_answer_alone(hub: UpdateHub) -> None:
    """The record is given back: the window has room for 20,000 of one or the other."""
    hub._take([[record(0, 10)]])
    first, second = (hub.follow([10, 20], ALL, heartbeat_s=5) for _ in range(2))

    one, other = await anext(first), await anext(second)
    assert one is not None
    assert one is other
    data = one.json(CODEC)
    assert one.json(CODEC) is data
    assert one._value is None


async def test_who_falls_behind_the_window_is_let_go_and_can_come_again(
    hub: UpdateHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream ends at a position from which nothing is missing."""
    monkeypatch.setattr(updates, "_WINDOW", 3)
    positions = [10, 20]
    stream = hub.follow(positions, ALL, heartbeat_s=5)
    hub._take([[record(0, 10)]])
    assert await take(stream, 1) == [(0, 10)]
    hub._take([[record(0, offset) for offset in range(11, 20)]])

    assert [each async for each in stream] == []
    assert positions == [11, 20]
    assert not hub._covers(positions)
    assert hub._covers([17, 20])


async def test_a_topic_read_anew_lets_all_listeners_go(hub: UpdateHub) -> None:
    """What was announced meanwhile is not in the new window, so nobody may go on in it."""
    idle = hub.follow([10, 20], ALL, heartbeat_s=0.01)
    assert await anext(idle) is None

    hub._forget()
    hub._floor, hub._ends = [15, 25], [15, 25]
    hub._take([[record(0, 15)]])

    assert [each async for each in idle] == []


async def test_a_record_that_is_no_update_is_passed_over(hub: UpdateHub) -> None:
    """It is logged where it is, and the next one comes."""
    hub._take([[Record(0, 10, b"nonsense"), record(0, 11)]])

    assert await take(hub.follow([10, 20], ALL, heartbeat_s=5), 1) == [(0, 11)]


async def test_a_program_that_stops_ends_its_streams(hub: UpdateHub) -> None:
    """Also one that waits."""
    stream = hub.follow([10, 20], ALL, heartbeat_s=60)
    waiting = asyncio.ensure_future(take(stream, 1))
    await asyncio.sleep(0)
    hub.end()

    assert await waiting == []


@pytest.mark.parametrize("positions", [[0, 0], [10, 20], [11, 19], [50_000, 20]])
def test_a_name_is_its_position(hub: UpdateHub, positions: list[int]) -> None:
    """Also one that another gateway has given, which is ahead."""
    assert hub.parse(name_of(positions)) == positions


@pytest.mark.parametrize(
    "given",
    ["", "1", "1-2-3", "a-b", "-1-2", "1-2-", "1_0-2", "\u0661-2", "200000-20", f"{'9' * 30}-1"],
)
def test_a_name_that_nobody_has_given_is_refused(hub: UpdateHub, given: str) -> None:
    """Too few, too many, no numbers, or beyond what there is."""
    with pytest.raises(PositionError):
        hub.parse(given)
