"""A lane: where its units end, what follows a commit and in which order, and how it closes."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.state import encode_state
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import Event
from ckm_stream.domain.score import SourceClass
from ckm_stream.errors import DeadLetterLimitError, FencedError, TransientError
from ckm_stream.pipeline.limit import DeadLetterLimits
from ckm_stream.pipeline.records import Effects
from ckm_stream.pipeline.silence import Change
from ckm_stream.streaming.lane import Lane, Watch, lane_name
from tests.support.clock import Clock
from tests.support.lanes import (
    Acknowledged,
    Bench,
    Committed,
    Made,
    Observed,
    Put,
    Settled,
    Told,
    blocked,
    within,
)
from tests.support.touchpoints import T0_S, call, contact, ticket
from tests.support.units import (
    CATALOGUE,
    PARTITION,
    POLICY,
    TOPICS,
    Record,
    States,
    core_over,
    fold_unit,
    record,
    slice_from,
    slice_of,
)


def committed(**offsets: int) -> Committed:
    """Return the commit of a unit with these next offsets, by source."""
    return Committed(tuple((getattr(TOPICS, name), offset) for name, offset in offsets.items()))


async def stop(lane: Lane, running: asyncio.Task[Any]) -> None:
    """Close a lane and wait for it."""
    lane.close()
    await within(running)


async def test_a_predecessor_s_last_changes_are_announced_before_anything_is_taken() -> None:
    """What it wrote last it may not have told: that is a unit of its own, and the first."""
    states = States()
    bench = Bench(core=core_over(states))
    states.keep(fold_unit(core_over(states), slice_from(0, call("a"))))
    bench.tables["profiles"].untold = [b"c-1"]
    lane = bench.lane()
    await lane.offer(bench.delivery("b", slice_from(1, call("b"))))

    running = asyncio.ensure_future(lane.run())
    await bench.acknowledged("b")
    await stop(lane, running)

    assert bench.actions[1:4] == [committed(), Told(), committed(call=2)]
    assert [update.key for update in bench.committer.units[0].updates] == [b"c-1"]


async def test_a_unit_ends_when_the_lane_has_caught_up() -> None:
    """All that is queued is one unit: commit, then states, then acknowledgements in order."""
    bench = Bench()
    lane = bench.lane()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    await lane.offer(bench.delivery("b", slice_from(4, contact("b"))))
    await lane.offer(bench.delivery("c", slice_from(1, call("c"))))

    running = asyncio.ensure_future(lane.run())
    await bench.acknowledged("c")
    await stop(lane, running)

    assert bench.actions == [
        Made(PARTITION),
        committed(call=2, employee=5),
        Put("profiles", (b"c-1",), 7),
        Put("employees", (b"e-1",), 7),
        Acknowledged("a"),
        Acknowledged("b"),
        Acknowledged("c"),
        Observed(3),
    ]


async def test_what_arrives_after_a_unit_is_the_next_one() -> None:
    """A lane that waits takes the next slice at once."""
    bench = Bench()
    lane = bench.lane()
    running = asyncio.ensure_future(lane.run())

    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    await bench.acknowledged("a")
    await lane.offer(bench.delivery("b", slice_from(1, call("b"))))
    await bench.acknowledged("b")
    await stop(lane, running)

    assert bench.of_type(Committed) == [committed(call=1), committed(call=2)]


async def test_a_unit_that_is_full_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """All its states are in memory: with two customers, neither met before, it takes no more."""
    monkeypatch.setattr("ckm_stream.pipeline.unit._MANY_STATES", 2)
    bench = Bench()
    lane = bench.lane()
    for offset, name in enumerate("abcd"):
        await lane.offer(bench.delivery(name, slice_from(offset, call(name, customer_id=name))))

    running = asyncio.ensure_future(lane.run())
    await bench.acknowledged("d")
    await stop(lane, running)

    assert bench.of_type(Committed) == [committed(call=2), committed(call=4)]


async def test_a_unit_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.06 s pass per slice: the third begins after more than 0.1 s, so it is the next unit's."""
    monkeypatch.setattr("ckm_stream.streaming.lane.time", Clock(step_s=0.06))
    bench = Bench(unit_s=0.1)
    lane = bench.lane()
    for offset, name in enumerate("abc"):
        await lane.offer(bench.delivery(name, slice_from(offset, call(name))))

    running = asyncio.ensure_future(lane.run())
    await bench.acknowledged("c")
    await stop(lane, running)

    assert bench.of_type(Committed) == [committed(call=2), committed(call=3)]


