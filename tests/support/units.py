"""Records, slices and states for tests of the application core, with as few words as possible."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EventCodec, key_of, source_of
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Source, Topics
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.events import Event
from ckm_stream.domain.policy import Policy
from ckm_stream.pipeline.fold import EmployeeFold, Fold, ProfileFold
from ckm_stream.pipeline.records import Effects, Headers, Slice
from ckm_stream.pipeline.unit import Core, Unit

PARTITION: Final = 3
TOPICS: Final = Topics("test.")
CATALOGUE: Final = Catalogue.load()
EVENTS: Final = EventCodec(CATALOGUE, TOPICS)
OUTPUTS: Final = OutputCodec(CATALOGUE)
POLICY: Final = Policy()
EPOCH: Final = epoch_zero(POLICY)


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a Kafka client hands it over."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = -1
    headers: Headers = ()


@dataclass(slots=True)
class States:
    """What a unit reads its states from, and what a test keeps its effects in."""

    data: dict[tuple[str, bytes], bytes] = field(default_factory=dict)

    def load(self, table: str, partition: int, key: bytes) -> bytes | None:
        """Return the state of *key*, or None."""
        assert partition == PARTITION
        return self.data.get((table, key))

    def keep(self, effects: Effects) -> Effects:
        """Take in what a unit would write to the changelogs."""
        for table, entries in effects.changelog.items():
            for key, value in entries:
                self.data[table, key] = value
        return effects


def record(offset: int, event: Event) -> Record:
    """Return the record that carries *event*."""
    return Record(offset, key_of(event).encode(), EVENTS.encode(event))


def slice_of(records: Iterable[Record], source: Source) -> Slice:
    """Return a slice of a source topic."""
    return Slice(source, TOPICS.of(source), PARTITION, list(records))


def slice_from(offset: int, *events: Event) -> Slice:
    """Return a slice with *events*, all of one type, at consecutive offsets."""
    records = [record(offset + place, event) for place, event in enumerate(events)]
    return slice_of(records, source_of(events[0]))


def profile_fold(policy: Policy = POLICY) -> ProfileFold:
    """Return the fold of customers, at epoch 0."""
    epoch = epoch_zero(policy)
    return ProfileFold(
        topics=TOPICS,
        events=EVENTS,
        outputs=OUTPUTS,
        policy=policy,
        epoch_at=lambda _as_of_s: epoch,
    )


def core_over(
    states: States,
    *,
    profiles: Fold[Any] | None = None,
    partition_of: Callable[[bytes], int] = lambda _key: PARTITION,
) -> Core:
    """Return a core over *states* in which every key belongs to the tests' partition."""
    employees = EmployeeFold(policy=POLICY)
    fold = profile_fold() if profiles is None else profiles
    return Core(
        application_id="test-profiles",
        topics=TOPICS,
        events=EVENTS,
        policy=POLICY,
        folds={source: employees if source is Source.EMPLOYEE else fold for source in Source},
        load=states.load,
        partition_of=partition_of,
    )


def fold_unit(core: Core, *parts: Slice) -> Effects:
    """Return the effects of a unit with these slices."""
    unit = Unit(core, PARTITION)
    for part in parts:
        unit.add(part)
    return unit.seal()
