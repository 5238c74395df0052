"""Bad records: each to the dead letters once, bytes untouched, its neighbours applied."""

from collections.abc import Sequence

import msgspec
import pytest
from aiokafka.partitioner import murmur2

from ckm_stream.domain.events import Call, Event, Feedback, Purchase
from ckm_stream.errors import Reason
from tests.e2e.conftest import Install, Simulated
from tests.support.installation import Installation
from tests.support.producing import RawRecord, produce_raw

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

    rated = msgspec.structs.replace(feedback, event_id="bad", novelty=float("nan"))
    landmark_us = service.settings.scoring.landmark_s * 1_000_000
    return [
        (raw(b"these bytes are no event"), Reason.NOT_FRAMED),
        (raw(b""), Reason.NOT_FRAMED),
        (raw(b"\x00"), Reason.NOT_FRAMED),
        (raw(b"\x00\x7f\xff\xff\xff" + value[5:]), Reason.SCHEMA_UNKNOWN),
        (raw(value[:-7]), Reason.UNDECODABLE),
        (raw(service.codec.encode(feedback)), Reason.SCHEMA_MISMATCH),
        (raw(None), Reason.NULL_VALUE),
        (RawRecord(topic, b"somebody else", value), Reason.KEY_MISMATCH),
        (RawRecord(topic, None, value), Reason.KEY_MISMATCH),
        (changed(occurred_at=landmark_us - 1), Reason.BEFORE_LANDMARK),
        (changed(occurred_at=purchase.occurred_at + 300 * _YEAR_US), Reason.IN_FUTURE),
        (
            RawRecord(
                service.topics.feedback, rated.customer_id.encode(), service.codec.encode(rated)
            ),
            Reason.NOT_FINITE,
        ),
        (changed(amount=-1), Reason.NEGATIVE),
        (changed(customer_id=""), Reason.EMPTY_IDENTIFIER),
        (raw(value + b"\x00" * (_BIG - len(value))), Reason.TOO_LARGE),
    ]


def test_each_bad_record_is_set_aside_once_and_its_neighbours_are_applied(
    install: Install, simulated: Simulated
) -> None:
    """Fifteen kinds of bad record among good ones: fifteen dead letters, and nothing missing."""
    events = simulated(100, 1500)
    service = install()
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
    letters = service.read().dead_letters
    expected = sorted((r.key or b"-", r.value or b"-", reason.value) for r, reason in bad)
    found = sorted(
        (r.key or b"-", r.value or b"-", (r.header("ckm.reason") or b"").decode()) for r in letters
    )
    assert [(k, v[:80], r) for k, v, r in found] == [(k, v[:80], r) for k, v, r in expected]
    assert found == expected
    counts = service.metrics()
    assert counts["ckm_events_dead_lettered_total"] == len(bad)
    assert counts["ckm_events_unaccounted"] == 0


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
