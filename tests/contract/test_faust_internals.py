"""
Private names of Faust, mode and aiokafka that this service overrides, calls or reads.

None of them is promised by its project. Each failure says what an upgrade has changed; what the
name is needed for, and what to do then, is in docs/adr/0002-faust.md.
"""

import inspect
import re
from collections.abc import Callable
from importlib.metadata import entry_points, requires, version
from pathlib import Path
from typing import Any

import aiokafka
import faust
import mode
import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Assignment, Subscription, TopicPartitionState
from aiokafka.producer import message_accumulator
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.sender import AddPartitionsToTxnHandler, Sender
from aiokafka.producer.transaction_manager import TransactionManager
from faust.agents.agent import Agent
from faust.app.base import App
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport import conductor
from faust.transport import consumer as base
from faust.transport.drivers import aiokafka as stock
from faust.types.tuples import ConsumerMessage, Message
from mode.threads import ServiceThread

from ckm_stream.streaming.threads import ConsumerThread
from ckm_stream.streaming.transport import Consumer, Transport

NOTE = "changed by an upgrade; read docs/adr/0002-faust.md before adapting the override"
ROOT = Path(__file__).parents[2]

#: Where the names are, with the parameters that we pass or take.
METHODS: list[tuple[type, str, list[str]]] = [
    # What transport.py overrides or calls.
    (stock.Consumer, "on_init", ["self"]),
    (stock.Consumer, "_new_consumer_thread", ["self"]),
    (base.Consumer, "getmany", ["self", "timeout"]),
    (base.Consumer, "_wait_next_records", ["self", "timeout"]),
    (base.Consumer, "_is_changelog_tp", ["self", "tp"]),
    (base.Consumer, "_add_gap", ["self", "tp", "offset_from", "offset_to"]),
    (base.Consumer, "ack", ["self", "message"]),
    (base.Consumer, "_new_offset", ["self", "tp"]),
    (base.Consumer, "_filter_committable_offsets", ["self", "tps"]),
    (base.Consumer, "perform_seek", ["self"]),
    (base.ThreadDelegateConsumer, "seek_to_committed", ["self"]),
    (stock.Consumer, "verify_event_path", ["self", "now", "tp"]),
    (stock.AIOKafkaConsumerThread, "_create_worker_consumer", ["self", "transport"]),
    (
        stock.AIOKafkaConsumerThread,
        "_fetch_records",
        ["self", "consumer", "active_partitions", "timeout", "max_records"],
    ),
    (stock.AIOKafkaConsumerThread, "_ensure_consumer", ["self"]),
    (stock.AIOKafkaConsumerThread, "call_thread", ["self", "fun", "args", "kwargs"]),
    (stock.AIOKafkaConsumerThread, "on_thread_started", ["self"]),
    (stock.AIOKafkaConsumerThread, "on_thread_stop", ["self"]),
    (AIOKafkaClient, "send", ["self", "node_id", "request"]),
    (aiokafka.AIOKafkaConsumer, "seek", ["self", "partition", "offset"]),
    (aiokafka.AIOKafkaConsumer, "committed", ["self", "partition"]),
    (aiokafka.AIOKafkaConsumer, "highwater", ["self", "partition"]),
    (Fetcher, "_proc_fetch_request", ["self", "assignment", "node_id", "request"]),
    # What lag.py reads.
    (Assignment, "state_value", ["self", "tp"]),
    # What table.py overrides.
    (Recovery, "_build_highwaters", ["self", "consumer", "tps", "destination", "title"]),
    (Recovery, "_build_offsets", ["self", "consumer", "tps", "destination", "title"]),
    (Recovery, "_seek_offsets", ["self", "consumer", "tps", "offsets", "title"]),
    (Recovery, "_wait", ["self", "coro", "timeout"]),
    (Recovery, "need_recovery", ["self"]),
    # What worker.py overrides.
    (mode.Service, "_crash", ["self", "reason"]),
    (App, "_create_directories", ["self"]),
    (App, "on_first_start", ["self"]),
    (App, "stop", ["self"]),
    (App, "on_rebalance_start", ["self"]),
    (App, "on_rebalance_end", ["self"]),
    (faust.Worker, "_setup_logging", ["self"]),
    (faust.Worker, "on_setup_root_logger", ["self", "logger", "level"]),
    # What profiles.py relies on, to commit in the middle of a slice.
    (stock.Consumer, "_commit", ["self", "offsets"]),
    # What clients.py overrides, and calls.
    (Sender, "_do_add_partitions_to_txn", ["self", "tps"]),
    (TransactionManager, "offsets_to_commit", ["self"]),
    (Sender, "_find_coordinator", ["self", "coordinator_type", "coordinator_key"]),
    (AddPartitionsToTxnHandler, "handle_response", ["self", "resp"]),
    # What packing.py takes the place of.
    (BatchBuilder, "close", ["self"]),
    (BatchBuilder, "closed", ["self"]),
    (BatchBuilder, "record_count", ["self"]),
    (BatchBuilder, "size", ["self"]),
    (BatchBuilder, "_build", ["self"]),
    (
        BatchBuilder,
        "_set_producer_state",
        ["self", "producer_id", "producer_epoch", "base_sequence"],
    ),
    # What committer.py relies on.
    (BatchBuilder, "append", ["self", "timestamp", "key", "value", "headers"]),
    (aiokafka.AIOKafkaProducer, "create_batch", ["self"]),
    (aiokafka.AIOKafkaProducer, "send_batch", ["self", "batch", "topic", "partition"]),
    (
        aiokafka.AIOKafkaProducer,
        "send_offsets_to_transaction",
        ["self", "offsets", "group_id"],
    ),
]


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    METHODS,
    ids=[f"{owner.__module__}.{owner.__qualname__}.{name}" for owner, name, _ in METHODS],
)
def test_a_method_has_the_parameters_that_we_use(
    owner: type, name: str, parameters: list[str]
) -> None:
    """Added ones are allowed if they have defaults."""
    method = getattr(owner, name, None)

    assert method is not None, f"{owner.__qualname__}.{name} is gone: {NOTE}"
    found = inspect.signature(method).parameters
    assert [*found][: len(parameters)] == parameters, f"{owner.__qualname__}.{name}{found}: {NOTE}"
    added = [found[each] for each in [*found][len(parameters) :]]
    assert all(
        each.default is not each.empty or each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        for each in added
    ), f"{owner.__qualname__}.{name} wants more: {NOTE}"