async def test_nothing_follows_a_failed_commit() -> None:
    """Neither states nor acknowledgements; the error is the lane's result."""
    bench = Bench()
    bench.committer.error = FencedError("another owner")
    lane = bench.lane()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))

    with pytest.raises(FencedError):
        await within(lane.run())

    assert bench.actions == [Made(PARTITION)]


async def test_closing_finishes_the_unit_under_way_and_drops_the_queue() -> None:
    """What is queued is left to the partition's next owner."""
    bench = Bench()
    bench.committer.gate.clear()
    lane = bench.lane()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    running = asyncio.ensure_future(lane.run())
    await within(bench.committer.committing.wait())
    await lane.offer(bench.delivery("b", slice_from(1, call("b"))))

    lane.close()
    bench.committer.gate.set()
    await within(running)

    assert bench.of_type(Committed, Acknowledged) == [committed(call=1), Acknowledged("a")]
    assert lane.buffered == 0


async def test_a_closing_lane_takes_nothing() -> None:
    """A slice that comes too late is dropped, and the lane ends at once."""
    bench = Bench()
    lane = bench.lane()

    lane.close()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    await within(lane.run())

    assert bench.actions == [Made(PARTITION)]
    assert lane.buffered == 0


async def test_closing_releases_an_offer_that_waits_for_room() -> None:
    """Faust's agent must not hang in a lane that nobody empties any more."""
    bench = Bench(depth=1)
    lane = bench.lane()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    waiting = await blocked(lambda: lane.offer(bench.delivery("b", slice_from(1, call("b")))))

    lane.close()
    await within(waiting)
    await within(lane.run())

    assert bench.actions == [Made(PARTITION)]


def _nothing() -> None:
    """Do nothing."""


class RegistryAway(EventCodec):
    """A codec whose registry cannot be asked the first time; *meanwhile* is called then."""

    def __init__(self) -> None:
        super().__init__(CATALOGUE, TOPICS)
        self.is_away = True
        self.meanwhile: Callable[[], None] = _nothing

    def decode(self, source: Source, key: bytes | None, value: bytes | None) -> Event:
        """Fail the first time."""
        if self.is_away:
            self.is_away = False
            self.meanwhile()
            raise TransientError("the registry does not answer", retry_after_s=0.0)
        return super().decode(source, key, value)


async def test_a_slice_is_added_again_once_the_registry_answers() -> None:
    """Transient trouble is waited for in place: nothing is skipped, nothing counted twice."""
    bench = Bench(core=replace(core_over(States()), events=RegistryAway()))
    lane = bench.lane()
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))

    running = asyncio.ensure_future(lane.run())
    await bench.acknowledged("a")
    await stop(lane, running)

    assert bench.of_type(Committed) == [committed(call=1)]


async def test_a_slice_that_slips_in_behind_dropped_ones_is_not_taken() -> None:
    """Closing drops the slice before it: to commit it would skip that one for ever."""
    codec = RegistryAway()
    bench = Bench(depth=1, core=replace(core_over(States()), events=codec))
    lane = bench.lane()
    codec.meanwhile = lane.close
    first = bench.delivery("a", slice_from(0, call("a")))
    await lane.offer(bench.delivery("b", slice_from(1, call("b"))))
    slipping = await blocked(lambda: lane.offer(bench.delivery("c", slice_from(2, call("c")))))

    await within(lane._run_unit(first))
    await within(slipping)

    assert bench.of_type(Committed, Acknowledged) == [committed(call=1), Acknowledged("a")]


async def test_buffered_are_the_records_that_wait() -> None:
    """Records, not slices."""
    bench = Bench()
    lane = bench.lane()

    await lane.offer(bench.delivery("a", slice_from(0, call("a"), call("b"))))
    await lane.offer(bench.delivery("b", slice_from(0, ticket("c"))))

    assert lane.buffered == 3


