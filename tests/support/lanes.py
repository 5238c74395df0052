"""Fakes around a lane; all write into one list, so that a test can assert the order of actions."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ckm_stream.operations.vitals import AwakeClock, Work
from ckm_stream.pipeline.limit import DeadLetterLimits
from ckm_stream.pipeline.records import Effects, Slice
from ckm_stream.pipeline.unit import Core
from ckm_stream.streaming.lane import Delivery, Lane, Watch, Wiring
from tests.support.units import PARTITION, States, core_over

PATIENCE_S = 10.0

T = TypeVar("T")


@dataclass(frozen=True)
class Fenced:
    """The committer has become the only writer of these partitions."""

    partitions: frozenset[int]


@dataclass(frozen=True)
class Recovered:
    """The changelogs of these partitions have been read."""

    partitions: frozenset[int]


@dataclass(frozen=True)
class Made:
    """A lane was made."""

    partition: int


@dataclass(frozen=True)
class Committed:
    """A unit with these next source offsets, by topic, is durable."""

    offsets: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Put:
    """The states of these keys were put into a table."""

    table: str
    keys: tuple[bytes, ...]
    next_offset: int


@dataclass(frozen=True)
class Acknowledged:
    """A slice is finished."""

    name: str


@dataclass(frozen=True)
class Observed:
    """The metrics were told of a unit of so many slices."""

    slices: int


@dataclass(frozen=True)
class Told:
    """What a predecessor may not have announced has been."""


@dataclass(frozen=True)
class Settled:
    """These next source offsets were committed outside of the slices' acknowledgements."""

    offsets: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Released:
    """The committer has let go of all partitions."""


Action = (
    Fenced
    | Recovered
    | Made
    | Committed
    | Put
    | Told
    | Acknowledged
    | Observed
    | Settled
    | Released
)


@dataclass
class FakeCommitter:
    """Commits at once; or waits for its gate first, or fails."""

    actions: list[Action]
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    committing: asyncio.Event = field(default_factory=asyncio.Event)
    error: BaseException | None = None
    close_error: Exception | None = None
    units: list[Effects] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    async def open(self, partitions: Iterable[int]) -> None:
        """Fence."""
        self.actions.append(Fenced(frozenset(partitions)))

    async def commit(self, effects: Effects) -> dict[str, int]:
        """Take the unit; each table's next changelog offset is 7."""
        self.committing.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.actions.append(Committed(tuple(effects.offsets.items())))
        self.units.append(effects)
        return dict.fromkeys(effects.changelog, 7)

    async def close(self, *, grace_s: float) -> None:
        """Let go."""
        if self.close_error is not None:
            raise self.close_error
        self.actions.append(Released())


@dataclass
class FakeTable:
    """Remembers what was put into it; *untold* are those whose last change was not announced."""

    actions: list[Action]
    name: str
    untold: list[bytes] = field(default_factory=list)

    def put_many(
        self, partition: int, entries: list[tuple[bytes, bytes]], next_offset: int
    ) -> None:
        """Take committed states in."""
        self.actions.append(Put(self.name, tuple(key for key, _ in entries), next_offset))

    def last_unit(self, partition: int) -> list[bytes]:
        """Return whose last change was not announced."""
        return self.untold

    def forget_last_unit(self, partition: int) -> None:
        """Note that it has been announced."""
        self.actions.append(Told())
        self.untold = []


@dataclass
class FakeObserver:
    """Counts slices."""

    actions: list[Action]

    def on_committed(self, effects: Effects, *, parts: list[Slice], seconds: float) -> None:
        """Take one unit."""
        self.actions.append(Observed(len(parts)))


class Bench:
    """One lane, or more, with everything around them faked; to be made inside a running loop."""

    def __init__(
        self,
        *,
        unit_s: float = 3600.0,
        depth: int = 8,
        core: Core | None = None,
        limits: DeadLetterLimits = DeadLetterLimits(),  # noqa: B008 -- it is frozen
        watch: Watch | None = None,
    ) -> None:
        self.actions: list[Action] = []
        self.committer = FakeCommitter(self.actions)
        self.work = Work(AwakeClock())
        self.tables = {name: FakeTable(self.actions, name) for name in ("profiles", "employees")}
        self.wiring = Wiring(
            core=core_over(States()) if core is None else core,
            committer=self.committer,
            tables=self.tables,
            observer=FakeObserver(self.actions),
            unit_s=unit_s,
            depth=depth,
            settle=self._settle,
            work=self.work,
            limits=limits,
            watch=watch,
        )
        self._acknowledged: dict[str, asyncio.Event] = {}

    async def _settle(self, effects: Effects) -> None:
        self.actions.append(Settled(tuple(effects.offsets.items())))

    def lane(self, partition: int = PARTITION) -> Lane:
        """Make a lane."""
        self.actions.append(Made(partition))
        return Lane(partition, self.wiring)

    def delivery(self, name: str, part: Slice, *, partition: int = PARTITION) -> Delivery:
        """Return a slice whose acknowledgement is recorded under *name*."""
        event = self._acknowledged[name] = asyncio.Event()

        def acknowledge() -> None:
            self.actions.append(Acknowledged(name))
            event.set()

        return Delivery(replace(part, partition=partition), acknowledge)

    async def acknowledged(self, name: str) -> None:
        """Wait until the slice of that name is finished."""
        await within(self._acknowledged[name].wait())

    def of_type(self, *kinds: type[Action]) -> list[Action]:
        """Return the actions of these kinds, in their order."""
        return [action for action in self.actions if isinstance(action, kinds)]


async def within(awaitable: Awaitable[T], *, patience_s: float = PATIENCE_S) -> T:
    """Await, but not for ever."""
    return await asyncio.wait_for(awaitable, patience_s)


async def blocked(make: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
    """Start a coroutine and return its task once it waits for something."""
    task = asyncio.ensure_future(make())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    return task
