"""
Ways of being wrong, generated from the schemas: each with a name and the verdict that it must get.

A full event of each source is encoded and its bytes are taken apart by the schema; then one part
after the other is replaced by what must not be there. Nothing of the product reads or writes here
but the encoder of the event that is spoiled.
"""

import gzip
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, Final

import msgspec

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EVENT_TYPES, EventCodec, key_of
from ckm_stream.codec.topics import SOURCE_TOPICS, Source, subject_of
from ckm_stream.codec.varints import write_long
from ckm_stream.domain.checks import MAX_AMOUNT, MAX_ID_CHARS, MAX_NAME_CHARS, MAX_TEXT_CHARS
from ckm_stream.domain.events import CampaignResponse, Event, PurchaseLine, Resolver, Reward
from ckm_stream.errors import Reason
from tests.support.avro_parts import parts_of
from tests.support.touchpoints import (
    POLICY,
    call,
    contact,
    feedback,
    order,
    reading,
    referral,
    ticket,
)

_CATALOGUE: Final = Catalogue.load()
_CODEC: Final = EventCodec(_CATALOGUE)
_HEAD: Final = 5
_BIG: Final = 10 * 1024 * 1024
_DEEP: Final = 10_000
_YEAR_S: Final = 31_556_952
_MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class BadInput:
    """A record that no worker may apply; ``name`` says what is wrong with it."""

    name: str
    source: Source
    key: bytes | None
    value: bytes | None
    reason: Reason

    @property
    def family(self) -> str:
        """The way of being wrong, without the field that it is wrong in."""
        return self.name.split("/")[1]


def full_events(customer_id: str) -> dict[Source, Event]:
    """Return a valid event of each source in which every field is there."""
    head: dict[str, Any] = {
        "source": "bad-input",
        "customer_id": customer_id,
        "employee_id": "e-1",
        "referred_by": "c-referrer",
        "topics": ("billing", "handle"),
        "correlation_id": "k-1",
        "consent": {"ads": True},
    }
    line = PurchaseLine(sku="s-1", category="music", quantity=2, amount=500)
    return {
        Source.CALL: call(
            "bad",
            wait_s=3.5,
            duration_s=60.0,
            resolved_first_contact=True,
            satisfaction=4,
            reason="bill",
            note="wants a handle",
            note_usable=True,
            **head,
        ),
        Source.TICKET: ticket(
            "bad",
            category="fault",
            product="kettle",
            text="it broke",
            knowledge_article_id="kb-1",
            resolved_by=Resolver.EXPERT,
            **head,
        ),
        Source.PURCHASE: order(
            "bad", lines=(line, line), campaign_id="m-1", response=CampaignResponse.ACCEPTED, **head
        ),
        Source.FEEDBACK: feedback(
            "bad",
            rating=4.0,
            rating_scale=5.0,
            benefit=0.5,
            reward=Reward.OFFERED,
            survey_response="yes",
            **head,
        ),
        Source.REFERRAL: referral("bad", source="bad-input", customer_id=customer_id),
        Source.TEXT: reading(
            "bad", source="bad-input", customer_id=customer_id, topics=("billing", "handle")
        ),
        Source.EMPLOYEE: contact("bad", source="bad-input", employee_id=customer_id),
    }