def bad(offset: int) -> Record:
    """Return a record that is no event."""
    return Record(offset, b"c-1", b"no event")


async def test_a_lane_stops_in_front_of_the_first_record_too_many() -> None:
    """What comes before is durable and settled, in the middle of a slice; nothing behind it is."""
    states = States()
    bench = Bench(core=core_over(states), limits=DeadLetterLimits(max_consecutive=2))
    made: list[Effects] = []
    commit = bench.committer.commit

    async def kept(effects: Effects) -> dict[str, int]:
        made.append(effects)
        return await commit(effects)

    bench.committer.commit = kept  # type: ignore[method-assign] # what it is given is looked at
    lane = bench.lane()
    good = record(0, call("a"))
    later = record(14, call("b"))
    await lane.offer(bench.delivery("tickets", slice_from(3, ticket("t"))))
    flood = [good, *map(bad, (10, 11, 12, 13)), later]
    await lane.offer(bench.delivery("calls", slice_of(flood, Source.CALL)))

    with pytest.raises(DeadLetterLimitError, match="stops at offset 12"):
        await within(lane.run())

    assert [letter.key for letter in made[0].dead_letters] == [b"c-1", b"c-1"]
    assert made[0].tally.unaccounted() == 0
    assert made[0].tally.applied[Source.CALL] == 1
    offsets = ((TOPICS.ticket, 4), (TOPICS.call, 12))
    assert bench.actions == [
        Made(PARTITION),
        Committed(offsets),
        Put("profiles", (b"c-1",), 7),
        Settled(offsets),
        Observed(2),
    ]


async def test_a_lane_that_starts_with_too_much_commits_nothing_more() -> None:
    """A limit that was reached by an earlier unit, or that lets nothing pass: nothing to write."""
    bench = Bench(limits=DeadLetterLimits(max_consecutive=2))
    lane = bench.lane()
    running = asyncio.ensure_future(lane.run())
    await lane.offer(bench.delivery("a", slice_of(map(bad, (0, 1)), Source.CALL)))
    await bench.acknowledged("a")
    before = list(bench.actions)
    await lane.offer(bench.delivery("b", slice_of([bad(2)], Source.CALL)))

    with pytest.raises(DeadLetterLimitError, match="stops at offset 2"):
        await within(running)

    assert bench.actions == before


async def test_control_a_lane_without_limits_sets_a_whole_flood_aside() -> None:
    """Limits off: the lane goes on, whatever comes."""
    off = DeadLetterLimits(max_consecutive=0, max_ratio=1.0)
    bench = Bench(limits=off)
    lane = bench.lane()
    await lane.offer(bench.delivery("a", slice_of(map(bad, range(3000)), Source.CALL)))

    running = asyncio.ensure_future(lane.run())
    await bench.acknowledged("a")
    await stop(lane, running)

    assert bench.of_type(Committed) == [committed(call=3000)]


async def test_a_unit_is_watched_until_it_is_committed() -> None:
    """Work waits from its first slice on; a lane with nothing to do has none."""
    bench = Bench()
    bench.committer.gate.clear()
    lane = bench.lane()
    running = asyncio.ensure_future(lane.run())
    before = bench.work.oldest
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    await within(bench.committer.committing.wait())

    committing = bench.work.oldest
    bench.committer.gate.set()
    await stop(lane, running)

    assert (before, bench.work.oldest) == (None, None)
    assert committing == (lane_name(PARTITION), 0.0)


class FakeSilences:
    """Finds the changes that it is given, once, and remembers what it was told."""

    def __init__(self, *changes: Change) -> None:
        self.changes = list(changes)
        self.noted: list[bytes] = []
        self.looked_at_all = 0
        self.asked_s: list[int] = []
        self.has_more = True
        self.newest_s = 77

    def note(self, keys: Iterable[bytes]) -> None:
        """Remember who has changed."""
        self.noted += keys

    def look_at_all(self) -> None:
        """Count."""
        self.looked_at_all += 1

    def due(self, now_s: int, *, looks: int) -> list[Change]:
        """Return the changes, the first time."""
        self.asked_s.append(now_s)
        due, self.changes = self.changes, []
        return due


