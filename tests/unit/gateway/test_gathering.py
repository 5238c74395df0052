"""Reads that go together: who waits for whom, and what each gets."""

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest

from ckm_stream.gateway.gathering import Gathered
from ckm_stream.gateway.problems import Problem, unavailable

_UNKNOWN: Final = "nobody"


class Store:
    """Answers one read after the other, each when it is told to."""

    def __init__(self) -> None:
        self.reads: list[list[str]] = []
        self._answers: list[asyncio.Future[None]] = []

    async def read(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the keys as their own values."""
        asked = list(keys)
        self.reads.append(asked)
        answer = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        await answer
        return {key: key for key in asked if key != _UNKNOWN}

    async def answer(self, error: Exception | None = None) -> None:
        """Let the oldest read that is under way come back."""
        answer = self._answers.pop(0)
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)
        await settle()


async def settle() -> None:
    """Let everything go as far as it goes."""
    for _ in range(10):
        await asyncio.sleep(0)


def ask(gathered: Gathered[str], *keys: str) -> "list[asyncio.Task[str | None]]":
    """Ask for each of *keys* at once."""
    return [asyncio.create_task(gathered.get(key)) for key in keys]


async def test_those_who_come_meanwhile_go_together() -> None:
    """The first goes at once, alone; the next read has all who came, and nobody else's value."""
    store = Store()
    gathered = Gathered(store.read)
    first = ask(gathered, "a")
    await settle()
    later = ask(gathered, "b", _UNKNOWN, "b")
    await settle()

    assert store.reads == [["a"]]
    await store.answer()
    assert first[0].result() == "a"
    assert store.reads == [["a"], ["b", _UNKNOWN, "b"]]
    await store.answer()
    assert [each.result() for each in later] == ["b", None, "b"]


async def test_who_comes_to_an_idle_store_goes_at_once() -> None:
    """Also after others have been there."""
    store = Store()
    gathered = Gathered(store.read)
    for key in ("a", "b"):
        (asked,) = ask(gathered, key)
        await settle()
        await store.answer()
        assert asked.result() == key
    assert store.reads == [["a"], ["b"]]


async def test_so_many_at_once_are_several_reads_in_turn() -> None:
    """None is larger than 64, and one is under way at a time."""
    store = Store()
    gathered = Gathered(store.read)
    asked = ask(gathered, *(f"c-{number}" for number in range(150)))
    sizes = []
    while not all(each.done() for each in asked):
        await settle()
        sizes.append(len(store.reads[-1]))
        assert len(store.reads) == len(sizes)
        await store.answer()

    assert sizes == [64, 64, 22]
    assert [each.result() for each in asked] == [f"c-{number}" for number in range(150)]


async def test_an_error_reaches_all_who_went_together_and_nobody_else() -> None:
    """Those who come after it are read for as if nothing had been."""
    store = Store()
    gathered = Gathered(store.read)
    failed = ask(gathered, "a", "b")
    await settle()
    next_one = ask(gathered, "c")
    await settle()
    await store.answer(LookupError("gone"))

    for each in failed:
        with pytest.raises(LookupError, match="gone"):
            each.result()
    await store.answer()
    assert next_one[0].result() == "c"


async def test_those_who_have_waited_for_a_store_that_is_away_share_its_answer() -> None:
    """However many reads they would have been; who comes later is read for."""
    store = Store()
    gathered = Gathered(store.read)
    asked = ask(gathered, *(f"c-{number}" for number in range(150)))
    await settle()
    await store.answer(unavailable("away"))
    await settle()

    assert len(store.reads) == 1
    assert all(isinstance(each.exception(), Problem) for each in asked)
    (later,) = ask(gathered, "d")
    await settle()
    await store.answer()
    assert later.result() == "d"


async def test_who_leaves_takes_nothing_from_the_others() -> None:
    """A client that hangs up does not cancel what others wait for."""
    store = Store()
    gathered = Gathered(store.read)
    gone, stays = ask(gathered, "a", "b")
    await settle()
    gone.cancel()
    await settle()
    await store.answer()

    assert gone.cancelled()
    assert stays.result() == "b"