OVERRIDES = [
    (Consumer, base.Consumer, "_new_offset"),
    (Consumer, base.Consumer, "_add_gap"),
    (Consumer, base.Consumer, "ack"),
    (Consumer, base.Consumer, "getmany"),
    (Consumer, base.ThreadDelegateConsumer, "seek_to_committed"),
    (ConsumerThread, stock.AIOKafkaConsumerThread, "_fetch_records"),
    (ConsumerThread, stock.AIOKafkaConsumerThread, "_create_worker_consumer"),
]


@pytest.mark.parametrize(("ours", "theirs", "name"), OVERRIDES, ids=str)
def test_an_override_is_of_the_same_kind(ours: type, theirs: type, name: str) -> None:
    """A coroutine stays one, a generator stays one."""
    mine, original = getattr(ours, name), getattr(theirs, name)

    for check in (inspect.iscoroutinefunction, inspect.isasyncgenfunction):
        assert check(mine) == check(original), f"{theirs.__qualname__}.{name}: {NOTE}"


# A task of a service; its function is inside.
RESTART_RECOVERY = inspect.getattr_static(Recovery, "_restart_recovery").fun

#: Lines that must still do what we build upon, by the function they are in.
RELIED_ON: list[tuple[Callable[..., Any], str, str]] = [
    (
        base.Consumer._drain_messages,
        "getmany(timeout=",
        "the fetch loop takes what getmany yields",
    ),
    (base.Consumer._commit_tps, "_filter_committable_offsets", "a commit asks for the watermark"),
    (
        base.Consumer._filter_committable_offsets,
        "self._new_offset(tp)",
        "a commit asks _new_offset",
    ),
    (base.Consumer.ack, "self._acked[tp]", "a partition with acknowledgements is looked at"),
    (base.Consumer.perform_seek, "await self.seek_to_committed()", "an assignment is sought by us"),
    (
        stock.AIOKafkaConsumerThread.getmany,
        "self._fetch_records",
        "a fetch in the thread goes through our override",
    ),
    (
        stock.AIOKafkaConsumerThread._create_consumer,
        "self._create_worker_consumer(transport)",
        "the isolation level is set before the consumer starts",
    ),
    (
        aiokafka.AIOKafkaConsumer.start,
        "isolation_level=self._isolation_level",
        "the isolation level is read at the start",
    ),
    (
        aiokafka.AIOKafkaConsumer.start,
        "fetch_max_wait_ms=self._fetch_max_wait_ms",
        "the wait of a fetch is read at the start",
    ),
    (
        RESTART_RECOVERY,
        'assigned_active_tps, active_highwaters, "active"',
        "a recovery begins by asking for the active highwaters",
    ),
    (RESTART_RECOVERY, "if self.need_recovery():", "nothing is read if nothing is due"),
    (Recovery.on_recovery_completed, "consumer.perform_seek()", "a seek follows every recovery"),
    (Recovery._resume_streams, "consumer.perform_seek()", "a seek follows without tables too"),
    (Recovery.on_recovery_completed, "on_rebalance_end()", "a rebalance ends after the seek"),
    (Recovery._resume_streams, "on_rebalance_end()", "a rebalance ends without tables too"),
    (
        stock.ConsumerRebalanceListener.on_partitions_revoked,
        "app.on_rebalance_start()",
        "a rebalance begins with the revocation",
    ),
    (
        GroupCoordinator._on_join_prepare,
        "self._subscription.begin_reassignment()",
        "a reassignment is in progress before the revocation is told",
    ),
    (
        Sender._maybe_do_transactional_request,
        "txn_manager.offsets_to_commit()",
        "the sender asks whether there are offsets to commit, whenever a request is answered",
    ),
    (Fetcher._get_actions_per_node, "self._in_flight", "a broker gets one fetch at a time"),
    (GroupCoordinator._send_req, "self._client.send(", "heartbeats go through the client's send"),
    (Fetcher._proc_fetch_request, "self._client.send(", "fetches go through the client's send"),
    (ServiceThread._serve, "await self.on_thread_started()", "a thread's loop is watched"),
    (Agent._execute_actor, "self.supervisor.wakeup()", "an agent that raised would be restarted"),
    (App._on_partitions_revoked, "self.on_partitions_revoked.send", "lanes close at a revocation"),
    (App.on_stop, "await self.on_before_shutdown.send()", "lanes close at the end"),
    (
        stock.ConsumerRebalanceListener.on_partitions_assigned,
        "consumer_generation_id = generation",
        "a message of an earlier assignment can be told",
    ),
]


