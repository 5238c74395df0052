"""A Hypothesis state machine over the world: everything that may happen, in any order."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from aiokafka.errors import NotLeaderForPartitionError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.settings import Guarantee
from tests.support.memory.events import BAD, CUSTOMERS, KINDS, event_of
from tests.support.memory.points import (
    DATABASE_POINTS,
    PROFILE_POINTS,
    SNAPSHOT_POINTS,
    STALLING_POINTS,
    Action,
    Point,
    Trap,
)
from tests.support.memory.profiles import PARTITIONS, Mechanisms
from tests.support.memory.snapshots import (
    SnapshotWorker,
    locked,
    memory_store,
    not_serialisable,
)
from tests.support.memory.world import World


@dataclass(frozen=True)
class Fault:
    """What happens to a worker at a point; of what it was sending as it died, some arrives."""

    point: Point
    occasion: int
    action: Action = Action.CRASH
    error: Callable[[], Exception] | None = None
    arriving: int = 0


#: An action, where it may happen, and what is raised there.
Choice = tuple[Action, Sequence[Point], Sequence[Callable[[], Exception] | None]]
Slices = list[tuple[int, int]]
#: The kind of event, whose it is, when it happened.
Events = list[tuple[int, str, int]]


def _events(least: int, most: int) -> st.SearchStrategy[Events]:
    event = st.tuples(
        st.integers(0, KINDS - 1), st.sampled_from(CUSTOMERS), st.sampled_from([0, 1, 100, -100])
    )
    return st.lists(event, min_size=least, max_size=most)


_NUMBERS = st.integers(0, (1 << 32) - 1)
_PARTITIONS = st.integers(0, PARTITIONS - 1)
#: The first record or batch, the second, one in the middle, one late.
_OCCASIONS = (0, 0, 0, 1, 2, 5)
_TOUCHPOINTS = st.sampled_from([Source.CALL, Source.TICKET, Source.PURCHASE, Source.FEEDBACK])


@st.composite
def _slices(draw: st.DrawFn) -> Slices:
    chance = Random(draw(_NUMBERS))
    return [(chance.randrange(8), chance.randint(1, 4)) for _ in range(chance.randint(1, 4))]


def _faults(*crashing: Point, **others: Choice) -> st.SearchStrategy[Fault | None]:
    """
    Draw a fault, or none: a crash half of the time, else of the *others*.

    Drawn from one number, like the slices: Hypothesis likes to draw the same choice again, each
    point is to be met, and each draw costs as much as folding an event.
    """

    @st.composite
    def fault(draw: st.DrawFn) -> Fault | None:
        chance = Random(draw(_NUMBERS))
        kind = chance.choice(["none", "crash", "crash", *others])
        if kind == "none":
            return None
        occasion = chance.choice(_OCCASIONS)
        if kind == "crash":
            return Fault(chance.choice(crashing), occasion, arriving=chance.randrange(4))
        action, points, errors = others[kind]
        return Fault(chance.choice(points), occasion, action, chance.choice(errors))

    return fault()


_OPENING_POINTS = (Point.AFTER_FENCE, Point.IN_RECOVERY, Point.AFTER_RECOVERY, Point.IN_REVOKE)
_OPENING_FAULTS = _faults(*_OPENING_POINTS)
_WORKING_FAULTS = _faults(
    *(point for point in PROFILE_POINTS if point not in _OPENING_POINTS),
    refused=(Action.FAIL, STALLING_POINTS[:-1], (NotLeaderForPartitionError,)),
    stopped=(Action.STALL, STALLING_POINTS, (None,)),
)
_STORING_FAULTS = _faults(
    *SNAPSHOT_POINTS, refused=(Action.FAIL, DATABASE_POINTS, (locked, not_serialisable))
)


# One rule for all: of many rules Hypothesis switches off some for a whole run, often most of them,
# which leaves few runs where something is published, done, killed and stored.
_ACTIONS = st.one_of(
    st.tuples(st.just("publish"), _events(1, 4)),
    st.tuples(st.just("publish_again"), st.integers(0, 30), st.integers(1, 2)),
    st.tuples(st.just("publish_bad"), _TOUCHPOINTS, _PARTITIONS, st.sampled_from(BAD)),
    st.tuples(st.just("run_unit"), _PARTITIONS, _slices(), _WORKING_FAULTS),
    st.tuples(st.just("work"), _PARTITIONS, _slices(), _WORKING_FAULTS),
    st.tuples(st.just("rebalance"), st.integers(1, PARTITIONS), _OPENING_FAULTS),
    st.tuples(st.just("kill"), _PARTITIONS),
    st.tuples(st.just("snapshot"), _slices(), _STORING_FAULTS),
    st.tuples(st.just("release_snapshots"), _STORING_FAULTS),
    st.tuples(st.just("replace_snapshots"), _slices()),
    st.tuples(st.just("rebuild")),
    st.tuples(st.just("wake")),
)


class CrashAnywhere(RuleBasedStateMachine):
    """One run: whatever happens, in the end everything equals the oracle's replay."""

    guarantee: ClassVar[Guarantee]
    mechanisms: ClassVar[Mechanisms] = Mechanisms()
    new_snapshots: ClassVar[Any] = SnapshotWorker
    #: Over all runs, where workers died.
    deaths: ClassVar[Counter[Point]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.deaths = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.world = World(
            self.guarantee,
            memory_store(),
            mechanisms=self.mechanisms,
            new_snapshots=self.new_snapshots,
        )
        self._published: list[TouchpointEvent] = []

    @rule(action=_ACTIONS)
    def do(self, action: tuple[Any, ...]) -> None:
        """Do one thing: the name of a method below, and its arguments."""
        name, *arguments = action
        getattr(self, name)(*arguments)

    # Publishers

    @initialize(events=_events(4, 8))
    def begin(self, events: Events) -> None:
        """Have something that is done, and something to do."""
        self.publish(events)
        self.work(0, [(0, 2), (1, 1)], None)

    def publish(self, events: Events) -> None:
        """Publish new events."""
        for kind, customer, days in events:
            event = event_of(kind, customer, days, number=len(self._published))
            self._published.append(event)
            self.world.publish(event)

    def publish_again(self, which: int, count: int) -> None:
        """Publish events again that were published before."""
        for number in range(count):
            self.world.publish(self._published[(which + number) % len(self._published)])

    def publish_bad(
        self, source: Source, partition: int, record: tuple[bytes | None, bytes | None]
    ) -> None:
        """Publish what is no event."""
        self.world.publish_bytes(source, partition, *record)

    # Profile workers

    def run_unit(self, partition: int, slices: Slices, fault: Fault | None) -> None:
        """Let a worker do a unit."""
        self._arm(fault)
        self.world.run_unit(partition, slices=slices)

    def work(self, partition: int, slices: Slices, fault: Fault | None) -> None:
        """Let a worker do a unit, Faust commit what is acknowledged, and the store take it in."""
        self._arm(fault)
        self.world.run_unit(partition, slices=slices)
        self.world.commit_offsets()
        self.world.snapshot(slices=slices)

    def rebalance(self, size: int, fault: Fault | None) -> None:
        """Take all partitions away and share them out anew."""
        self._arm(fault)
        self.world.rebalance(size)

    def kill(self, partition: int) -> None:
        """Kill a profile worker between two units."""
        self.world.kill(partition)

    # Snapshot workers

    def snapshot(self, slices: Slices, fault: Fault | None) -> None:
        """Let the snapshot worker write a transaction."""
        self._arm(fault)
        self.world.snapshot(slices=slices)

    def release_snapshots(self, fault: Fault | None) -> None:
        """Take the snapshot worker's partitions away and give them back."""
        self._arm(fault)
        self.world.release_snapshots()

    def replace_snapshots(self, slices: Slices) -> None:
        """Give the snapshot worker's partitions to another one, which it does not notice."""
        self.world.replace_snapshots(slices=slices)

    def rebuild(self) -> None:
        """Let an operator have the store filled anew."""
        self.world.rebuild()

    # Zombies

    def wake(self) -> None:
        """Let the workers go on that were stopped or replaced behind their backs."""
        self.world.wake()
        self.world.wake_snapshots()

    def _arm(self, fault: Fault | None) -> None:
        if fault is None:
            return
        action = fault.action
        if action is Action.STALL and self.guarantee is not Guarantee.EXACTLY_ONCE:
            action = Action.CRASH  # nothing fences a zombie that does not use transactions
        self.world.choose = lambda most: min(most, fault.arriving)
        self.world.traps.armed = Trap(fault.point, fault.occasion, action, fault.error)

    def teardown(self) -> None:
        """Let everything catch up, and compare it with the oracle."""
        try:
            self.world.traps.armed = None
            self.world.catch_up()
            problems = self.world.problems()
        finally:
            self.world.close()
            self.deaths.update(self.world.traps.deaths)
        assert not problems, problems
