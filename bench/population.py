"""A population of any size for the benchmarks: the states it has, and touchpoints of all of it."""

import random
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import Final

import msgspec

from bench.programs import Record
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.state import decode_state, encode_state
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.events import MICROS, TouchpointEvent
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.pipeline.records import Headers, Slice
from ckm_stream.publishing.simulate import simulated_events
from ckm_stream.settings import Settings
from ckm_stream.simulation.customers import DEFAULT_END_S, SimulationPlan, simulate_later
from ckm_stream.streaming.core import new_core
from ckm_stream.streaming.schema import StockRecord

#: Customers that are simulated; the others are these under other names.
DISTINCT: Final = 2_000
_SEED: Final = 1
_UNIT: Final = 500
_LATER_S: Final = 180 * 86_400
# A worker's offsets after some time, as far below 0 as they would be above: the topics of a
# benchmark are new, and whatever a state has applied already is passed over.
_OFFSET: Final = 2_000_000


def customer(number: int) -> str:
    """Return the id of customer *number*."""
    return f"sim-{number:08}"


def states(settings: Settings, events_per_customer: float = 20.0) -> list[bytes]:
    """Return the states that a worker has of the simulated customers at the simulation's end."""
    plan = SimulationPlan(customers=DISTINCT, seed=_SEED, events_per_customer=events_per_customer)
    fold = _Fold(settings)
    for event in simulated_events(plan):
        fold.publish(event)
    fold.drain()
    return fold.profiles()


class _Fold:
    """A worker without Kafka: one partition, units of a fixed size."""

    def __init__(self, settings: Settings) -> None:
        self._policy = settings.scoring
        self._codec = EventCodec(open_schemas(settings), Topics())
        self._tables: defaultdict[str, dict[bytes, bytes]] = defaultdict(dict)
        epoch = epoch_zero(settings.scoring)
        kafka = settings.kafka.model_copy(update={"partitions": 1})
        self._core, self._unit = new_core(
            settings.model_copy(update={"kafka": kafka}),
            Topics(),
            load=lambda table, _, key: self._tables[table].get(key),
            epoch_at=lambda _: epoch,
        )
        self._offsets: defaultdict[str, int] = defaultdict(int)
        self._waiting: list[tuple[str, StockRecord]] = []

    def publish(self, event: TouchpointEvent) -> None:
        """Append an event to its topic."""
        topic, key = self._codec.address(event)
        self._append(topic, event.recorded_at // 1000, key, self._codec.encode(event))

    def _append(
        self,
        topic: str,
        millis: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
    ) -> None:
        record = StockRecord(self._offsets[topic], millis, key, value, headers)
        self._waiting.append((topic, record))
        self._offsets[topic] += 1

    def drain(self) -> None:
        """Fold all that waits, and what it forwards."""
        sources = Topics().sources
        while self._waiting:
            waiting = iter(self._waiting)
            self._waiting = []
            while records := list(islice(waiting, _UNIT)):
                by_topic: defaultdict[str, list[StockRecord]] = defaultdict(list)
                for topic, record in records:
                    by_topic[topic].append(record)
                unit = self._unit(self._core, 0)
                for topic, part in by_topic.items():
                    unit.add(Slice(sources[topic], topic, 0, part))
                effects = unit.seal()
                for table, entries in effects.changelog.items():
                    self._tables[table].update(entries)
                for each in effects.forwarded:
                    millis = DEFAULT_END_S * 1000
                    self._append(each.topic, millis, each.key, each.value, each.headers)

    def profiles(self) -> list[bytes]:
        """Return the customers' states, which will take the events of other topics."""
        return [self._moved(data) for _, data in sorted(self._tables[PROFILES].items())]

    def _moved(self, data: bytes) -> bytes:
        state = decode_state(data, self._policy)
        delivery = state.delivery
        delivery.applied = [_moved(offset) for offset in delivery.applied]
        delivery.origins = {place: _moved(at) for place, at in delivery.origins.items()}
        return encode_state(state, self._policy)


def _moved(offset: int) -> int:
    return -_OFFSET - offset if offset >= 0 else offset


def changelog(settings: Settings, distinct: list[bytes], customers: int) -> Iterator[Record]:
    """Yield the changelog of so many customers, their states being the *distinct* ones in turn."""
    topic = Topics(settings.kafka.topic_prefix).profile_changelog
    for number in range(customers):
        yield topic, customer(number).encode(), distinct[number % len(distinct)], number


@lru_cache(maxsize=1)
def _drawn() -> list[TouchpointEvent]:
    plan = SimulationPlan(customers=DISTINCT, seed=_SEED, events_per_customer=20.0)
    until_s = DEFAULT_END_S + _LATER_S
    everybody = (simulate_later(plan, index, until_s=until_s) for index in range(DISTINCT))
    return sorted(chain.from_iterable(everybody), key=lambda event: event.occurred_at)


def touchpoints(events: int, customers: int, active: int) -> list[TouchpointEvent]:
    """
    Return touchpoints after the simulation's end, in the order of their time.

    What happens, and when, is the same for any number of customers; whom it happens to is drawn
    from *active* ones spread over all, each as likely as the next.
    """
    drawn = _drawn()
    chance = random.Random(_SEED)

    def somebody() -> str:
        return customer(chance.randrange(active) * customers // active)

    moved = []
    for number in range(events):
        event = drawn[number * len(drawn) // events]
        # Those who are told of one customer by name are others of the population.
        referrer = somebody() if event.referred_by else None
        moved.append(
            msgspec.structs.replace(
                event,
                event_id=f"later-{number}",
                customer_id=somebody(),
                referred_by=referrer,
                # A customer's events are never at one instant.
                occurred_at=event.occurred_at + number % 7,
                recorded_at=event.recorded_at + MICROS,
            )
        )
    return moved


def touchpoint_records(settings: Settings, events: list[TouchpointEvent]) -> Iterator[Record]:
    """Yield the records of *events*."""
    codec = EventCodec(open_schemas(settings), Topics(settings.kafka.topic_prefix))
    for event in events:
        topic, key = codec.address(event)
        yield topic, key, codec.encode(event), event.recorded_at // 1000
