"""Bad records: each to the dead letters once, bytes untouched, its neighbours applied."""

from collections.abc import Sequence
from zlib import crc32

import pytest
from aiokafka.partitioner import murmur2

from ckm_stream.domain.events import Call, TouchpointEvent
from ckm_stream.settings import Guarantee
from tests.e2e.conftest import Install, Simulated
from tests.support.bad_input import BadInput, varied
from tests.support.broker import Broker, BrokerKind
from tests.support.installation import Installation
from tests.support.producing import RawRecord, produce_raw
from tests.support.reading import ReadRecord
from tests.support.verify import Published

pytestmark = pytest.mark.timeout(240)
_STEPS = 20
#: What a record carries of its own; both stay, whatever a dead letter adds.
_TRACE = ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
#: Promise P6: 1 % among 20,000; and a mix for what takes its time, of one of each family.
_MANY = (20_000, 200)
_SOME = (2_000, 79)


def publish_mixed(
    service: Installation, good: Sequence[TouchpointEvent], bad: Sequence[RawRecord]
) -> None:
    """Publish some of the good, some of the bad, and so on, until both have been."""
    servers = service.settings.kafka.bootstrap_servers
    with service.publisher() as publisher:
        for step in range(_STEPS):
            for event in good[step::_STEPS]:
                publisher.publish(event)
            publisher.flush()
            produce_raw(servers, list(bad[step::_STEPS]))


def raw(service: Installation, number: int, each: BadInput) -> RawRecord:
    """Return the record of a bad input; its headers say which one it is."""
    name = ("bad-input", f"{number} {each.name}".encode())
    return RawRecord(service.topics.of(each.source), each.key, each.value, headers=(name, _TRACE))


def test_each_bad_record_is_set_aside_once_and_its_neighbours_are_applied(
    install: Install, simulated: Simulated, guarantee: Guarantee, broker: Broker
) -> None:
    """Every way of being wrong, among good events: one dead letter each, and nothing missing."""
    is_whole = broker.kind is BrokerKind.KAFKA and guarantee is Guarantee.EXACTLY_ONCE
    good_count, bad_count = _MANY if is_whole else _SOME
    events = simulated(good_count // 20, good_count)
    service = install(guarantee)
    bad = varied(bad_count, sorted({event.customer_id for event in events})[:12])
    records = [raw(service, number, each) for number, each in enumerate(bad)]

    service.start()
    publish_mixed(service, events, records)
    service.wait_until_stored(service.expected(events))
    service.wait_until_dead_lettered(len(bad))
    service.wait_until_quiet()

    assert len({each.family for each in bad}) >= 60
    assert service.problems() == []
    published = service.read()
    assert sorted(map(verdict_of, published.dead_letters)) == sorted(
        (each.reason.value, repr(each.key), digest(each.value), repr(record.headers))
        for each, record in zip(bad, records, strict=True)
    )
    assert_names_its_record(published)
    counts = service.metrics()
    assert counts["ckm_events_dead_lettered_total"] == len(bad)
    assert counts["ckm_events_unaccounted"] == 0


def test_control_without_its_dead_letters_a_bad_record_is_lost(
    install: Install, simulated: Simulated
) -> None:
    """Step 4 off: the offset moves past bad records that are nowhere else, and it shows."""
    events = simulated(20, 200)
    service = install()
    service.worker = service.new_faulty("worker", "without_dead_letters")
    bad = varied(10, [events[0].customer_id])

    service.start()
    publish_mixed(service, events, [raw(service, n, each) for n, each in enumerate(bad)])
    service.wait_until_stored(service.expected(events))
    service.wait_until_consumed()
    service.wait_until_quiet()

    assert service.problems() == [f"{len(bad)} dead letters missing"]


def digest(value: bytes | None) -> str:
    """Stand for a value in a comparison that may fail: one of them is 10 MB long."""
    return "none" if value is None else f"{len(value)} bytes, {crc32(value):08x}"


def verdict_of(letter: ReadRecord) -> tuple[str, str, str, str]:
    """Return why a record was set aside, its key, its value's digest and its own headers."""
    reason = (letter.header("ckm.reason") or b"").decode()
    own = tuple(each for each in letter.headers if not each[0].startswith(("ckm.", "__connect.")))
    return reason, repr(letter.key), digest(letter.value), repr(own)


def assert_names_its_record(published: Published) -> None:
    """Each dead letter says where its record was, and has that record's key and bytes."""
    consumed = {
        (record.topic, record.partition, record.offset): (record.key, record.value)
        for records in published.sources.values()
        for record in records
    }
    for letter in published.dead_letters:
        topic, partition, offset = (
            (letter.header(f"__connect.errors.{name}") or b"").decode()
            for name in ("topic", "partition", "offset")
        )
        assert consumed[topic, int(partition), int(offset)] == (letter.key, letter.value)


def test_a_record_in_another_key_s_partition_does_not_make_a_second_customer(
    install: Install, simulated: Simulated
) -> None:
    """A producer with another partitioner gets its new customers' records set aside."""
    events = simulated(20, 100)
    service = install()
    event = next(each for each in events if isinstance(each, Call))
    key = event.customer_id.encode()
    partitions = service.settings.kafka.partitions
    home = (murmur2(key) & 0x7FFFFFFF) % partitions
    wrong = RawRecord(
        service.topics.call, key, service.codec.encode(event), partition=(home + 1) % partitions
    )

    service.start()
    produce_raw(service.settings.kafka.bootstrap_servers, [wrong])
    service.wait_until_dead_lettered(1)
    service.publish(events)
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    letters = service.read().dead_letters
    assert [record.header("ckm.reason") for record in letters] == [b"key_mismatch"]
    assert (
        len({record.partition for record in service.read().profile_changelog if record.key == key})
        == 1
    )
