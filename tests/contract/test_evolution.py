"""
Old and new producers, old and new readers, in any mixture (promise P14).

The next release adds an optional field and a symbol to the calls (tests/support/evolution.py).
"""

import json
from collections.abc import Callable
from importlib.resources.abc import Traversable
from typing import Any, cast

import pytest

from ckm_stream.codec.avro import AvroSchema, Json, parse
from ckm_stream.codec.catalogue import Catalogue, SchemaSource, schemas_root
from ckm_stream.codec.compatibility import check_catalogue, reading_problems
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.framing import HEADER_BYTES, frame, schema_id_of
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.state import decode_state
from ckm_stream.codec.topics import SCORE_UPDATED, Source, subject_of
from ckm_stream.codec.writing import compile_writer
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.events import Call, Channel
from ckm_stream.errors import Reason, RejectedRecord
from ckm_stream.pipeline import fold as reference
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.pipeline.records import Effects
from ckm_stream.pipeline.unit import Core, Unit
from tests.support.evolution import (
    NEW_SYMBOL,
    NEXT_ID,
    SUBJECT,
    evolved,
    next_call,
    next_catalogue,
    next_schema,
    next_types,
    written_next,
)
from tests.support.store_rows import update_of
from tests.support.touchpoints import DAY_S, POLICY, T0_S, call
from tests.support.units import (
    EVENTS,
    OUTPUTS,
    PARTITION,
    TOPICS,
    Record,
    States,
    slice_of,
)

TODAY = Catalogue.load()
KEY = b"c-1"
CALLS = [call(f"c{day}", T0_S + day * DAY_S, employee_id="e", note="n") for day in range(8)]


class Registry:
    """Today's catalogue, and schemas that only a registry knows."""

    def __init__(self, schemas: dict[int, AvroSchema]) -> None:
        self._schemas = schemas

    @property
    def catalogue(self) -> Catalogue:
        """Today's schemas."""
        return TODAY

    def by_id(self, schema_id: int) -> AvroSchema | None:
        """Return the registry's schema, or the catalogue's."""
        return self._schemas.get(schema_id) or TODAY.by_id(schema_id)

    def writing_id(self, subject: str) -> int:
        """Return the catalogue's id."""
        return TODAY.writing_id(subject)


REGISTRY = Registry({NEXT_ID: next_schema()})


