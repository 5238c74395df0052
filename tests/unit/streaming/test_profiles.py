"""The profile worker as an app: its agents, what it delivers to the lanes, and what it drops."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from prometheus_client import CollectorRegistry

from ckm_stream.codec.topics import Source
from ckm_stream.errors import ConfigurationError, DeadLetterLimitError
from ckm_stream.operations.health import Phase
from ckm_stream.operations.metrics import WorkerMetrics
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.pipeline.records import Slice
from ckm_stream.settings import Guarantee, KafkaSettings, Settings
from ckm_stream.streaming.committer import AtLeastOnce, ExactlyOnce
from ckm_stream.streaming.lane import Delivery
from ckm_stream.streaming.profiles import ProfileApp, build_profile_app
from ckm_stream.streaming.schema import Fetch
from ckm_stream.streaming.table import ChangelogTable
from tests.support.units import TOPICS, Record

GENERATION = 3


@dataclass
class RecordingLanes:
    """Lanes that only remember what they are asked."""

    calls: list[Any] = field(default_factory=list)
    partitions: set[int] = field(default_factory=set)
    buffered: int = 5
    is_open: bool = True

    async def open(self, partitions: set[int]) -> None:
        """Open."""
        self.partitions = partitions
        self.calls.append(("open", partitions))

    async def offer(self, delivery: Delivery) -> None:
        """Take a slice."""
        self.calls.append(delivery)

    async def close(self) -> None:
        """Close."""
        self.calls.append("close")


@dataclass
class Event:
    """A Faust event."""

    message: ConsumerMessage


def message_of(value: Any, *, offset: int = 9, generation: int = GENERATION) -> ConsumerMessage:
    """Return a message of the calls' partition 2."""
    return ConsumerMessage(
        TOPICS.call,
        2,
        offset,
        1_700_000_000.123,
        0,
        [("h", b"v")],
        b"c-1",
        value,
        None,
        0,
        0,
        TP(TOPICS.call, 2),
        generation_id=generation,
    )


class RecordingFeed:
    """Writes down when it is asked for epochs."""

    def __init__(self, calls: list[Any]) -> None:
        self._calls = calls

    async def refresh(self) -> None:
        """Find none."""
        self._calls.append("epochs")


def new_app(folder: Path, guarantee: Guarantee = Guarantee.EXACTLY_ONCE) -> ProfileApp:
    """Return the app of a worker that nobody starts, with recording lanes."""
    settings = Settings(
        data_dir=folder, kafka=KafkaSettings(topic_prefix=TOPICS.prefix, guarantee=guarantee)
    )
    app = build_profile_app(settings, WorkerMetrics(CollectorRegistry()))
    lanes: Any = RecordingLanes()
    app.lanes = lanes
    app.epoch_feed = RecordingFeed(lanes.calls)  # type: ignore[assignment] # a fake
    app.consumer_generation_id = GENERATION
    return app


@pytest.fixture
async def app(tmp_path: Path) -> ProfileApp:
    """Give an app under the default guarantee, made in the test's loop."""
    return new_app(tmp_path)


def calls_of(app: ProfileApp) -> list[Any]:
    """Return what the app's lanes were asked."""
    lanes: Any = app.lanes
    recorded: list[Any] = lanes.calls
    return recorded


async def test_one_agent_reads_all_that_concerns_customers(app: ProfileApp) -> None:
    """So a customer's state has one writer; employees have an agent and a table of their own."""
    topics = {name: set(agent.channel.topics) for name, agent in app.agents.items()}

    employee = {TOPICS.employee}
    assert topics == {"profiles": set(TOPICS.sources) - employee, "employees": employee}
    assert all(agent.concurrency == 1 for agent in app.agents.values())


async def test_the_changelogs_are_ours(app: ProfileApp) -> None:
    """Faust's own names and writes are not used."""
    assert {name: table.changelog_topic.get_topic_name() for name, table in app.tables.items()} == {
        "profiles": TOPICS.profile_changelog,
        "employees": TOPICS.employee_changelog,
    }
    assert all(isinstance(table, ChangelogTable) for table in app.tables.values())


async def test_a_slice_is_offered_to_its_lane(app: ProfileApp) -> None:
    """Records as they were fetched, with their source and partition."""
    records = [Record(8, b"c-1", None), Record(9, b"c-1", None)]

    await app.deliver(Event(message_of(records)))  # type: ignore[arg-type] # a fake

    (delivery,) = calls_of(app)
    assert delivery.part == Slice(Source.CALL, TOPICS.call, 2, records)


async def test_each_slice_of_a_fetch_is_offered_and_acknowledged_for_itself(tmp_path: Path) -> None:
    """They are finished at different times, by different lanes."""
    app, acked = new_app(tmp_path, Guarantee.AT_LEAST_ONCE), list[Any]()
    app.consumer = SimpleNamespace(ack=acked.append)  # type: ignore[assignment] # a fake
    slices = [message_of([Record(at, b"c-1", None)], offset=at) for at in (3, 9)]

    await app.deliver(Event(message_of(Fetch(slices))))  # type: ignore[arg-type] # a fake
    first, second = calls_of(app)
    second.acknowledge()

    assert [each.part.records[0].offset for each in (first, second)] == [3, 9]
    assert acked == [slices[1]]


async def test_a_message_of_an_earlier_generation_is_dropped(app: ProfileApp) -> None:
    """Its partition's owner, this worker or another, reads it again."""
    event: Any = Event(message_of([Record(9, b"c-1", None)], generation=GENERATION - 1))

    await app.deliver(event)

    assert calls_of(app) == []


