"""Clients and Faust settings, made from ours."""

import re
import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import ConcurrentTransactions, NodeNotReadyError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from ckm_stream.settings import Guarantee, KafkaSettings, TransportKind
from ckm_stream.streaming.clients import (
    await_brokers,
    changelog_consumer_factory,
    faust_settings,
    is_transactional,
    producer_factory,
)

ADR = Path(__file__).parents[3] / "docs" / "adr" / "0002-faust.md"


def settings_of(**kafka: Any) -> dict[str, Any]:
    """Return Faust's settings for these of ours."""
    return faust_settings(KafkaSettings(**kafka), group_id="group", data_dir=Path("somewhere"))


def test_each_faust_setting_has_its_reason_in_the_adr() -> None:
    """A row per setting; the names of the app and of the client need none."""
    rows = re.findall(r"^\| (`[^|]+`) \|", ADR.read_text(), flags=re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert settings_of().keys() - documented <= {"id", "broker_client_id", "datadir"}


def test_faust_knows_every_setting() -> None:
    """A misspelt one would be passed over in silence."""
    assert settings_of().keys() - set(faust.Settings.SETTINGS) == {"id"}  # the app's own argument


@pytest.mark.parametrize(("transport", "scheme"), [("ckm", "ckm"), ("kafka", "kafka")])
def test_the_transport_is_the_brokers_scheme(transport: str, scheme: str) -> None:
    """One URL per server, in their order."""
    settings = settings_of(
        transport=TransportKind(transport), bootstrap_servers="one:9092,two:9093"
    )

    assert [str(url) for url in settings["broker"]] == [
        f"{scheme}://one:9092",
        f"{scheme}://two:9093",
    ]


@pytest.mark.parametrize("session_timeout_s", [3.0, 10.0, 120.0])
def test_timeouts_fit_together(session_timeout_s: float) -> None:
    """Faust refuses a session that is longer than a request; a rebalance needs its time."""
    settings = settings_of(session_timeout_s=session_timeout_s)

    assert settings["broker_request_timeout"] >= settings["broker_session_timeout"]
    assert settings["broker_rebalance_timeout"] >= settings["broker_session_timeout"]
    assert settings["broker_heartbeat_interval"] * 3 <= settings["broker_session_timeout"]


def test_a_unit_is_a_transaction_under_exactly_once_only() -> None:
    """The default on Kafka."""
    assert is_transactional(KafkaSettings())
    assert not is_transactional(KafkaSettings(guarantee=Guarantee.AT_LEAST_ONCE))


NewProducer = Callable[[KafkaSettings, str | None], AIOKafkaProducer]


async def producer_of(kafka: KafkaSettings, transactional_id: str | None) -> AIOKafkaProducer:
    """Return a producer that is never started."""
    producer: AIOKafkaProducer = producer_factory(kafka, client_id="test")(transactional_id)
    await producer.stop()
    return producer


@pytest.mark.parametrize("transactional_id", [None, "app-3"])
async def test_every_write_is_acknowledged_by_all_replicas(transactional_id: str | None) -> None:
    """A record that one broker had and lost would be missing for ever."""
    producer = await producer_of(KafkaSettings(), transactional_id)

    assert producer._sender._acks == -1
    assert producer._txn_manager is not None
    assert producer._txn_manager.transactional_id == transactional_id


async def test_a_broker_without_producer_ids_is_written_to_all_the_same() -> None:
    """The embedded one: a retry may write twice there, which at_least_once allows."""
    producer = await producer_of(KafkaSettings(idempotence=False), None)

    assert producer._txn_manager is None


@pytest.mark.parametrize(
    ("begun", "pauses_s"), [(False, [0.003]), (True, [0.1])], ids=["the one before", "this one"]
)
async def test_a_transaction_begins_soon_after_the_end_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch, *, begun: bool, pauses_s: list[float]
) -> None:
    """Its markers take some 3 ms and aiokafka asks again after 20; other trouble waits as ever."""
    producer = await producer_of(KafkaSettings(), "app-3")
    manager, sender = producer._txn_manager, producer._sender
    manager.set_pid_and_epoch(1, 0)
    manager.begin_transaction()
    topics = ["items", "scores"] if begun else ["scores"]
    for topic in topics:
        manager.maybe_add_partition_to_txn(TopicPartition(topic, 0))
    if begun:
        manager.partition_added(TopicPartition("items", 0))
    answers = [ConcurrentTransactions.errno, 0]
    pauses: list[float] = []

    async def answer(_node: int, request: Any, **_: Any) -> Any:
        return SimpleNamespace(errors=[("scores", [(0, answers.pop(0))])])

    async def coordinator(*_: Any) -> int:
        return 1

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    sender.client.send = answer
    sender._find_coordinator = coordinator
    monkeypatch.setattr("aiokafka.producer.sender.asyncio.sleep", sleep)

    assert not await sender._do_add_partitions_to_txn(manager.partitions_to_add())
    assert await sender._do_add_partitions_to_txn(manager.partitions_to_add())

    assert pauses == pauses_s
    assert manager.txn_partitions == {TopicPartition(topic, 0) for topic in topics}