@pytest.fixture
def next_release(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Read calls as the next release does; give its catalogue."""
    for mapping, key, value in next_types():
        monkeypatch.setitem(mapping, key, value)
    return next_catalogue()


def interleaved() -> list[Record]:
    """Return the calls, every second one written by a producer of the next release."""
    values = [
        written_next(next_call(each)) if place % 2 else EVENTS.encode(each)
        for place, each in enumerate(CALLS)
    ]
    return [Record(offset, KEY, value) for offset, value in enumerate(values)]


def folded(schemas: SchemaSource, records: list[Record], core: str = "python") -> Effects:
    """Return what a worker that knows *schemas* makes of the records."""
    return run(schemas, records, States(), core)


def run(schemas: SchemaSource, records: list[Record], states: States, core: str) -> Effects:
    """Fold one unit over *states*, and keep what it left."""
    if core == "compiled":
        kinds = pytest.importorskip("ckm_stream.native.unit", reason="not built here")
        unit_type: type[Unit] = kinds.CompiledUnit
    else:
        kinds, unit_type = reference, Unit
    events, epoch = EventCodec(schemas, TOPICS), epoch_zero(POLICY)
    profiles = kinds.ProfileFold(
        topics=TOPICS,
        events=events,
        outputs=OUTPUTS,
        policy=POLICY,
        epoch_at=lambda _as_of_s: epoch,
    )
    made = Core(
        application_id="test",
        topics=TOPICS,
        events=events,
        policy=POLICY,
        folds=dict.fromkeys(Source, profiles),
        load=states.load,
        partition_of=lambda _key: PARTITION,
    )
    unit = unit_type(made, PARTITION)
    unit.add(slice_of(records, Source.CALL))
    return states.keep(unit.seal())


def substance(effects: Effects) -> tuple[Any, bytes]:
    """Return the facts and the seen ids of the one customer."""
    ((key, data),) = effects.changelog[PROFILES]
    state = decode_state(data, POLICY)
    assert key == KEY
    return state.facts, state.seen


@pytest.fixture(name="expected")
def _expected() -> Effects:
    """Give what all old producers and an old reader would have made of the calls."""
    return folded(
        TODAY, [Record(place, KEY, EVENTS.encode(each)) for place, each in enumerate(CALLS)]
    )


def test_the_next_version_may_be_released() -> None:
    """It reads all versions before it, they read it, and it follows the conventions."""
    assert check_catalogue(next_catalogue()) == []


@pytest.mark.parametrize("core", ["python", "compiled"])
def test_an_old_reader_reads_old_and_new_producers(core: str, expected: Effects) -> None:
    """With a registry it learns the new schema; what it does not know, it leaves out."""
    assert folded(REGISTRY, interleaved(), core) == expected


def test_a_new_reader_reads_old_and_new_producers(
    expected: Effects, next_release: Catalogue
) -> None:
    """What was not written has its default; the state is the same."""
    codec = EventCodec(next_release)

    moods = [cast("Any", codec.decode(Source.CALL, KEY, each.value)).mood for each in interleaved()]

    assert moods == [None, "calm"] * 4
    assert folded(next_release, interleaved()) == expected


def test_a_new_symbol_is_the_default_to_an_old_reader_and_itself_to_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So a symbol is of use only when all readers know it: readers first, then producers."""
    value = written_next(next_call(CALLS[0], channel=NEW_SYMBOL))
    old = EventCodec(REGISTRY).decode(Source.CALL, KEY, value)
    for mapping, key, each in next_types():
        monkeypatch.setitem(mapping, key, each)

    new = EventCodec(next_catalogue()).decode(Source.CALL, KEY, value)

    assert isinstance(old, Call)
    assert isinstance(new, Call)
    assert old.channel is Channel.OTHER
    assert new.channel == NEW_SYMBOL


@pytest.mark.parametrize("core", ["python", "compiled"])
def test_without_a_registry_an_old_reader_sets_aside_what_it_cannot_read(
    core: str, expected: Effects
) -> None:
    """Nothing vanishes: identical bytes as dead letters, and their replay completes the state."""
    records = interleaved()
    states = States()

    first = run(TODAY, records, states, core)
    again = [
        Record(len(records) + place, each.key, each.value)
        for place, each in enumerate(first.dead_letters)
    ]
    second = run(REGISTRY, again, states, core)

    assert [each.value for each in first.dead_letters] == [each.value for each in records[1::2]]
    assert {dict(each.headers)["ckm.reason"] for each in first.dead_letters} == {b"schema_unknown"}
    assert second.dead_letters == []
    assert substance(second) == substance(expected)


FOLDERS = list((schemas_root() / "examples" / SUBJECT).iterdir())
EXAMPLES = [
    pytest.param(file, folder / file.name.replace(".hex", ".json"), id=f"{folder.name}-{file.name}")
    for folder in FOLDERS
    for file in folder.iterdir()
    if file.name.endswith(".hex")
]


@pytest.mark.parametrize(("golden", "described"), EXAMPLES)
def test_golden_examples_are_read_by_the_next_release(
    golden: Traversable, described: Traversable, next_release: Catalogue
) -> None:
    """Each is what today's reader says, with the new field at rest."""
    customer = json.loads(described.read_text())["customer_id"].encode()
    value = bytes.fromhex(golden.read_text())
    written_with = TODAY.by_id(schema_id_of(value))
    assert written_with is not None

    event = EventCodec(next_release).decode(Source.CALL, customer, value)

    assert compile_writer(written_with)(event, value[:HEADER_BYTES]) == value
    assert cast("Any", event).mood is None


def without(name: str) -> Callable[[list[Json]], object]:
    """Return the change that takes a field away."""
    return lambda fields: fields.remove(next(each for each in fields if each["name"] == name))


PLANTED = {
    "required field": lambda fields: fields.append(
        {"name": "mood", "type": "string", "doc": "How."}
    ),
    "field removed": without("direction"),
    "other type": lambda fields: fields[-1].update(type=["null", "string"]),
}


@pytest.mark.parametrize("name", PLANTED)
def test_control_an_incompatible_version_is_found_before_release(name: str) -> None:
    """By the check of the catalogue; and a record of it is a dead letter to the other side."""
    schema = evolved(PLANTED[name])

    findings = check_catalogue(next_catalogue(schema))

    assert any("cannot read version" in finding.problem for finding in findings)


def test_control_records_of_an_incompatible_version_are_set_aside() -> None:
    """An old reader does not guess: the reason says that the schema is the problem."""
    codec = EventCodec(Registry({NEXT_ID: evolved(PLANTED["field removed"])}))

    with pytest.raises(RejectedRecord) as caught:
        codec.decode(Source.CALL, KEY, frame(NEXT_ID, b"\x00"))

    assert caught.value.reason is Reason.SCHEMA_MISMATCH


def test_score_updates_of_the_next_release_are_read_by_old_consumers() -> None:
    """Snapshot workers and other services may be upgraded after the profile workers."""
    today = TODAY.newest(subject_of(SCORE_UPDATED)).schema
    shape = json.loads(json.dumps(today.json))
    shape["fields"].append(
        {"name": "trend", "type": ["null", "double"], "default": None, "doc": "Up or down."}
    )
    newer = parse(shape)
    update = update_of("c-1", 3)
    body = OUTPUTS.encode_score_update(update)[HEADER_BYTES:] + b"\x02" + b"\x00" * 8  # trend 0.0

    read = OutputCodec(Registry({NEXT_ID: newer})).decode_score_update(frame(NEXT_ID, body))

    assert reading_problems(newer, today) == reading_problems(today, newer) == []
    assert read == update
