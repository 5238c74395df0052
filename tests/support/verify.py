"""
The verdict of an end-to-end run: everything that came out, against the oracle.

Profiles and seen ids byte for byte; versions and applied offsets by their rules; each score update
against the scores of the histories that its version allows; knowledge items, forwarded events and
dead letters as sets; the database against the topics.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.state import decode_employee, decode_state
from ckm_stream.codec.topics import Source, Topics
from tests.support.oracle import Oracle
from tests.support.reading import ReadRecord, read_topics
from tests.support.updates import update_problems

K = TypeVar("K")


@dataclass(slots=True)
class Verdict:
    """What is wrong, and how much was looked at."""

    problems: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)

    def expect(self, *, true: bool, otherwise: str) -> None:
        """Note a problem unless *true*."""
        if not true:
            self.problems.append(otherwise)


@dataclass(frozen=True, slots=True)
class Published:
    """All topics of one run, read back."""

    sources: dict[Source, list[ReadRecord]]
    profile_changelog: list[ReadRecord]
    employee_changelog: list[ReadRecord]
    updates: list[ReadRecord]
    items: list[ReadRecord]
    dead_letters: list[ReadRecord]


def read_all(bootstrap_servers: str, topics: Topics) -> Published:
    """Read every topic of the service."""
    found = read_topics(
        bootstrap_servers,
        [
            *topics.sources,
            topics.profile_changelog,
            topics.employee_changelog,
            topics.score_updated,
            topics.knowledge_item,
            topics.dead_letter,
        ],
    )
    return Published(
        sources={source: found[name] for name, source in topics.sources.items()},
        profile_changelog=found[topics.profile_changelog],
        employee_changelog=found[topics.employee_changelog],
        updates=found[topics.score_updated],
        items=found[topics.knowledge_item],
        dead_letters=found[topics.dead_letter],
    )


def verify(
    published: Published, oracle: Oracle, outputs: OutputCodec, *, exactly_once: bool
) -> Verdict:
    """Compare all topics with a fresh oracle's replay of the source topics."""
    for source, records in published.sources.items():
        oracle.feed(source, records)
    verdict = Verdict()
    _verify_profiles(verdict, published, oracle)
    _verify_employees(verdict, published, oracle)
    verdict.problems += update_problems(
        published.updates, published.profile_changelog, oracle, outputs, exactly_once=exactly_once
    )
    _verify_sets(verdict, published, oracle, outputs, exactly_once=exactly_once)
    truth = oracle.truth
    verdict.figures |= {
        "consumed": truth.consumed,
        "applied": truth.applied,
        "duplicates": truth.duplicates,
        "rejected": truth.rejected.total(),
        "customers": len(truth.profiles),
        "updates": len(published.updates),
        "items": len(published.items),
    }
    return verdict


def _newest(records: Iterable[ReadRecord]) -> dict[str, bytes]:
    return {
        record.key.decode(): record.value
        for record in records
        if record.key is not None and record.value is not None
    }


def _verify_profiles(verdict: Verdict, published: Published, oracle: Oracle) -> None:
    stored = _newest(published.profile_changelog)
    truth = oracle.truth
    verdict.expect(
        true=stored.keys() == truth.profiles.keys(),
        otherwise=f"customers differ: {len(stored)} stored, {len(truth.profiles)} expected",
    )
    for customer in stored.keys() & truth.profiles.keys():
        state = decode_state(stored[customer], oracle.policy)
        verdict.expect(
            true=oracle.substance(state) == oracle.substance(truth.profiles[customer]),
            otherwise=f"{customer}: facts or seen ids differ",
        )
        version = len(truth.history[customer])
        verdict.expect(
            true=state.delivery.version == version,
            otherwise=f"{customer}: version {state.delivery.version}, {version} events applied",
        )
        for source, offset in truth.last_offsets[customer].items():
            verdict.expect(
                true=state.delivery.applied[source] == offset,
                otherwise=f"{customer}: {source.name} applied to {state.delivery.applied[source]}"
                f", last offset is {offset}",
            )


def _verify_employees(verdict: Verdict, published: Published, oracle: Oracle) -> None:
    stored = _newest(published.employee_changelog)
    expected = oracle.truth.employees
    verdict.expect(
        true=stored.keys() == expected.keys(),
        otherwise=f"employees differ: {len(stored)} stored, {len(expected)} expected",
    )
    for employee in stored.keys() & expected.keys():
        state = decode_employee(stored[employee], oracle.policy)
        verdict.expect(
            true=oracle.employee_substance(state) == oracle.employee_substance(expected[employee]),
            otherwise=f"{employee}: state differs",
        )


def _verify_sets(
    verdict: Verdict,
    published: Published,
    oracle: Oracle,
    outputs: OutputCodec,
    *,
    exactly_once: bool,
) -> None:
    truth = oracle.truth
    items = Counter(
        outputs.decode_item(record.value).item_id
        for record in published.items
        if record.value is not None
    )
    _compare(verdict, "knowledge items", items, Counter(list(truth.items)), exactly_once)
    forwarded = Counter(
        (record.key.decode(), oracle.event_id(source, record))
        for source in (Source.REFERRAL, Source.EMPLOYEE)
        for record in published.sources[source]
        if record.key is not None and (record.key, record.value) not in truth.rejected
    )
    _compare(verdict, "forwarded events", forwarded, Counter(truth.forwarded), exactly_once)
    dead = Counter((record.key, record.value) for record in published.dead_letters)
    _compare(verdict, "dead letters", dead, truth.rejected, exactly_once)


def _compare(
    verdict: Verdict, what: str, found: Counter[K], expected: Counter[K], exactly_once: bool
) -> None:
    missing, extra = expected - found, found - expected
    verdict.expect(true=not missing, otherwise=f"{missing.total()} {what} missing")
    if exactly_once:
        verdict.expect(true=not extra, otherwise=f"{extra.total()} {what} too many")
    else:
        strange = found.keys() - expected.keys()
        verdict.expect(true=not strange, otherwise=f"{len(strange)} {what} from nowhere")
