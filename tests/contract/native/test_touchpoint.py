"""Reading events in C: what is plain there, the Python codec and checks accept as well."""

import sys
from dataclasses import replace
from enum import StrEnum
from itertools import islice, product
from math import inf, nan
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EVENT_TYPES, MAX_VALUE_BYTES, EventCodec, source_of
from ckm_stream.codec.framing import HEADER_BYTES
from ckm_stream.codec.topics import SOURCE_TOPICS, Source, subject_of
from ckm_stream.codec.varints import write_long
from ckm_stream.domain import events as domain
from ckm_stream.domain.checks import MAX_AMOUNT, check_event
from ckm_stream.domain.events import MICROS, Event, PurchaseLine
from ckm_stream.errors import RejectedRecord
from ckm_stream.publishing.demo_events import demo_events
from ckm_stream.publishing.simulate import Order, simulated_events
from ckm_stream.simulation.customers import SimulationPlan
from tests.support.touchpoints import (
    POLICY,
    T0_S,
    call,
    contact,
    feedback,
    order,
    profile_events,
    reading,
    referral,
    ticket,
)

pytest.importorskip("ckm_stream.native.touchpoint", reason="the compiled core is not built")

from ckm_stream.native.choices import Choices
from ckm_stream.native.touchpoint import PLACES, SYMBOLS, is_plain

CATALOGUE: Final = Catalogue.load()
CODEC: Final = EventCodec(CATALOGUE)
CHOICES: Final = Choices(POLICY)
AT: Final = T0_S * MICROS
LANDMARK: Final = POLICY.landmark_s * MICROS
HORIZON: Final = (POLICY.landmark_s + POLICY.horizon_s) * MICROS
TOLERANCE: Final = POLICY.max_future_s * MICROS
LONGEST: Final = (1 << 63) - 1

EVENTS: Final = (call(), ticket(), order(), feedback(), referral(), reading(), contact())
WITH_TOPICS: Final = (*EVENTS[:4], reading())
DRAWN: Final = st.one_of(profile_events(), st.just(contact()))


def reads(
    source: Source,
    value: bytes,
    timestamp_ms: int = -1,
    *,
    checked: bool = False,
    choices: Choices = CHOICES,
) -> bool:
    """Say whether *value* is plain."""
    return is_plain(source, value, timestamp_ms, choices, checked=checked)


def accepts(source: Source, value: bytes, timestamp_ms: int = -1) -> bool:
    """Say whether the reference takes *value*; it compares the key too, which is not read here."""
    try:
        event = CODEC._readers[source](value)
        check_event(event, record_timestamp_ms=timestamp_ms, policy=POLICY)
    except RejectedRecord:
        return False
    return True


def plain(event: Event, timestamp_ms: int = -1, *, checked: bool = False) -> bool:
    """Say whether the event's own bytes are plain."""
    return reads(source_of(event), CODEC.encode(event), timestamp_ms, checked=checked)


def changed(event: Any, **changes: Any) -> Any:
    """Return *event* with other fields."""
    return msgspec.structs.replace(event, **changes)


def line(**changes: Any) -> PurchaseLine:
    """Return a line of an order."""
    fields: dict[str, Any] = {"sku": "s", "category": "tea", "quantity": 1, "amount": 5}
    return PurchaseLine(**fields | changes)


def with_reason(reason: bytes) -> bytes:
    """Return a call whose reason, of at most 63 bytes, is not held to be UTF-8."""
    return CODEC.encode(call(reason="@" * len(reason))).replace(b"@" * len(reason), reason)


def with_items(items: bytes) -> bytes:
    """Return a call whose topics, none, are other bytes; before them nothing is null."""
    without = CODEC.encode(call(employee_id="e-1", referred_by="c-9"))
    return without.replace(b"c-9\0", b"c-9" + items)


