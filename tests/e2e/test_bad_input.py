"""Bad records: each to the dead letters once, bytes untouched, its neighbours applied."""

from collections.abc import Sequence
from zlib import crc32

import msgspec
import pytest
from aiokafka.partitioner import murmur2

from ckm_stream.domain.events import Call, Event, Feedback, Purchase
from ckm_stream.errors import Reason
from ckm_stream.settings import Guarantee
from tests.e2e.conftest import Install, Simulated
from tests.support.installation import Installation
from tests.support.producing import RawRecord, produce_raw
from tests.support.reading import ReadRecord
from tests.support.verify import Published

pytestmark = pytest.mark.timeout(240)
_BIG = 10 * 1024 * 1024
_YEAR_US = 365 * 86_400 * 1_000_000


def bad_records(service: Installation, good: Sequence[Event]) -> list[tuple[RawRecord, Reason]]:
    """Return one record for each way of being wrong, and the verdict that it must get."""
    purchase = next(event for event in good if isinstance(event, Purchase))
    feedback = next(event for event in good if isinstance(event, Feedback))
    topic, key = service.topics.purchase, purchase.customer_id.encode()
    value = service.codec.encode(purchase)

    def changed(**changes: object) -> RawRecord:
        event = msgspec.structs.replace(purchase, event_id="bad", **changes)
        return RawRecord(topic, event.customer_id.encode(), service.codec.encode(event))

    def raw(data: bytes | None) -> RawRecord:
        return RawRecord(topic, key, data)

    def rated(novelty: float) -> RawRecord:
        event = msgspec.structs.replace(feedback, event_id="bad", novelty=novelty)
        key = event.customer_id.encode()
        return RawRecord(service.topics.feedback, key, service.codec.encode(event))

    landmark_us = service.settings.scoring.landmark_s * 1_000_000
    return [
        (raw(b"these bytes are no event"), Reason.NOT_FRAMED),
        (raw(b""), Reason.NOT_FRAMED),
        (raw(b"\x00"), Reason.NOT_FRAMED),
        (raw(b"\x00\x7f\xff\xff\xff" + value[5:]), Reason.SCHEMA_UNKNOWN),
        (raw(value[:-7]), Reason.UNDECODABLE),
        (raw(value + b"\x00"), Reason.UNDECODABLE),
        (raw(service.codec.encode(feedback)), Reason.SCHEMA_MISMATCH),
        (raw(None), Reason.NULL_VALUE),
        (RawRecord(topic, b"somebody else", value), Reason.KEY_MISMATCH),
        (RawRecord(topic, b"\xff\xfe", value), Reason.KEY_MISMATCH),
        (RawRecord(topic, None, value), Reason.KEY_MISMATCH),
        (changed(occurred_at=landmark_us - 1), Reason.BEFORE_LANDMARK),
        (changed(occurred_at=purchase.occurred_at + 300 * _YEAR_US), Reason.IN_FUTURE),
        (rated(float("nan")), Reason.NOT_FINITE),
        (rated(float("inf")), Reason.NOT_FINITE),
        (rated(1.5), Reason.OUT_OF_RANGE),
        (changed(amount=-1), Reason.NEGATIVE),
        (changed(customer_id=""), Reason.EMPTY_IDENTIFIER),
        (raw(value + b"\x00" * (_BIG - len(value))), Reason.TOO_LARGE),
    ]


def test_each_bad_record_is_set_aside_once_and_its_neighbours_are_applied(
    install: Install, simulated: Simulated, guarantee: Guarantee
) -> None:
    """Each way of being wrong, among good events: one dead letter each, and nothing missing."""
    events = simulated(100, 1600)
    service = install(guarantee)
    bad = bad_records(service, events)
    step = len(events) // len(bad)

    service.start()
    for number, (record, _) in enumerate(bad):
        service.publish(events[number * step : (number + 1) * step])
        produce_raw(service.settings.kafka.bootstrap_servers, [record])
    service.publish(events[len(bad) * step :])
    service.wait_until_stored(service.expected(events))
    service.wait_until_dead_lettered(len(bad))
    service.wait_until_quiet()

    assert service.problems() == []
    published = service.read()
    assert sorted(map(verdict_of, published.dead_letters)) == sorted(
        (reason.value, record.key or b"", digest(record.value)) for record, reason in bad
    )
    assert_names_its_record(published)
    counts = service.metrics()
    assert counts["ckm_events_dead_lettered_total"] == len(bad)
    assert counts["ckm_events_unaccounted"] == 0


def digest(value: bytes | None) -> str:
    """Stand for a value in a comparison that may fail: one of them is 10 MB long."""
    return "none" if value is None else f"{len(value)} bytes, {crc32(value):08x}"


def verdict_of(letter: ReadRecord) -> tuple[str, bytes, str]:
    """Return why a record was set aside, its key and its value's digest."""
    return (letter.header("ckm.reason") or b"").decode(), letter.key or b"", digest(letter.value)


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