@pytest.mark.parametrize(
    ("function", "line", "because"),
    RELIED_ON,
    ids=[f"{function.__qualname__}: {because}" for function, _, because in RELIED_ON],
)
def test_a_function_still_does_what_we_build_upon(
    function: Callable[..., Any], line: str, because: str
) -> None:
    """Found in its source, because no behaviour of it can be seen from outside."""
    assert line in inspect.getsource(function), f"{function.__qualname__} ({because}): {NOTE}"


async def test_a_consumer_has_the_books_that_we_keep() -> None:
    """Made as Faust makes it, and never started."""
    app = faust.App("test", broker="ckm://127.0.0.1:9", autodiscover=False, store="memory://")

    async def ignore(*_: object) -> None:
        """Do nothing."""

    consumer: Any = app.transport.create_consumer(
        callback=ignore, on_partitions_revoked=ignore, on_partitions_assigned=ignore
    )
    for name in (
        "_acked",
        "_acked_index",
        "_unacked_messages",
        "_buffered_partitions",
        "_read_offset",
        "_committed_offset",
        "_thread",
        "flow_active",
        "should_stop",
    ):
        assert hasattr(consumer, name), f"Consumer.{name} is gone: {NOTE}"
    for name in ("_acking_topics", "_topic_name_index"):
        assert hasattr(app.topics, name), f"Conductor.{name} is gone: {NOTE}"
    assert isinstance(app.topics, conductor.Conductor)
    consumer._thread.thread_loop.close()


