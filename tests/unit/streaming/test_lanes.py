"""All lanes of a worker: fenced before recovered before opened, and closed as a whole."""

import asyncio
from dataclasses import dataclass, field

import pytest

from ckm_stream.errors import ConfigurationError, FencedError, InvariantError, TransientError
from ckm_stream.streaming.lanes import Lanes
from tests.support.lanes import (
    Acknowledged,
    Bench,
    Committed,
    Fenced,
    Made,
    Put,
    Recovered,
    Released,
    blocked,
    within,
)
from tests.support.touchpoints import call
from tests.support.units import States, core_over, slice_from

BOTH = frozenset({0, 1})


@dataclass
class Worker:
    """The lanes of a worker over a bench; ``failures`` is what would have ended the process."""

    bench: Bench
    grace_s: float = 60.0
    failures: list[BaseException] = field(default_factory=list)
    recovery_gate: asyncio.Event = field(default_factory=asyncio.Event)
    recovery_error: Exception | None = None

    def __post_init__(self) -> None:
        self.recovery_gate.set()
        self.lanes = Lanes(
            committer=self.bench.committer,
            new_lane=self.bench.lane,
            recover=self._recover,
            on_failure=self.failures.append,
            grace_s=self.grace_s,
        )

    async def _recover(self, partitions: set[int]) -> None:
        await self.recovery_gate.wait()
        if self.recovery_error is not None:
            raise self.recovery_error
        self.bench.actions.append(Recovered(frozenset(partitions)))


def new_worker(*, grace_s: float = 60.0) -> Worker:
    """Return a worker whose table is empty, whichever partition is asked."""
    return Worker(Bench(core=core_over(AnyPartition(), partition_of=lambda _key: 1)), grace_s)


class AnyPartition(States):
    """Empty states of every partition."""

    def load(self, table: str, partition: int, key: bytes) -> bytes | None:
        """Return nothing."""
        return None


async def test_partitions_are_fenced_then_recovered_then_opened() -> None:
    """A changelog that somebody else could still write to must not be read as the whole truth."""
    worker = new_worker()

    await within(worker.lanes.open([0, 1]))

    assert worker.bench.actions == [Fenced(BOTH), Recovered(BOTH), Made(0), Made(1)]
    assert worker.lanes.partitions == {0, 1}
    await worker.lanes.close()


async def test_a_slice_goes_to_its_partitions_lane() -> None:
    """The unit is committed for that partition."""
    worker = new_worker()
    await within(worker.lanes.open([0, 1]))

    await worker.lanes.offer(
        worker.bench.delivery("a", slice_from(0, call("a")), partition=1),
    )
    await worker.bench.acknowledged("a")
    await worker.lanes.close()

    assert len(worker.bench.of_type(Committed)) == 1
    assert worker.failures == []


async def test_closing_ends_the_lanes_before_it_lets_go() -> None:
    """The producers are needed until the last unit has been committed."""
    worker = new_worker()
    worker.bench.committer.gate.clear()
    await within(worker.lanes.open([1]))
    await worker.lanes.offer(worker.bench.delivery("a", slice_from(0, call("a")), partition=1))
    await within(worker.bench.committer.committing.wait())

    closing = await blocked(worker.lanes.close)
    worker.bench.committer.gate.set()
    await within(closing)

    assert [type(action) for action in worker.bench.of_type(Committed, Acknowledged, Released)] == [
        Committed,
        Acknowledged,
        Released,
    ]
    assert worker.lanes.partitions == set()


async def test_a_unit_that_cannot_end_is_given_up_after_the_grace() -> None:
    """The broker may be away: nothing is acknowledged, and the close still ends."""
    worker = new_worker(grace_s=0.0)
    worker.bench.committer.gate.clear()
    await within(worker.lanes.open([1]))
    await worker.lanes.offer(worker.bench.delivery("a", slice_from(0, call("a")), partition=1))
    await within(worker.bench.committer.committing.wait())

    await within(worker.lanes.close())

    assert worker.bench.of_type(Put, Acknowledged, Released) == [Released()]
    assert worker.failures == []


async def test_a_committer_that_cannot_let_go_ends_the_worker() -> None:
    """What it still holds must not be written after its partitions have another owner."""
    worker = new_worker()
    error = worker.bench.committer.close_error = TransientError("cannot be emptied")
    await within(worker.lanes.open([1]))

    await within(worker.lanes.close())

    assert worker.failures == [error]


async def test_closing_while_opening_leaves_no_lane() -> None:
    """A rebalance that begins during a recovery ends it quietly; the next assignment opens."""
    worker = new_worker()
    worker.recovery_gate.clear()
    opening = await blocked(lambda: worker.lanes.open([0, 1]))

    await within(worker.lanes.close())
    await within(opening)

    assert worker.bench.actions == [Fenced(BOTH), Released()]
    assert (worker.lanes.partitions, worker.failures) == (set(), [])