@pytest.mark.parametrize(
    ("guarantee", "acknowledged"),
    [(Guarantee.EXACTLY_ONCE, []), (Guarantee.AT_LEAST_ONCE, [True])],
)
async def test_offsets_are_kept_by_one_only(
    guarantee: Guarantee, acknowledged: list[bool], tmp_path: Path
) -> None:
    """By the transaction, or by Faust's commit."""
    app, message = new_app(tmp_path, guarantee), message_of([Record(9, b"c-1", None)])
    acked: list[Any] = []
    app.consumer = SimpleNamespace(ack=acked.append)  # type: ignore[assignment] # a fake

    await app.deliver(Event(message))  # type: ignore[arg-type] # a fake
    calls_of(app)[0].acknowledge()

    assert [each is message for each in acked] == acknowledged
    assert app.acknowledges is bool(acknowledged)


async def test_a_takeover_opens_the_lanes_once_the_epochs_are_known(
    app: ProfileApp,
) -> None:
    """And the metrics tell how many partitions there are now."""
    await app.takeover({0, 4})

    assert calls_of(app) == ["epochs", ("open", {0, 4})]
    assert app.metrics.assigned_partitions._value.get() == 2


@pytest.mark.parametrize("signal", ["on_partitions_revoked", "on_before_shutdown"])
async def test_the_lanes_close_when_the_partitions_go(app: ProfileApp, signal: str) -> None:
    """At a rebalance, and at the end."""
    await getattr(app, signal).send(*([set()] if signal == "on_partitions_revoked" else []))

    assert calls_of(app) == ["close"]


async def test_an_error_in_an_agent_ends_the_process(
    app: ProfileApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message whose agent raised must not be passed over."""
    ended: list[BaseException] = []
    monkeypatch.setattr("ckm_stream.streaming.ending.end_process", ended.append)
    error = ConfigurationError("the slice cannot be delivered")

    async def deliver(_event: object) -> None:
        raise error

    monkeypatch.setattr(app, "deliver", deliver)
    for agent in app.agents.values():
        await agent.fun(OneEvent())

    assert ended == [error, error]


class OneEvent:
    """A stream of one event."""

    def noack(self) -> "OneEvent":
        """Leave the acknowledgement to the consumer of the stream."""
        return self

    async def events(self) -> Any:
        """Yield it."""
        yield object()


async def test_a_crash_of_any_part_ends_the_process(
    app: ProfileApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faust would go on with the rest."""
    ended: list[BaseException] = []
    monkeypatch.setattr("ckm_stream.streaming.worker.end_process", ended.append)
    error = ValueError("unforeseen")

    app._crash(error)

    assert ended == [error]


@pytest.mark.parametrize(
    ("guarantee", "kind"),
    [(Guarantee.EXACTLY_ONCE, ExactlyOnce), (Guarantee.AT_LEAST_ONCE, AtLeastOnce)],
)
async def test_the_guarantee_chooses_the_committer(
    guarantee: Guarantee, kind: type, tmp_path: Path
) -> None:
    """The lanes know nothing of it but the committer."""
    settings = Settings(data_dir=tmp_path, kafka=KafkaSettings(guarantee=guarantee))
    app = ProfileApp(settings, WorkerMetrics(CollectorRegistry()))
    app.tables_by_name[PROFILES].retain({0})

    lane = app.lanes._new_lane(0)

    assert isinstance(lane._wiring.committer, kind)
    assert not app.in_transaction  # Faust's own transactions are never used


def test_the_module_app_is_the_profile_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``faust -A ckm_stream.streaming.app worker`` finds it."""
    monkeypatch.setenv("CKM__DATA_DIR", str(tmp_path))

    async def load() -> Any:
        from ckm_stream.streaming.app import app as found  # noqa: PLC0415 -- made when imported

        return found

    assert isinstance(asyncio.run(load()), ProfileApp)


async def test_a_worker_is_recovering_until_its_group_has_settled(app: ProfileApp) -> None:
    """The lanes open before the positions are set: not ready until then."""
    await app.takeover({0, 4})

    assert app.health.phase is Phase.RECOVERING


async def test_a_running_worker_with_closed_lanes_says_what_hinders_it(app: ProfileApp) -> None:
    """The end of one rebalance may come when the next has closed them."""
    lanes: Any = app.lanes
    app.health.enter(Phase.RUNNING)
    opened = app.health.hindrance()
    lanes.is_open = False

    assert opened == ""
    assert "not open" in app.health.hindrance()


async def test_records_that_nobody_fetches_are_work_that_waits(
    app: ProfileApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consumers have been known to die in silence: idle lanes, and records in the broker."""
    lanes: Any = app.lanes
    fetchable = [True]
    monkeypatch.setattr("ckm_stream.streaming.profiles.has_fetchable", lambda *_: fetchable[0])
    work = app.health.work

    def waits(*, buffered: int) -> bool:
        lanes.buffered = buffered
        app._watch_fetching(set())
        return work.oldest is not None

    assert waits(buffered=0)
    app.health.clock.now += 60.0
    await app.deliver(Event(message_of([Record(9, b"c-1", None)])))  # type: ignore[arg-type] # a fake
    assert work.oldest == ("the fetching of records", 60.0)
    assert not waits(buffered=5)
    fetchable[0] = False
    assert not waits(buffered=0)


async def test_at_the_dead_letter_limit_the_other_lanes_finish_first(
    app: ProfileApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first lane that stops ends the process, once the others have let go; once."""
    ended: list[object] = []
    monkeypatch.setattr(
        "ckm_stream.streaming.profiles.end_process",
        lambda error: ended.extend([*calls_of(app), error]),
    )
    first, second = DeadLetterLimitError("first"), DeadLetterLimitError("second")

    app._on_failure(first)
    app._on_failure(second)
    assert ended == []
    assert app._ending is not None
    await app._ending

    assert ended == ["close", first]
