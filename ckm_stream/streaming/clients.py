"""aiokafka clients and Faust settings, made from ours in one place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiokafka
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import NodeNotReadyError
from aiokafka.producer.sender import BACKOFF_OVERRIDE, AddPartitionsToTxnHandler
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT
from yarl import URL

from ckm_stream.credentials import SecurityProtocol, SecuritySettings
from ckm_stream.operations.security import client_options
from ckm_stream.settings import CoreKind, Guarantee, KafkaSettings, TransportKind
from ckm_stream.streaming.fetching import consumer_class

#: A 10 MiB record and its headers must fit into a dead letter.
MAX_RECORD_BYTES = 12 << 20
_BATCH_BYTES = 1 << 20
_LONGEST_HEARTBEAT_S = 3.0
# aiokafka 0.14 runs lz4 at level 9: 20 MB/s for our states and 18 µs an event, at a ratio of 2.6.
# Snappy takes a tenth of that, at a ratio of 2.2.
_COMPRESSION = "snappy"
_BEGIN_AGAIN_S = 0.003
_YEAR_S = 365 * 86400.0
# Two batches of states as they are written. What takes a mebibyte or more has new pages each time
# (streaming/worker.py), which costs more than what is done with them: 1 µs a record.
_RECOVERED_BYTES = 900_000
# More would be decoded than is kept: the values of one fetch may be 100 MB.
_MOST_RECOVERED_AT_ONCE = 5_000


def producer_factory(
    kafka: KafkaSettings, *, client_id: str
) -> Callable[[str | None], aiokafka.AIOKafkaProducer]:
    """Return a builder of producers; with a transactional id the producer is transactional."""
    security = client_options(kafka.security)

    def build(transactional_id: str | None) -> aiokafka.AIOKafkaProducer:
        extra: dict[str, Any] = {}
        if transactional_id is not None:
            extra["transactional_id"] = transactional_id
            extra["transaction_timeout_ms"] = int(kafka.transaction_timeout_s * 1000)
        elif kafka.idempotence:
            extra["enable_idempotence"] = True
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap_servers,
            client_id=client_id,
            acks="all",
            max_batch_size=_BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES,
            request_timeout_ms=int(kafka.request_timeout_s * 1000),
            compression_type=_COMPRESSION,
            **security,
            **extra,
        )
        await_brokers(producer.client)
        if transactional_id is not None:
            begin_soon(producer)
            commit_offsets_last(producer)
        return producer

    return build


class _AddPartitionsSoon(AddPartitionsToTxnHandler):  # type: ignore[misc] # aiokafka has no types
    """Puts partitions into a transaction, and asks again soon if the one before is being ended."""

    def handle_response(self, resp: Any) -> float | None:
        backoff: float | None = super().handle_response(resp)
        return _BEGIN_AGAIN_S if backoff == BACKOFF_OVERRIDE else backoff


def begin_soon(producer: aiokafka.AIOKafkaProducer) -> None:
    """
    Let *producer* begin a transaction soon after the one before.

    The coordinator answers a commit before its markers are written, and refuses the next
    transaction until they are, some 3 ms later. aiokafka 0.14 asks again after 20 ms.
    """
    sender = producer._sender  # noqa: SLF001 -- no setting reaches it

    async def add_partitions(tps: Any) -> Any:
        transactional_id = sender._txn_manager.transactional_id  # noqa: SLF001 -- likewise
        node = await sender._find_coordinator(CoordinationType.TRANSACTION, transactional_id)  # noqa: SLF001 -- likewise
        return await _AddPartitionsSoon(sender, tps).do(node)

    sender._do_add_partitions_to_txn = add_partitions  # noqa: SLF001 -- likewise


def commit_offsets_last(producer: aiokafka.AIOKafkaProducer) -> None:
    """
    Let *producer* commit a transaction's offsets when its records are acknowledged, not before.

    The broker asks the transaction's coordinator whether the transaction is there, for the records
    as for the offsets. Asked twice at once by one transactional id, it refuses the first (Kafka's
    AddPartitionsToTxnManager, KIP-890): NOT_ENOUGH_REPLICAS, tried again 100 ms later. 4 % of small
    transactions took that long.
    """
    manager, sender = producer._txn_manager, producer._sender  # noqa: SLF001 -- no setting reaches them
    offsets_to_commit = manager.offsets_to_commit

    def offsets_when_alone() -> Any:
        is_sending = sender._in_flight or producer._message_accumulator._batches  # noqa: SLF001 -- likewise
        return None if is_sending else offsets_to_commit()

    manager.offsets_to_commit = offsets_when_alone


def await_brokers(client: AIOKafkaClient) -> None:
    """
    Let *client* look for coordinators again and again while the cluster names no broker.

    One that has just come back may answer so until its controller has heard of it; aiokafka 0.14
    asserts that there is one.
    """
    look_up = client.coordinator_lookup

    async def looking(*args: Any) -> Any:
        if client.get_random_node() is None:
            raise NodeNotReadyError("the cluster names no broker yet")
        return await look_up(*args)

    client.coordinator_lookup = looking


def changelog_consumer_factory(
    kafka: KafkaSettings, *, client_id: str, core: CoreKind = CoreKind.AUTO
) -> Callable[[], aiokafka.AIOKafkaConsumer]:
    """Return a builder of group-less, read-committed consumers for recovery."""
    security = client_options(kafka.security)
    new_consumer = consumer_class(core)

    def build() -> aiokafka.AIOKafkaConsumer:
        return new_consumer(
            bootstrap_servers=kafka.bootstrap_servers,
            client_id=f"{client_id}-recovery",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            request_timeout_ms=int(kafka.request_timeout_s * 1000),
            max_partition_fetch_bytes=_RECOVERED_BYTES,
            fetch_max_bytes=2 * _RECOVERED_BYTES,
            max_poll_records=_MOST_RECOVERED_AT_ONCE,
            fetch_max_wait_ms=50,
            **security,
        )

    return build


def faust_settings(kafka: KafkaSettings, *, group_id: str, data_dir: Path) -> dict[str, Any]:
    """Return the settings of a Faust app; the reasons are in docs/adr/0002-faust.md."""
    scheme = "ckm" if kafka.transport is TransportKind.CKM else "kafka"
    servers = kafka.bootstrap_servers.split(",")
    return {
        "id": group_id,
        "datadir": data_dir / "faust",  # its tables' place; ours need none
        "broker": [URL(f"{scheme}://{server.strip()}") for server in servers],
        "broker_credentials": faust_credentials(kafka.security),
        "broker_client_id": group_id,
        "broker_commit_interval": 1.0,
        "broker_commit_livelock_soft_timeout": _YEAR_S,
        "broker_session_timeout": kafka.session_timeout_s,
        # An idle worker hears from the broker by its heartbeats alone, so not less than that often.
        "broker_heartbeat_interval": min(kafka.session_timeout_s / 5, _LONGEST_HEARTBEAT_S),
        "broker_rebalance_timeout": max(kafka.session_timeout_s, 60.0),
        "broker_request_timeout": max(kafka.request_timeout_s, kafka.session_timeout_s),
        "broker_max_poll_records": kafka.max_poll_records,
        "broker_max_poll_interval": _YEAR_S,
        "consumer_max_fetch_size": kafka.fetch_max_bytes,
        "consumer_auto_offset_reset": "earliest",
        "producer_request_timeout": kafka.request_timeout_s,
        "stream_wait_empty": False,  # the lanes drop what is queued; see lanes.close
        "stream_recovery_delay": 0.0,
        "table_standby_replicas": 0,
        "table_cleanup_interval": 86400.0,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "topic_partitions": kafka.partitions,
        "topic_replication_factor": kafka.replication_factor,
        "store": "memory://",
        "web_enabled": False,
        "worker_redirect_stdouts": False,
        "recovery_consistency_check": False,
        "autodiscover": False,
    }


def faust_credentials(security: SecuritySettings) -> CredentialsT | None:
    """
    Return who we are, as Faust tells aiokafka.

    Always with a TLS context of ours: without one ``SASLCredentials`` means no encryption, in
    silence, and ``SSLCredentials`` cannot be made.
    """
    options = client_options(security)
    match security.protocol:
        case SecurityProtocol.PLAINTEXT:
            return None
        case SecurityProtocol.SSL:
            return SSLCredentials(options["ssl_context"])
        case SecurityProtocol.SASL_SSL:
            return SASLCredentials(
                username=options["sasl_plain_username"],
                password=options["sasl_plain_password"],
                ssl_context=options["ssl_context"],
                mechanism=options["sasl_mechanism"],
            )


def is_transactional(kafka: KafkaSettings) -> bool:
    """Tell whether units are Kafka transactions."""
    return kafka.guarantee is Guarantee.EXACTLY_ONCE
