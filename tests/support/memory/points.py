"""
The crash points: every step of both protocols, in their order, and what happens there.

The product knows nothing of them. They are reached through the seams around its own code: the
producer, the recovery's consumer, the codec and the folds of a unit, the table, the
acknowledgement, and the steps of the store's transaction.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Final, Self


class Point(StrEnum):
    """A place where a worker may die; the text says which."""

    sentence: str

    def __new__(cls, name: str, sentence: str) -> Self:
        """Keep the sentence beside the name."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.sentence = sentence
        return member

    # The profile worker takes over.
    AFTER_FENCE = "after_fence", "It is the partitions' only writer and has read no state yet."
    IN_RECOVERY = "in_recovery", "It has read some of the changelogs, or all but the end."
    AFTER_RECOVERY = "after_recovery", "It has all states in memory, and no lane is open yet."
    # Steps 1 to 3, in memory.
    AFTER_FETCH = "after_fetch", "It has fetched a slice and not begun a unit with it."
    AFTER_DECODE = "after_decode", "A record of the unit is decoded, none is applied."
    AFTER_APPLY = "after_apply", "An event is folded into its state, the unit goes on."
    AFTER_SCORE = "after_score", "The unit's effects are made, and nothing of them is written."
    # Steps 4 to 7: a transaction, or the changelog before the outputs.
    AFTER_BEGIN = "after_begin", "A transaction is begun, and the broker has heard nothing of it."
    BEFORE_DEAD_LETTERS = "before_dead_letters", "A dead letter is about to be sent."
    AFTER_DEAD_LETTERS = "after_dead_letters", "A dead letter is handed to the client."
    BEFORE_OUTPUTS = "before_outputs", "A batch of updates or items is about to be sent."
    AFTER_OUTPUTS = "after_outputs", "A batch of updates or items is handed to the client."
    BEFORE_FORWARDED = "before_forwarded", "A batch of forwarded events is about to be sent."
    BETWEEN_FORWARDED = "between_forwarded", "One batch for a partition is out, the next is not."
    AFTER_FORWARDED = "after_forwarded", "A batch of forwarded events is handed to the client."
    BEFORE_CHANGELOG = "before_changelog", "The first states are about to be sent."
    WITHIN_CHANGELOG = "within_changelog", "Some of the unit's states are sent, others are not."
    AFTER_CHANGELOG = "after_changelog", "A batch of states is handed to the client."
    BEFORE_OFFSETS = "before_offsets", "The source offsets are about to be sent."
    AFTER_OFFSETS = "after_offsets", "The broker has the source offsets."
    BEFORE_COMMIT = "before_commit", "All of the transaction is written, and it is still open."
    AFTER_COMMIT = "after_commit", "The unit is durable, and its lane has not heard of it."
    BEFORE_TABLE = "before_table", "The unit is durable, its states are not in the table."
    AFTER_TABLE = "after_table", "States are in the table, the slices are not finished."
    BEFORE_ACK = "before_ack", "A slice is about to be finished."
    AFTER_ACK = "after_ack", "A slice is finished, and its offset not committed."
    AFTER_UNIT = "after_unit", "The unit has been counted."
    IN_REVOKE = "in_revoke", "The lanes are closed, and the producers are not."
    # The snapshot worker.
    IN_POSITIONS = "in_positions", "It has asked the store for positions and not been answered."
    AFTER_QUEUE = "after_queue", "A slice waits to be written."
    BEFORE_BEGIN = "before_begin", "Rows are made, the store's transaction is not begun."
    AFTER_PROGRESS = "after_progress", "The positions have moved within the transaction."
    AFTER_PROFILES = "after_profiles", "States of customers or employees are in the transaction."
    AFTER_SCORES = "after_scores", "Score rows are in the transaction."
    BEFORE_DB_COMMIT = "before_db_commit", "All rows are in the transaction, and it is open."
    AFTER_DB_COMMIT = "after_db_commit", "The transaction is durable, and nobody has heard of it."
    IN_RELEASE = "in_release", "The queue is dropped, and the partitions are not given up yet."