_OVERLONG: Final = b"\xff" * 10 + b"\x01"
_TOO_WIDE: Final = b"\xff" * 9 + b"\x7f"
#: What must not stand where a value of a kind is.
_INSTEAD: Final[dict[str, dict[str, bytes]]] = {
    "string": {
        "not-utf8": b"\x04\xff\xfe",
        "surrogate": b"\x06\xed\xa0\x80",
        "overlong-utf8": b"\x04\xc0\xaf",
        "negative-size": write_long(-7),
        "endless-size": write_long(1 << 40),
        "overlong-size": _OVERLONG,
    },
    "enum": {
        "unknown-symbol": write_long(63),
        "negative-symbol": write_long(-1),
        "wide-symbol": write_long(1 << 33),
    },
    "branch": {"unknown-branch": write_long(2), "negative-branch": write_long(-1)},
    "block": {
        "endless-block": write_long(1 << 40),
        "lying-block": write_long(-(1 << 40)) + write_long(1),
        "least-block": write_long(-(1 << 63)) + write_long(0),
        "overlong-block": _OVERLONG,
    },
    "long": {"overlong-number": _OVERLONG, "wide-number": _TOO_WIDE},
    "int": {"wide-int": write_long(1 << 40), "overlong-int": _OVERLONG},
    "boolean": {"neither-true-nor-false": b"\x02", "high-boolean": b"\xff"},
}
_DOUBLES: Final = {
    "nan": (float("nan"), Reason.NOT_FINITE),
    "infinite": (float("inf"), Reason.NOT_FINITE),
    "minus-infinite": (float("-inf"), Reason.NOT_FINITE),
}
_IDS: Final = (
    "event_id",
    "source",
    "customer_id",
    "employee_id",
    "referred_by",
    "referred_customer_id",
    "order_id",
    "ticket_id",
    "feedback_id",
)
_BELOW_ZERO: Final = {"wait_s": Reason.NEGATIVE, "duration_s": Reason.NEGATIVE}


def bad_inputs(customer_id: str = "c-bad") -> list[BadInput]:
    """Return all ways of being wrong, of a customer."""
    made: list[BadInput] = []
    for source, event in full_events(customer_id).items():
        for family in (_frames, _keys, _bodies, _numbers, _values):
            made.extend(family(source, event))
    assert len({each.name for each in made}) == len(made)
    return made


def varied(count: int, customers: list[str]) -> list[BadInput]:
    """Return *count* bad inputs of these customers, each family about as often as the others."""
    families: dict[str, list[str]] = {}
    for each in bad_inputs():
        families.setdefault(each.family, []).append(each.name)
    # Begun at another place in each family, so that no source comes first in all of them.
    turned = [
        names[n % len(names) :] + names[: n % len(names)] for n, names in _with_steps(families)
    ]
    rounds = (each for turn in zip_longest(*turned) for each in turn if each is not None)
    chosen = list(islice(rounds, count))
    assert len(chosen) == count, f"there are no {count} bad inputs"
    of_customer = [{each.name: each for each in bad_inputs(customer)} for customer in customers]
    return [of_customer[place % len(customers)][name] for place, name in enumerate(chosen)]


def _with_steps(families: dict[str, list[str]]) -> Iterator[tuple[int, list[str]]]:
    for number, names in enumerate(families.values()):
        yield number * len(names) // len(families) + number, names


def _frames(source: Source, event: Event) -> Iterator[BadInput]:
    key, value = key_of(event).encode(), _CODEC.encode(event)
    other = Source.TICKET if source is Source.CALL else Source.CALL
    stranger = _CODEC.encode(full_events("c-other")[other])[:_HEAD]
    frames: dict[str, tuple[bytes | None, Reason]] = {
        "null": (None, Reason.NULL_VALUE),
        "empty": (b"", Reason.NOT_FRAMED),
        "one-byte": (b"\x00", Reason.NOT_FRAMED),
        "four-bytes": (value[:4], Reason.NOT_FRAMED),
        "wrong-magic": (b"\x01" + value[1:], Reason.NOT_FRAMED),
        "text": (b"these bytes are no event", Reason.NOT_FRAMED),
        "json": (json.dumps(msgspec.to_builtins(event)).encode(), Reason.NOT_FRAMED),
        "deep-json": (b"[" * _DEEP + b"]" * _DEEP, Reason.NOT_FRAMED),
        "gzip": (gzip.compress(value, mtime=0), Reason.NOT_FRAMED),
        "head-alone": (value[:_HEAD], Reason.UNDECODABLE),
        "unknown-schema": (b"\x00\x7f\xff\xff\xff" + value[_HEAD:], Reason.SCHEMA_UNKNOWN),
        "schema-zero": (b"\x00\x00\x00\x00\x00" + value[_HEAD:], Reason.SCHEMA_UNKNOWN),
        "other-subject": (stranger + value[_HEAD:], Reason.SCHEMA_MISMATCH),
        "trailing-byte": (value + b"\x00", Reason.UNDECODABLE),
        "trailing-copy": (value + value, Reason.UNDECODABLE),
        "zeros": (value[:_HEAD] + b"\x00" * 500, Reason.UNDECODABLE),
        "ones": (value[:_HEAD] + b"\xff" * 500, Reason.UNDECODABLE),
        "deep-body": (value[:_HEAD] + b"\x02" * _DEEP, Reason.UNDECODABLE),
    }
    if source is Source.PURCHASE:  # one of them is enough for a broker
        frames["ten-megabytes"] = (value + b"\x00" * (_BIG - len(value)), Reason.TOO_LARGE)
    for name, (spoilt, reason) in frames.items():
        yield BadInput(f"{source.name}/{name}", source, key, spoilt, reason)