async def test_offsets_are_committed_when_a_transaction_s_records_are_acknowledged() -> None:
    """The broker asks one transactional id's coordinator twice otherwise, and refuses a record."""
    producer = await producer_of(KafkaSettings(), "app-3")
    manager, sender = producer._txn_manager, producer._sender
    accumulator, tp = producer._message_accumulator, TopicPartition("scores", 0)
    manager.set_pid_and_epoch(1, 0)
    manager.begin_transaction()
    manager.add_offsets_to_txn({tp: OffsetAndMetadata(7, "")}, "group")
    assert manager.consumer_group_to_add() == "group"  # this may go beside the records
    manager.consumer_group_added("group")

    accumulator._batches[tp].append("records that wait")
    waiting = manager.offsets_to_commit()
    del accumulator._batches[tp]
    sender._in_flight.add(1)
    on_their_way = manager.offsets_to_commit()
    sender._in_flight.discard(1)

    assert (waiting, on_their_way) == (None, None)
    assert manager.offsets_to_commit() == ({tp: OffsetAndMetadata(7, "")}, "group")


async def test_the_recovery_reads_what_is_committed_from_the_beginning() -> None:
    """Without a group: nobody's position is moved by it."""
    consumer: AIOKafkaConsumer = changelog_consumer_factory(KafkaSettings(), client_id="test")()

    assert consumer._isolation_level == "read_committed"
    assert consumer._auto_offset_reset == "earliest"
    assert consumer._group_id is None
    await consumer.stop()


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
def test_faust_is_told_who_we_are_always_with_a_tls_context(mechanism: str) -> None:
    """Without one its SASL credentials mean no encryption, in silence."""
    security = {
        "protocol": "SASL_SSL",
        "username": "ckm",
        "password": "hunter2",
        "mechanism": mechanism,
    }

    credentials = settings_of(security=security)["broker_credentials"]

    told = credentials_to_aiokafka_auth(credentials)
    assert isinstance(told["ssl_context"], ssl.SSLContext)
    assert {name: told[name] for name in told if name != "ssl_context"} == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "ckm",
        "sasl_plain_password": "hunter2",
    }


def test_faust_speaks_tls_without_a_user_name() -> None:
    """A certificate is in the context; plain text needs nothing."""
    told = credentials_to_aiokafka_auth(
        settings_of(security={"protocol": "SSL"})["broker_credentials"]
    )

    assert told["security_protocol"] == "SSL"
    assert isinstance(told["ssl_context"], ssl.SSLContext)
    assert settings_of()["broker_credentials"] is None


class EmptyCluster:
    """A client whose cluster names no broker at first."""

    def __init__(self) -> None:
        self.nodes: list[int] = []

    def get_random_node(self) -> int | None:
        """Return a broker if there is one."""
        return next(iter(self.nodes), None)

    async def coordinator_lookup(self, *_: object) -> int:
        """Return the coordinator; aiokafka's fails with an AssertionError if there is no broker."""
        node = self.get_random_node()
        assert node is not None
        return node


async def test_a_cluster_that_names_no_broker_is_asked_again() -> None:
    """The error is one that aiokafka waits and retries after; then the lookup is the client's."""
    client = EmptyCluster()
    await_brokers(client)

    with pytest.raises(NodeNotReadyError) as found:
        await client.coordinator_lookup("group", "g")
    assert found.value.retriable
    client.nodes = [1]
    assert await client.coordinator_lookup("group", "g") == 1