_ALL: Final = list(Point)
SNAPSHOT_POINTS: Final = tuple(_ALL[_ALL.index(Point.IN_POSITIONS) :])
PROFILE_POINTS: Final = tuple(_ALL[: _ALL.index(Point.IN_POSITIONS)])
#: Steps that only a transaction has.
TRANSACTION_POINTS: Final = (Point.AFTER_BEGIN, Point.BEFORE_COMMIT)
#: Where a process can be stopped and go on later: it waits there for the broker in any case.
STALLING_POINTS: Final = tuple(
    _ALL[_ALL.index(Point.AFTER_BEGIN) : _ALL.index(Point.AFTER_COMMIT) + 1]
)
#: Where the database can fail; after the commit, it has committed and the answer is lost.
DATABASE_POINTS: Final = (
    Point.IN_POSITIONS,
    Point.BEFORE_BEGIN,
    Point.AFTER_PROGRESS,
    Point.AFTER_PROFILES,
    Point.AFTER_SCORES,
    Point.BEFORE_DB_COMMIT,
    Point.AFTER_DB_COMMIT,
)


class Crash(BaseException):
    """The process dies here: no line of it runs after this one."""


class Action(Enum):
    """What happens at a point."""

    CRASH = auto()
    STALL = auto()
    FAIL = auto()


@dataclass
class Trap:
    """One point's *occasion*-th time from now, and what happens then."""

    point: Point
    occasion: int
    action: Action = Action.CRASH
    error: Callable[[], Exception] | None = None


@dataclass
class Traps:
    """What is going to happen, at most one thing at a time; who has been where, and died where."""

    armed: Trap | None = None
    visits: Counter[Point] = field(default_factory=Counter)
    deaths: Counter[Point] = field(default_factory=Counter)

    def due(self, point: Point) -> Trap | None:
        """Count a visit; return the trap if it is this time's."""
        self.visits[point] += 1
        trap = self.armed
        if trap is None or trap.point is not point:
            return None
        trap.occasion -= 1
        if trap.occasion >= 0:
            return None
        self.armed = None
        return trap


@dataclass
class Process:
    """One life of a worker: what it has in memory ends with it."""

    traps: Traps
    is_alive: bool = True
    is_stalled: bool = False
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _put_off: list[Callable[[], None]] = field(default_factory=list)

    def reach(self, point: Point) -> None:
        """Go on, or die here, or meet an error."""
        self.must_live()
        self._meet(self.traps.due(point))

    async def come_to(self, point: Point) -> None:
        """Go on, or die, fail, or be stopped here until somebody wakes this process."""
        self.must_live()
        trap = self.traps.due(point)
        if trap is not None and trap.action is Action.STALL:
            self.is_stalled = True
            self._wake.clear()
        else:
            self._meet(trap)
        await self.breathe()

    async def breathe(self) -> None:
        """Wait while the process is stopped: all that it does stands still."""
        while self.is_stalled:
            await self._wake.wait()
        self.must_live()

    def wake(self) -> None:
        """SIGCONT."""
        self.is_stalled = False
        self._wake.set()
        put_off, self._put_off = self._put_off, []
        for action in put_off:
            action()

    def when_awake(self, action: Callable[[], None]) -> None:
        """Do *action* when this process goes on."""
        self._put_off.append(action)

    def must_live(self) -> None:
        """Run no further line of a process that is dead."""
        if not self.is_alive:
            raise Crash("this process is dead")

    def _meet(self, trap: Trap | None) -> None:
        if trap is None:
            return
        if trap.action is Action.FAIL:
            assert trap.error is not None
            raise trap.error()
        # A process cannot be stopped in the middle of a line: it dies there instead.
        self.is_alive = False
        self.traps.deaths[trap.point] += 1
        raise Crash(trap.point)