def _keys(source: Source, event: Event) -> Iterator[BadInput]:
    value, key = _CODEC.encode(event), key_of(event).encode()
    keys: dict[str, bytes | None] = {
        "null-key": None,
        "empty-key": b"",
        "other-key": b"somebody else",
        "key-not-utf8": b"\xff\xfe",
        "longer-key": key + b" ",
        "shorter-key": key[:-1],
        "framed-key": b"\x00\x00\x00\x00\x01" + key,
    }
    for name, spoilt in keys.items():
        yield BadInput(f"{source.name}/{name}", source, spoilt, value, Reason.KEY_MISMATCH)


def _bodies(source: Source, event: Event) -> Iterator[BadInput]:
    """Yield the event with one part after the other replaced or cut off."""
    key, value = key_of(event).encode(), _CODEC.encode(event)
    head, body = value[:_HEAD], value[_HEAD:]
    shape = _CATALOGUE.newest(subject_of(SOURCE_TOPICS[source])).schema.shape
    parts = parts_of(shape, body)
    for number, part in enumerate(parts):
        path = f"{part.path}.{number}"
        for name, instead in _INSTEAD.get(part.kind, {}).items():
            spoilt = head + body[: part.start] + instead + body[part.end :]
            yield BadInput(f"{source.name}/{name}/{path}", source, key, spoilt, Reason.UNDECODABLE)
        for name, end in (("cut-before", part.start), ("cut-inside", part.end - 1)):
            if part.start < end < part.end or name == "cut-before":
                cut = head + body[:end]
                yield BadInput(f"{source.name}/{name}/{path}", source, key, cut, Reason.UNDECODABLE)
        if part.kind == "double":
            for name, (instead_of, reason) in _DOUBLES.items():
                double = struct.pack("<d", instead_of)
                spoilt = head + body[: part.start] + double + body[part.end :]
                yield BadInput(f"{source.name}/{name}/{path}", source, key, spoilt, reason)
            below = struct.pack("<d", -0.25)
            reason = _BELOW_ZERO.get(part.path, Reason.OUT_OF_RANGE)
            reason = Reason.NEGATIVE if part.path == "rating_scale" else reason
            spoilt = head + body[: part.start] + below + body[part.end :]
            yield BadInput(f"{source.name}/below-zero/{path}", source, key, spoilt, reason)