@given(DRAWN)
def test_drawn_events_are_plain(event: Event) -> None:
    """Every event of the strategies is plain once it is recorded in time."""
    event = changed(event, recorded_at=event.occurred_at)
    assert plain(event)
    assert plain(event, event.occurred_at // 1000 + 1)
    assert plain(event, checked=True)


def test_simulated_events_are_plain() -> None:
    """Thousands of simulated events are all plain, and so are real purchases."""
    plan = SimulationPlan(customers=200, seed=7)
    simulated = [*simulated_events(plan, Order.CUSTOMER)]
    assert len(simulated) > 3000
    early = replace(POLICY, landmark_s=0)
    real = [*islice(demo_events(7), 1000)]
    for choices, happened in ((CHOICES, simulated), (Choices(early), real)):
        for event in happened:
            assert reads(source_of(event), CODEC.encode(event), choices=choices)


@given(
    event=DRAWN,
    how=st.sampled_from(["flip", "cut", "insert", "remove", "repeat"]),
    place=st.integers(0, 400),
    byte=st.integers(0, 255),
    timestamp_ms=st.sampled_from([-1, AT // 1000, LONGEST]),
)
@example(event=call(), how="cut", place=0, byte=0, timestamp_ms=-1)
def test_what_is_plain_is_accepted(
    event: Event, how: str, place: int, byte: int, timestamp_ms: int
) -> None:
    """Whatever byte is changed, nothing is plain that the reference rejects."""
    source, value = source_of(event), CODEC.encode(event)
    at = HEADER_BYTES + place % (len(value) - HEADER_BYTES)
    value = {
        "flip": value[:at] + bytes([byte]) + value[at + 1 :],
        "cut": value[:at],
        "insert": value[:at] + bytes([byte]) + value[at:],
        "remove": value[:at] + value[at + 1 :],
        "repeat": value[:at] + value[HEADER_BYTES:],
    }[how]
    if reads(source, value, timestamp_ms):
        assert accepts(source, value, timestamp_ms)
    if reads(source, value, timestamp_ms, checked=True):
        CODEC._readers[source](value)


@given(st.sampled_from(Source), st.binary(max_size=80))
def test_any_bytes_get_an_answer(source: Source, body: bytes) -> None:
    """Bytes that no producer wrote are read to their end at most, and believed only if right."""
    value = CODEC.head(source) + body
    for end in (0, 3, len(value)):
        if reads(source, value[:end]):
            assert accepts(source, value[:end])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_bytes_behind_the_body_are_not_plain(event: Event) -> None:
    """The body ends with the value, and every shorter one is cut off."""
    source, value = source_of(event), CODEC.encode(event)
    assert reads(source, value, checked=True)
    assert not reads(source, value + b"\0", checked=True)
    for end in range(HEADER_BYTES, len(value)):
        assert not reads(source, value[:end], checked=True)


WRONG: Final = (
    *(changed(event, event_id="") for event in EVENTS),
    *(changed(event, event_id=" \t\u3000") for event in EVENTS[4:]),
    *(changed(event, event_id="x" * 257) for event in EVENTS),
    *(changed(event, source=" \x1f\u2003\u1680\x85\xa0") for event in EVENTS[4:]),
    *(changed(event, source="x" * 201) for event in EVENTS),
    *(changed(event, occurred_at=LANDMARK - 1) for event in EVENTS),
    *(changed(event, occurred_at=event.recorded_at + TOLERANCE + 1) for event in EVENTS),
    *(changed(event, occurred_at=HORIZON + 1, recorded_at=LONGEST) for event in EVENTS),
    *(changed(event, occurred_at=-LONGEST - 1, recorded_at=-LONGEST - 1) for event in EVENTS),
    *(changed(event, customer_id="\u2029") for event in EVENTS[:5]),
    *(changed(event, employee_id="") for event in EVENTS[:4]),
    *(changed(event, referred_by="\u3000") for event in EVENTS[:4]),
    *(changed(event, correlation_id="x" * 501) for event in EVENTS[:4]),
    *(changed(event, topics=("x",) * 101) for event in EVENTS[:4]),
    *(changed(event, topics=("", "x" * 501)) for event in EVENTS[:4]),
    *(changed(event, consent={"x" * 501: True}) for event in EVENTS[:4]),
    *(changed(event, consent=dict.fromkeys(map(str, range(101)), True)) for event in EVENTS[:4]),
    contact(employee_id=" "),
    *(call(wait_s=wait_s) for wait_s in (-0.1, nan, inf, -inf)),
    *(call(duration_s=duration_s) for duration_s in (-1e-300, nan, inf)),
    *(call(satisfaction=satisfaction) for satisfaction in (-1, 0, 6, 2**31 - 1)),
    call(reason="x" * 501),
    call(note="x" * 100_001),
    ticket(ticket_id="\n"),
    ticket(ticket_id="x" * 201),
    ticket(category="x" * 501),
    ticket(product="x" * 501),
    ticket(text="x" * 100_001),
    ticket(knowledge_article_id="x" * 501),
    order(order_id=""),
    order(currency="x" * 501),
    *(order(amount=amount) for amount in (-1, MAX_AMOUNT + 1, -LONGEST - 1)),
    *(order(cost=cost) for cost in (-1, MAX_AMOUNT + 1, LONGEST)),
    order(campaign_id="x" * 501),
    order(lines=(line(),) * 10_001),
    order(lines=(line(), line(sku="x" * 501))),
    order(lines=(line(category="x" * 501),)),
    order(lines=(line(quantity=-1),)),
    *(order(lines=(line(amount=amount), line())) for amount in (-1, MAX_AMOUNT + 1)),
    feedback(feedback_id="\x1c"),
    *(changed(event, source="a\0b") for event in EVENTS),
    feedback(feedback_id="é\0"),
    referral(referred_customer_id="\0c"),
    *(feedback(rating_scale=scale) for scale in (0.0, -0.0, -1.0, nan, inf)),
    *(feedback(rating=rating) for rating in (-0.1, nan, inf, MAX_AMOUNT * 1.1)),
    *(feedback(rating=rating, rating_scale=4.0) for rating in (-0.1, 4.1, nan)),
    *(feedback(novelty=novelty) for novelty in (-0.1, 1.1, nan, inf)),
    *(feedback(benefit=benefit) for benefit in (-0.1, 1.1, nan, -inf)),
    feedback(text="x" * 100_001),
    feedback(product="x" * 501),
    feedback(survey_response="x" * 100_001),
    referral(referred_customer_id=""),
    referral(referred_customer_id="x" * 201),
    *(referral(margin=margin) for margin in (-1, MAX_AMOUNT + 1)),
    *(reading(sentiment=sentiment) for sentiment in (-1001, 1001, -(2**31), 2**31 - 1)),
    reading(topics=("x" * 501,)),
    reading(topics=("x",) * 101),
)


@pytest.mark.parametrize("event", WRONG)
def test_what_a_check_rejects_is_not_plain(event: Event) -> None:
    """Every check of the reference has its twin; its structure is right all the same."""
    assert not accepts(source_of(event), CODEC.encode(event))
    assert not plain(event)
    assert plain(event, checked=True)


BARELY_RIGHT: Final = (
    *(changed(event, event_id="x" * 200) for event in EVENTS),
    *(changed(event, event_id="x" * 256) for event in EVENTS[4:]),
    *(changed(event, source=" 本店 ") for event in EVENTS),
    *(changed(event, occurred_at=LANDMARK) for event in EVENTS),
    *(changed(event, occurred_at=event.recorded_at + TOLERANCE) for event in EVENTS),
    *(changed(event, occurred_at=HORIZON, recorded_at=LONGEST) for event in EVENTS),
    *(changed(event, topics=("x" * 500,) * 100) for event in WITH_TOPICS),
    *(changed(event, topics=("", "故障")) for event in WITH_TOPICS),
    *(changed(event, correlation_id="") for event in EVENTS[:4]),
    *(changed(event, consent={"": False, "广告": True, "x" * 500: True}) for event in EVENTS[:4]),
    call(wait_s=-0.0, duration_s=1.7e308, satisfaction=1, reason="x" * 500, note="x" * 100_000),
    call(note="客户说门把手坏了🙂\0"),
    ticket(ticket_id="x" * 200, category="x" * 500, text="é" * 50_000, severity="CRITICAL"),
    order(amount=MAX_AMOUNT, cost=MAX_AMOUNT, currency="", campaign_id=""),
    order(amount=0, lines=(line(quantity=2**31 - 1, amount=MAX_AMOUNT, sku="茶"),) * 10_000),
    feedback(rating=float(MAX_AMOUNT), novelty=1.0, benefit=-0.0, survey_response=""),
    feedback(rating=5e-324, rating_scale=5e-324),
    referral(margin=MAX_AMOUNT, referred_customer_id="x" * 200),
    *(reading(sentiment=sentiment) for sentiment in (-1000, 0, 1000)),
    reading(topics=()),
)


@pytest.mark.parametrize("event", BARELY_RIGHT)
def test_what_the_checks_just_accept_is_plain(event: Event) -> None:
    """The limits themselves are within, wherever a character is a byte."""
    assert accepts(source_of(event), CODEC.encode(event))
    assert plain(event)


@pytest.mark.parametrize(
    "event",
    [
        call(reason="坏" * 167),
        changed(contact(), source="\x7f"),
        referral(customer_id="ツ"),
        order(consent=dict.fromkeys(map(str, range(17)), True)),
        feedback(rating=2.0 * MAX_AMOUNT, rating_scale=4.0 * MAX_AMOUNT),
    ],
)
def test_what_is_unusual_is_left_to_the_reference(event: Event) -> None:
    """The reference accepts a little more than is plain; checked by it, it is read."""
    assert accepts(source_of(event), CODEC.encode(event))
    assert not plain(event)
    assert plain(event, checked=True)


def test_the_records_timestamp_counts_before_the_events_own() -> None:
    """A record's timestamp decides what is future, and none at all leaves it to the event."""
    event = call(recorded_at=AT - TOLERANCE - 1)
    for timestamp_ms in (-(1 << 63), -1, 0, (AT - TOLERANCE) // 1000, AT // 1000, LONGEST):
        expected = accepts(Source.CALL, CODEC.encode(event), timestamp_ms)
        assert plain(event, timestamp_ms) is expected


def test_too_large_a_value_is_not_plain() -> None:
    """A value beyond the codec's limit is rejected unread there, so it is not plain here."""
    lines = (line(sku="s" * 400),) * 2000
    rest = len(CODEC.encode(order(lines=(*lines, *[line(sku="s" * 400)] * 500))))
    most = (MAX_VALUE_BYTES - rest) // 500
    fitting = order(lines=(*lines, *[line(sku="s" * (400 + most))] * 500))
    assert len(CODEC.encode(fitting)) <= MAX_VALUE_BYTES
    assert plain(fitting)
    larger = order(lines=(*fitting.lines, line(sku="s" * 500), line(sku="s" * 500)))
    assert len(CODEC.encode(larger)) > MAX_VALUE_BYTES
    assert not plain(larger)
    assert plain(larger, checked=True)


def test_text_is_utf8_exactly_when_python_says_so() -> None:
    """Overlong forms, surrogates and cut characters are bad wherever they begin in eight bytes."""
    edges = bytes.fromhex("41 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 ed ef f0 f4 f5 f8 ff")
    for before in (b"", b"12345", b"1234567890"):
        for length in (1, 2, 3):
            for tail in product(edges, repeat=length):
                expect_text(before + bytes(tail))
        for first, second in product(b"\xf0\xf1\xf4\xf5\xf8\xe0\xed", edges):
            expect_text(before + bytes([first, second, 0x80, 0xBF]) + b"123456789")
            expect_text(before + bytes([first, second, 0xBF, 0x41]))


def expect_text(text: bytes) -> None:
    """Compare the verdict on bytes with that of ``bytes.decode``."""
    try:
        text.decode()
    except UnicodeDecodeError:
        expected = False
    else:
        expected = True
    value = with_reason(text)
    assert reads(Source.CALL, value) is expected, text
    assert reads(Source.CALL, value, checked=True) is expected, text


@given(st.text(max_size=20))
def test_any_text_is_plain(text: str) -> None:
    """Text that UTF-8 can hold is plain in every field that may be empty, skipped ones too."""
    texts: dict[str, Any] = {
        "correlation_id": text,
        "topics": (text, text),
        "consent": {text: True},
    }
    assert plain(call(reason=text, note=text, **texts))
    assert plain(ticket(category=text, product=text, text=text, knowledge_article_id=text))
    assert plain(order(currency=text, campaign_id=text, lines=(line(sku=text, category=text),)))
    assert plain(feedback(text=text, product=text, survey_response=text))


def test_only_arrays_of_one_block_are_plain() -> None:
    """Blocks with a size, further blocks and endings of two bytes are left to the reference."""
    topic, other = b"\x02a", b"\x02b"
    one_block = write_long(2) + topic + other + b"\0"
    assert reads(Source.CALL, with_items(one_block))
    assert reads(Source.CALL, with_items(b"\x84\0" + topic + other + b"\0"))
    unusual = (
        write_long(1) + topic + write_long(1) + other + b"\0",
        write_long(-2) + write_long(4) + topic + other + b"\0",
        write_long(2) + topic + other + b"\x80\0",
    )
    for items in unusual:
        assert accepts(Source.CALL, with_items(items))
        for checked in (False, True):
            assert not reads(Source.CALL, with_items(items), checked=checked)


def test_many_items_in_few_bytes_are_not_plain() -> None:
    """A count that the bytes cannot hold is refused before anything is read for it."""
    for count in (1 << 20, (1 << 31) - 1, 1 << 32, LONGEST, -LONGEST - 1):
        value = with_items(write_long(count) + b"\0")
        for checked in (False, True):
            assert not reads(Source.CALL, value, checked=checked)


def test_a_consent_given_twice_is_not_plain() -> None:
    """The last one counts, which the reference knows."""
    once = CODEC.encode(call(consent={"ads": True, "abc": False}))
    twice = once.replace(b"abc", b"ads")
    assert accepts(Source.CALL, twice)
    assert reads(Source.CALL, once)
    assert not reads(Source.CALL, twice)


def test_integers_of_more_than_32_bits_are_not_plain() -> None:
    """A satisfaction or a quantity is an Avro int, also where its value was checked."""
    value = CODEC.encode(call(satisfaction=5, reason="@")).replace(b"\x0a\x02@", b"@@@")
    lines = CODEC.encode(order(lines=(line(quantity=63),))).replace(b"tea\x7e", b"tea@@@")
    for number, fits in (
        (2**31 - 1, True),
        (2**31, False),
        (-(2**31), True),
        (-(2**31) - 1, False),
    ):
        satisfied = value.replace(b"@@@", write_long(number) + b"\x02@")
        ordered = lines.replace(b"@@@", write_long(number))
        assert reads(Source.CALL, satisfied, checked=True) is fits
        assert reads(Source.PURCHASE, ordered, checked=True) is fits


def enums_of(shape: Any) -> dict[str, list[str]]:
    """Return the symbols of all enums in a schema, by their short names."""
    if isinstance(shape, list):
        return {name: found for part in shape for name, found in enums_of(part).items()}
    if not isinstance(shape, dict):
        return {}
    if shape.get("type") == "enum":
        return {shape["name"].rpartition(".")[2]: shape["symbols"]}
    return enums_of(list(shape.values()))


@pytest.mark.parametrize("source", Source)
def test_places_are_those_of_the_schemas_and_of_the_domain(source: Source) -> None:
    """One order of symbols holds in the schema, in the domain's enum and in C."""
    subject = subject_of(SOURCE_TOPICS[source])
    enums = enums_of(CATALOGUE.newest(subject).schema.shape)
    assert enums or source in (Source.TEXT, Source.EMPLOYEE)
    for name, symbols in enums.items():
        enum: type[StrEnum] = getattr(domain, name)
        assert [member.value for member in enum] == symbols
        if name in SYMBOLS:
            assert SYMBOLS[name] == len(symbols)
        else:
            assert PLACES[name] == {symbol: place for place, symbol in enumerate(symbols)}


def test_sources_are_in_one_order() -> None:
    """A source's number is what its records are read by, whatever they hold."""
    touchpoints = ["Call", "Ticket", "Purchase", "Feedback"]
    names = [*touchpoints, "Referral", "TextReading", "EmployeeContact"]
    assert [EVENT_TYPES[Source(place)].__name__ for place in range(7)] == names
    for source in Source:
        for event in EVENTS:
            value = CODEC.head(source) + CODEC.encode(event)[HEADER_BYTES:]
            assert reads(source, value) is accepts(source, value)


def test_no_white_space_is_taken_for_an_id() -> None:
    """Of all characters, none that ``str.strip`` takes away makes an id."""
    blank = [character for character in map(chr, range(sys.maxunicode + 1)) if character.isspace()]
    assert "\u3000" in blank
    for character in blank:
        assert not plain(referral(customer_id=character))
        assert not plain(referral(customer_id="".join(blank)))