async def test_a_recovery_whose_waiter_was_cancelled_is_ended_by_close() -> None:
    """Faust cancels the step that waits for a takeover when the group rebalances again."""
    worker = new_worker()
    worker.recovery_gate.clear()
    opening = await blocked(lambda: worker.lanes.open([0]))
    opening.cancel()
    await asyncio.wait([opening])

    await within(worker.lanes.close())
    worker.recovery_gate.set()
    await within(worker.lanes.open([1]))

    assert worker.lanes.partitions == {1}
    assert Made(0) not in worker.bench.actions
    await worker.lanes.close()


async def test_lanes_can_be_opened_again() -> None:
    """Each assignment makes lanes of its own, with nothing of the earlier ones in them."""
    worker = new_worker()

    await within(worker.lanes.open([0]))
    await within(worker.lanes.close())
    await within(worker.lanes.open([1]))

    assert worker.lanes.partitions == {1}
    assert worker.lanes.buffered == 0
    await worker.lanes.close()


async def test_a_failed_commit_ends_the_worker() -> None:
    """The error reaches the frame that ends the process; nothing is acknowledged."""
    worker = new_worker()
    error = worker.bench.committer.error = FencedError("another owner")
    await within(worker.lanes.open([1]))

    await worker.lanes.offer(worker.bench.delivery("a", slice_from(0, call("a")), partition=1))
    await within(worker.bench.committer.committing.wait())
    await within(worker.lanes.close())

    assert worker.failures == [error]
    assert worker.bench.of_type(Put, Acknowledged) == []


async def test_a_failed_recovery_ends_the_worker() -> None:
    """No lane may open over a table that is not whole."""
    worker = new_worker()
    worker.recovery_error = ConfigurationError("no such topic")

    await within(worker.lanes.open([1]))

    assert worker.failures == [worker.recovery_error]
    assert worker.lanes.partitions == set()


async def test_a_slice_between_two_assignments_is_dropped() -> None:
    """Its partition's next owner reads it again, because it is not acknowledged."""
    worker = new_worker()

    await within(worker.lanes.offer(worker.bench.delivery("a", slice_from(0, call("a")))))

    assert worker.bench.actions == []


async def test_a_slice_of_a_foreign_partition_is_our_own_defect() -> None:
    """The message names the topic, the partition and what this worker owns."""
    worker = new_worker()
    await within(worker.lanes.open([0, 1]))

    with pytest.raises(InvariantError, match=r"partition 2 arrived, but this worker owns \[0, 1\]"):
        await worker.lanes.offer(worker.bench.delivery("a", slice_from(0, call()), partition=2))
    await worker.lanes.close()


async def test_buffered_is_the_sum_over_the_lanes() -> None:
    """Records that wait behind units that are being committed."""
    worker = new_worker()
    worker.bench.committer.gate.clear()
    await within(worker.lanes.open([0, 1]))
    await worker.lanes.offer(worker.bench.delivery("a", slice_from(0, call("a")), partition=1))
    await within(worker.bench.committer.committing.wait())
    await worker.lanes.offer(
        worker.bench.delivery("b", slice_from(1, call("b"), call("c")), partition=1)
    )

    assert worker.lanes.buffered == 2

    worker.bench.committer.gate.set()
    await within(worker.lanes.close())


async def test_lanes_are_open_from_the_opening_to_the_closing() -> None:
    """Also those of a worker that owns nothing: a standby is ready."""
    worker = new_worker()
    before = worker.lanes.is_open
    await within(worker.lanes.open([]))
    standby = worker.lanes.is_open
    await worker.lanes.close()
    closed = worker.lanes.is_open
    worker.recovery_gate.clear()
    opening = await blocked(lambda: worker.lanes.open([0, 1]))
    recovering = worker.lanes.is_open
    await worker.lanes.close()
    await within(opening)

    assert (before, standby, closed, recovering) == (False, True, False, False)


async def test_a_lane_tells_where_it_stands() -> None:
    """In the unit that is being committed; a lane that there is not stands nowhere."""
    worker = new_worker()
    await within(worker.lanes.open([0, 1]))
    worker.bench.committer.gate.clear()
    await worker.lanes.offer(worker.bench.delivery("a", slice_from(0, call("a")), partition=1))
    await within(worker.bench.committer.committing.wait())

    stack = worker.lanes.where("lane 1")
    nowhere = worker.lanes.where("lane 2")
    worker.bench.committer.gate.set()
    await worker.lanes.close()

    assert 0 < stack.index("in run") < stack.index("in _commit") < stack.index("in commit")
    assert nowhere == ""