def _numbers(source: Source, event: Event) -> Iterator[BadInput]:
    """Yield the event at impossible times, and with amounts that cannot be."""
    early, future = Reason.BEFORE_LANDMARK, Reason.IN_FUTURE
    times = {
        "year-0": (-1970 * _YEAR_S, early),
        "year-1969": (-1, early),
        "before-landmark": (POLICY.landmark_s - 1, early),
        "year-9999": (8029 * _YEAR_S, future),
        "behind-horizon": (POLICY.landmark_s + POLICY.horizon_s + 1, future),
        "end-of-time": ((1 << 63) // _MICROS - 1, future),
        "beginning-of-time": (-(1 << 63) // _MICROS + 1, early),
    }
    for name, (at_s, reason) in times.items():
        changed = msgspec.structs.replace(event, occurred_at=at_s * _MICROS)
        yield _of(f"{name}", changed, reason)
    amounts = {
        "negative-amount": (-1, Reason.NEGATIVE),
        "least-amount": (-(1 << 63), Reason.NEGATIVE),
        "huge-amount": (MAX_AMOUNT + 1, Reason.OUT_OF_RANGE),
        "greatest-amount": ((1 << 63) - 1, Reason.OUT_OF_RANGE),
    }
    for field in ("amount", "cost", "margin"):
        if hasattr(event, field):
            for name, (amount, reason) in amounts.items():
                yield _of(
                    f"{name}/{field}", msgspec.structs.replace(event, **{field: amount}), reason
                )


def _values(source: Source, event: Event) -> Iterator[BadInput]:
    """Yield the event with ids, texts and numbers outside of what is taken."""
    for field in _IDS:
        if hasattr(event, field):
            too_long = "i" * (MAX_ID_CHARS + 57)  # derived ids may have 56 more
            for name, value, reason in (
                ("empty-id", "", Reason.EMPTY_IDENTIFIER),
                ("blank-id", " \t\u3000", Reason.EMPTY_IDENTIFIER),
                ("nul-in-id", "a\x00b", Reason.NUL_CHARACTER),
                ("long-id", too_long, Reason.OUT_OF_RANGE),
            ):
                changed = msgspec.structs.replace(event, **{field: value})
                yield _of(f"{name}/{field}", changed, reason)
    long_name, long_text = "n" * (MAX_NAME_CHARS + 1), "t" * (MAX_TEXT_CHARS + 1)
    others: dict[str, dict[str, Any]] = {
        "long-name": dict.fromkeys(
            ("correlation_id", "reason", "category", "product", "currency", "campaign_id"),
            long_name,
        )
        | {"topics": (long_name,), "consent": {long_name: True}},
        "long-text": dict.fromkeys(("note", "text", "survey_response"), long_text),
        "too-many": {"topics": ("t",) * 101, "consent": {str(n): True for n in range(101)}},
        "out-of-range": {
            "satisfaction": 6,
            "sentiment": 1001,
            "novelty": 1.5,
            "benefit": 1.001,
            "rating": 5.5,
        },
        "far-out-of-range": {
            "satisfaction": -(1 << 31),
            "sentiment": -1001,
            "novelty": 1e300,
            "rating": 1e300,
        },
        "zero-scale": {"rating_scale": 0.0},
    }
    for name, fields in others.items():
        for field, value in fields.items():
            if hasattr(event, field):
                changed = msgspec.structs.replace(event, **{field: value})
                yield _of(f"{name}/{field}", changed, Reason.OUT_OF_RANGE)
    if source is Source.PURCHASE:
        yield from _lines(event)


def _lines(event: Event) -> Iterator[BadInput]:
    line = PurchaseLine(sku="s", category="c", quantity=1, amount=1)
    for name, lines, reason in (
        ("negative-line", (msgspec.structs.replace(line, amount=-1),), Reason.NEGATIVE),
        ("negative-quantity", (msgspec.structs.replace(line, quantity=-1),), Reason.NEGATIVE),
        ("huge-line", (msgspec.structs.replace(line, amount=1 << 60),), Reason.OUT_OF_RANGE),
        ("long-sku", (msgspec.structs.replace(line, sku="s" * 501),), Reason.OUT_OF_RANGE),
        ("too-many-lines", (line,) * 10_001, Reason.OUT_OF_RANGE),
    ):
        yield _of(name, msgspec.structs.replace(event, lines=lines), reason)


def _of(name: str, event: Any, reason: Reason) -> BadInput:
    source = next(s for s, kind in EVENT_TYPES.items() if type(event) is kind)
    key, value = key_of(event).encode(), _CODEC.encode(event)
    return BadInput(f"{source.name}/{name}", source, key, value, reason)