def watching(silences: FakeSilences, *, may_look: bool = True, by_events: bool = False) -> Watch:
    """Return how a lane looks for silence."""
    made: Any = silences
    now_s = None if by_events else lambda: 1_000
    return Watch(new=lambda _: made, may_look=lambda: may_look, now_s=now_s)


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, but not for ever."""

    async def wait() -> None:
        while not condition():  # noqa: ASYNC110 -- fakes have no events
            await asyncio.sleep(0.005)

    await within(wait())


async def test_a_lane_with_nothing_to_do_announces_who_has_fallen_silent() -> None:
    """As a unit of its own, committed and put into the table like any other."""
    states = States()
    core = core_over(states)
    states.keep(fold_unit(core, slice_from(0, call("a"))))
    state: Any = core.folds[Source.CALL].load(states.data["profiles", b"c-1"], PARTITION)
    state.delivery.announced_class = SourceClass.ORDINARY
    states.data["profiles", b"c-1"] = encode_state(state, POLICY)
    silences = FakeSilences(Change(T0_S + 5, b"c-1"), Change(T0_S + 6, b"c-1"))
    bench = Bench(core=core, watch=watching(silences))
    lane = bench.lane()

    running = asyncio.ensure_future(lane.run())
    await until(lambda: silences.noted)
    await until(lambda: bench.of_type(Observed))
    await stop(lane, running)

    assert bench.actions == [
        Made(PARTITION),
        Committed(()),
        Put("profiles", (b"c-1",), 7),
        Observed(0),
    ]
    assert silences.noted == [b"c-1"]
    assert silences.looked_at_all == 1
    assert silences.asked_s[0] == 1_000


async def test_who_is_behind_does_not_look_for_silence() -> None:
    """What was published and not read yet may break it."""
    silences = FakeSilences(Change(1, b"c-1"))
    bench = Bench(watch=watching(silences, may_look=False))
    lane = bench.lane()

    running = asyncio.ensure_future(lane.run())
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    await bench.acknowledged("a")
    await asyncio.sleep(0.05)
    await stop(lane, running)

    assert silences.asked_s == []
    assert silences.noted == [b"c-1"]


async def test_who_is_behind_asks_again_only_when_it_is_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many may wait to be looked at, and another lane be busy for long: it does not poll."""
    between_s = 0.05
    monkeypatch.setattr("ckm_stream.streaming.lane._BETWEEN_TENDINGS_S", between_s)
    silences, asked = FakeSilences(), [True]

    def may_look() -> bool:
        asked.append(len(asked) < 3)
        return asked[-1]

    made: Any = silences
    bench = Bench(watch=Watch(new=lambda _: made, may_look=may_look, now_s=None))
    lane = bench.lane()
    started = time.monotonic()
    running = asyncio.ensure_future(lane.run())
    await until(lambda: len(asked) > 5)
    elapsed_s = time.monotonic() - started
    await stop(lane, running)

    refused = asked.count(False)
    assert elapsed_s >= (refused - 1) * between_s


async def test_by_the_clock_of_events_now_is_the_newest_of_the_partition() -> None:
    """For a replay of old events."""
    silences = FakeSilences()
    bench = Bench(watch=watching(silences, by_events=True))
    lane = bench.lane()

    running = asyncio.ensure_future(lane.run())
    await until(lambda: silences.asked_s)
    await stop(lane, running)

    assert set(silences.asked_s) == {77}


async def test_scores_wait_until_the_epochs_are_known() -> None:
    """Of a unit, and of silence: nothing is committed before."""
    known = asyncio.Event()
    bench = Bench()
    lane = Lane(PARTITION, replace(bench.wiring, may_score=known.wait))  # type: ignore[arg-type] # returns True
    running = asyncio.ensure_future(lane.run())
    await lane.offer(bench.delivery("a", slice_from(0, call("a"))))
    await asyncio.sleep(0.05)
    before = list(bench.actions)

    known.set()
    await bench.acknowledged("a")
    await stop(lane, running)

    assert before == []
    assert bench.of_type(Committed) == [committed(call=1)]
