"""Any bytes at all: an event or a verdict, the expected one, and the same from both cores."""

import gc
import os
import time
from collections import Counter
from collections.abc import Iterator
from itertools import product
from random import Random, SystemRandom
from typing import Final

import pytest

from ckm_stream.codec.topics import Source
from ckm_stream.pipeline.records import Slice
from tests.contract.native.test_unit import assert_same
from tests.support.bad_input import BadInput, bad_inputs, full_events, varied
from tests.support.units import EVENTS, Record, record, slice_of

_INPUTS: Final = bad_inputs()
_NOW_MS: Final = 1_700_000_000_000
#: Strings that are handled together, and how often that is done for each of the sources.
_AT_ONCE: Final = 50
_ROUNDS: Final = 334
#: What one string may take of a processor, at most; it has to do for all that are handled together.
_MOST_S: Final = 0.050


def slice_with(inputs: list[BadInput], source: Source) -> Slice:
    """Return the inputs of a source between two good records of the same customer."""
    good = record(0, full_events("c-bad")[source])
    records = [good]
    records += [Record(n + 1, each.key, each.value, _NOW_MS) for n, each in enumerate(inputs)]
    return slice_of([*records, Record(len(records), good.key, good.value)], source)


def test_there_are_many_ways_of_being_wrong_of_every_source() -> None:
    """What the promise asks for, counted: 60 kinds, all six sources."""
    assert len({each.family for each in _INPUTS}) >= 60
    assert {each.source for each in _INPUTS} == set(Source)
    print(len(_INPUTS), "bad inputs in", len({each.family for each in _INPUTS}), "families")


@pytest.mark.parametrize("source", Source, ids=lambda source: source.name)
def test_each_way_of_being_wrong_gets_its_verdict_from_both_cores(source: Source) -> None:
    """One dead letter each, in order, with its bytes; the good records around are applied."""
    inputs = [each for each in _INPUTS if each.source is source]

    (effects,) = assert_same([[slice_with(inputs, source)]])

    found = [rejection.reason for rejection in effects.rejections]
    wrong = {
        each.name: (reason, each.reason)
        for each, reason in zip(inputs, found, strict=True)
        if reason is not each.reason
    }
    assert wrong == {}
    letters = [(letter.key, letter.value) for letter in effects.dead_letters]
    assert letters == [(each.key, each.value) for each in inputs]
    assert effects.tally.applied[source] == 1
    assert effects.tally.duplicates[source] == 1


def test_a_mix_has_what_it_is_asked_for() -> None:
    """Two hundred of them, of several customers, no name twice."""
    mix = varied(200, ["a", "b", "c"])

    assert len({each.name for each in mix}) == 200
    assert len({each.family for each in mix}) >= 60
    assert {each.source for each in mix} == set(Source)


@pytest.fixture
def collected_later() -> Iterator[None]:
    """Keep the collector, which takes its time with a test session's objects, out of a measure."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("collected_later")
def test_a_hundred_thousand_strings_of_chance_give_an_event_or_a_verdict() -> None:
    """Random bytes, framed and not, and events with random bytes in them: no third outcome."""
    seed = int(os.environ.get("CKM_TEST_SEED") or SystemRandom().randrange(1 << 32))
    print(f"fuzzed from seed {seed} (repeat with CKM_TEST_SEED={seed})")
    chance = Random(seed)
    outcomes: Counter[str] = Counter()
    slowest_s = 0.0
    for (source, event), _ in product(full_events("c-1").items(), range(_ROUNDS)):
        good = EVENTS.encode(event)
        values = [fuzzed(good, chance) for _ in range(_AT_ONCE)]
        records = [Record(offset, b"c-1", value, _NOW_MS) for offset, value in enumerate(values)]

        started = time.thread_time()
        (effects,) = assert_same([[slice_of(records, source)]])
        slowest_s = max(slowest_s, time.thread_time() - started)

        assert effects.tally.consumed[source] == len(values)
        assert effects.tally.unaccounted() == 0
        letters = iter(effects.dead_letters)
        rejected = {each.offset for each in effects.rejections}
        assert all(next(letters).value == values[offset] for offset in sorted(rejected))
        outcomes.update(each.reason for each in effects.rejections)
        outcomes["an event"] += len(values) - len(rejected)
    print(dict(outcomes), f"{slowest_s * 1000:.1f} ms for the slowest {_AT_ONCE}")
    assert outcomes.total() >= 100_000
    assert len(outcomes) >= 6  # a control: chance gets past the frame
    assert slowest_s < _MOST_S


def fuzzed(good: bytes, chance: Random) -> bytes:
    """Return random bytes, or an event's bytes with some of them changed, cut out or put in."""
    if chance.random() < 0.3:
        head = good[:5] if chance.random() < 0.7 else b""
        return head + chance.randbytes(chance.randrange(120))
    value = bytearray(good)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(5 if chance.random() < 0.95 else 0, len(value) or 1)
        match chance.randrange(4):
            case 0:
                value[place : place + 1] = chance.randbytes(1)
            case 1:
                value[place : place + chance.randrange(1, 9)] = b""
            case 2:
                value[place:place] = chance.randbytes(chance.randrange(1, 9))
            case _:
                value[place : place + 1] = chance.choice((b"\xff", b"\x7f", b"\x00", b"\x80\x01"))
        if len(value) < 6:
            break
    return bytes(value)
