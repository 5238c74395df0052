"""Forwarded events that are sent again count once, also beyond the horizon of the seen ids."""

from dataclasses import replace

import pytest

from ckm_stream.codec.state import decode_employee
from ckm_stream.codec.topics import Source
from ckm_stream.domain.profile import Delivery
from ckm_stream.pipeline.fold import EMPLOYEES
from ckm_stream.pipeline.origin import HEADER, Origin, advance
from ckm_stream.pipeline.records import Headers
from tests.support.touchpoints import T0_S, call, contact
from tests.support.units import (
    PARTITION,
    POLICY,
    States,
    core_over,
    fold_unit,
    record,
    slice_of,
)

_MANY = POLICY.seen_capacity + 10
_KEY = b"e-1"


def origin(offset: int, *, source: Source = Source.CALL, partition: int = 0) -> Headers:
    """Return the headers of what a record at *offset* forwards."""
    return (Origin(source, partition, offset).header(),)


def test_what_was_forwarded_before_is_told_by_its_origin() -> None:
    """The same or an earlier offset of an origin is a repetition; other origins are not."""
    delivery = Delivery.empty(0)

    assert advance(delivery, origin(7))
    assert not advance(delivery, origin(7))
    assert not advance(delivery, origin(3))
    assert advance(delivery, origin(8))
    assert advance(delivery, origin(3, source=Source.TICKET))
    assert advance(delivery, origin(3, partition=1))


def test_what_is_kept_of_an_origin_is_numbered_as_ever() -> None:
    """Six to a partition, however many sources there are: the numbers are in stored states."""
    delivery = Delivery.empty(0)

    for source in (Source.CALL, Source.FEEDBACK):
        for partition in (0, 2):
            assert advance(delivery, origin(5, source=source, partition=partition))

    assert delivery.origins == {0: 5, 12: 5, 3: 5, 15: 5}


@pytest.mark.parametrize(
    "value", [b"", b"0:0", b"x:0:1", b"9:0:1", b"0:-1:1", b"0:0:" + b"9" * 30, b"\xff"]
)
def test_a_header_that_is_no_origin_is_passed_over(value: bytes) -> None:
    """Whatever somebody else writes there, the record is judged by its event id alone."""
    delivery = Delivery.empty(0)

    assert advance(delivery, [(HEADER, value)])
    assert delivery == Delivery.empty(0)


def test_an_event_s_forwards_carry_its_origin_and_their_partition() -> None:
    """Two events of a slice forward under the offsets that they have."""
    handled = [call(each, employee_id="e-1") for each in ("a", "b")]

    effects = fold_unit(
        core_over(States(), partition_of=lambda key: 5 if key == _KEY else PARTITION),
        slice_of([record(4, handled[0]), record(9, handled[1])], Source.CALL),
    )

    assert [(sent.partition, sent.headers) for sent in effects.forwarded] == [
        (5, origin(4, partition=PARTITION)),
        (5, origin(9, partition=PARTITION)),
    ]


def handled_twice(*, with_origins: bool) -> int:
    """Return the version of an employee whose contacts, more than seen ids, are all sent again."""
    contacts = [contact(f"c{number}", T0_S + number) for number in range(_MANY)]
    records = [
        replace(record(offset, event), headers=origin(offset % _MANY) if with_origins else ())
        for offset, event in enumerate([*contacts, *contacts])
    ]
    states = States()
    states.keep(fold_unit(core_over(states), slice_of(records[:_MANY], Source.EMPLOYEE)))
    states.keep(fold_unit(core_over(states), slice_of(records[_MANY:], Source.EMPLOYEE)))
    return decode_employee(states.data[EMPLOYEES, _KEY], POLICY).delivery.version


def test_more_events_than_seen_ids_may_be_sent_again() -> None:
    """74 contacts forwarded twice, as after a kill, count as 74."""
    assert handled_twice(with_origins=True) == _MANY


def test_control_without_origins_they_count_twice() -> None:
    """Red without the mechanism: those older than all of the seen ids are taken as new."""
    assert handled_twice(with_origins=False) > _MANY