async def test_an_aiokafka_consumer_has_the_settings_that_we_change() -> None:
    """And the subscription whose assignment names a fetch."""
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers="127.0.0.1:9")

    for name in ("_isolation_level", "_fetch_max_wait_ms", "_subscription", "_fetcher", "_client"):
        assert hasattr(consumer, name), f"AIOKafkaConsumer.{name} is gone: {NOTE}"
    assert consumer._subscription.reassignment_in_progress, NOTE  # nothing is assigned yet
    assert consumer._subscription.subscription is None
    await consumer.stop()


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (aiokafka.AIOKafkaConsumer.start, {"Fetcher"}),
        (Fetcher._proc_fetch_request, {"FetchResult", "MemoryRecords", "PartitionRecords"}),
        (Fetcher.fetched_records, {"FetchResult"}),
        (Fetcher.next_record, {"FetchResult"}),
    ],
)
def test_a_fetch_is_made_of_the_classes_that_ours_replace(function: Any, names: set[str]) -> None:
    """By their names, in the methods that batch_consumer.py takes over; and nowhere else."""
    assert names <= set(function.__code__.co_names), f"{function.__qualname__}: {NOTE}"
    assert function.__closure__ is None, f"{function.__qualname__} needs a class cell: {NOTE}"
    source = inspect.getsource(Fetcher)
    for name, count in {"FetchResult": 3, "MemoryRecords": 1, "PartitionRecords": 1}.items():
        assert len(re.findall(rf"\b{name}\b", source)) == count, f"Fetcher uses {name}: {NOTE}"


async def test_each_assignment_is_an_object_of_its_own() -> None:
    """So its identity tells one life of a partition from the next."""
    subscription = Subscription({"topic"})
    tp = aiokafka.TopicPartition("topic", 0)

    subscription._assign({tp})
    first = subscription.assignment
    subscription._assign({tp})

    assert first is not subscription.assignment, f"Subscription.assignment: {NOTE}"


async def test_a_partitions_state_tells_position_and_end() -> None:
    """The lag is computed from them."""
    for name in ("has_valid_position", "position", "highwater", "lso"):
        message = f"TopicPartitionState.{name} is gone: {NOTE}"
        instance = TopicPartitionState(None)
        found = hasattr(TopicPartitionState, name) or name in vars(instance)
        assert found, message


def test_the_table_manager_makes_its_recovery_on_demand() -> None:
    """``recovery`` is a property over ``_recovery``, and nothing makes one around it."""
    assert isinstance(inspect.getattr_static(TableManager, "recovery"), property), NOTE
    assert TableManager._recovery is None, f"TableManager._recovery: {NOTE}"
    source = inspect.getsource(inspect.getmodule(TableManager) or TableManager)
    assert source.count("Recovery(\n") == 1, f"TableManager makes recoveries elsewhere: {NOTE}"


def test_a_worker_has_a_spinner_to_take_away() -> None:
    """It would write escape sequences into a log."""
    assert "spinner" in inspect.getsource(faust.Worker.__init__), f"Worker.spinner: {NOTE}"


def test_a_message_knows_its_generation() -> None:
    """Both transports' messages are told by it from those of an earlier assignment."""
    for kind in (Message, ConsumerMessage):
        parameters = inspect.signature(kind.__init__).parameters
        assert "generation_id" in parameters, f"{kind.__name__}.generation_id is gone: {NOTE}"


def test_the_transport_is_registered() -> None:
    """``ckm://`` is found through the package's metadata."""
    (found,) = [each for each in entry_points(group="faust.transports") if each.name == "ckm"]

    assert found.load() is Transport


@pytest.mark.parametrize("name", ["faust-streaming", "mode-streaming", "aiokafka"])
def test_the_version_is_the_pinned_one(name: str) -> None:
    """Private names are checked for one version; another one is an upgrade, done on purpose."""
    pins = [each for each in requires("ckm-stream") or [] if re.match(rf"{name}\b", each)]

    pinned = [each.partition("==")[2] for each in pins]

    assert pinned == [version(name)], f"{name} {version(name)} is installed, not {pins}: {NOTE}"


def test_the_note_exists() -> None:
    """Every message here sends its reader there."""
    assert (ROOT / "docs" / "adr" / "0002-faust.md").is_file()


def test_a_packed_batch_has_all_that_a_producer_asks_a_builder_for() -> None:
    """What aiokafka's accumulator calls of it."""
    packing = pytest.importorskip("ckm_stream.streaming.packing")
    source = inspect.getsource(message_accumulator.MessageBatch)
    source += inspect.getsource(message_accumulator.MessageAccumulator)
    asked = set(re.findall(r"\b_?builder\.(\w+)", source))

    assert asked >= {"_build", "_set_producer_state", "closed", "record_count"}, NOTE
    assert [name for name in asked if not hasattr(packing.PackedBatch, name)] == [], NOTE
