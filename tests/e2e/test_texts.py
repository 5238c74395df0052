"""
Texts reach trust: words in a touchpoint, read off the hot path, counted in the profile.

The control runs the same events without the text worker.
"""

from collections.abc import Iterable
from typing import Final

import pytest

from ckm_stream.codec.state import decode_state
from ckm_stream.codec.topics import Source
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.events import TextReading, TouchpointEvent
from ckm_stream.domain.indicators import read_willingness
from ckm_stream.domain.knowledge import extract_items
from ckm_stream.errors import ConfigurationError
from ckm_stream.pipeline.texts import has_own_words, read_item
from ckm_stream.settings import Guarantee
from ckm_stream.text.reading import TextReader
from tests.e2e.conftest import Install
from tests.support.dying import SESSION
from tests.support.installation import Installation, scrape
from tests.support.producing import RawRecord, produce_raw
from tests.support.reading import read_topic
from tests.support.services import Service, wait_until
from tests.support.touchpoints import T0_S, WEEK_S, feedback, order, ticket

pytestmark = pytest.mark.timeout(280)
_PATIENCE_S: Final = 60.0
_ANGRY: Final = "Terrible: the courier lost my parcel. I hate this!"
_PLEASED: Final = "Excellent delivery, I love it. Thank you!"
_CUSTOMERS: Final = 60
_ROUNDS: Final = 12


def is_angry(customer_id: str) -> bool:
    """Tell whether this customer of the tests is the displeased kind."""
    return int(customer_id.removeprefix("c-")) % 2 == 0


def written(rounds: range) -> list[TouchpointEvent]:
    """Return what customers write in these rounds: each a ticket or feedback, and an order."""
    events: list[TouchpointEvent] = []
    for number in rounds:
        for place in range(_CUSTOMERS):
            customer, at_s = f"c-{place}", T0_S + number * WEEK_S + place
            words = _ANGRY if is_angry(customer) else _PLEASED
            told = {"customer_id": customer, "text": words}
            if (number + place) % 2:
                events.append(ticket(f"t-{number}-{place}", at_s, **told))
            else:
                events.append(feedback(f"f-{number}-{place}", at_s, **told))
            events.append(order(f"o-{number}-{place}", at_s + 60, customer_id=customer))
    return events


def readings_of(events: Iterable[TouchpointEvent]) -> dict[tuple[str, str], TextReading]:
    """Return what must be read in the events' words, by customer and event id."""
    reader = TextReader()
    items = (item for event in events for item in extract_items(event) if has_own_words(item))
    said = (read_item(item, reader, recorded_at=0) for item in items)
    return {(each.customer_id, each.event_id): each for each in said if each is not None}


def sent(service: Installation) -> list[TextReading]:
    """Return what the text worker has sent, repetitions included."""
    records = read_topic(service.settings.kafka.bootstrap_servers, service.topics.text)
    found = [service.codec.decode(Source.TEXT, each.key, each.value) for each in records]
    return [each for each in found if isinstance(each, TextReading)]


def trust(service: Installation) -> dict[str, float]:
    """Return W3 of every customer, as of the newest event, from the changelog's states."""
    servers, policy = service.settings.kafka.bootstrap_servers, service.settings.scoring
    read: dict[str, float] = {}
    for each in read_topic(servers, service.topics.profile_changelog):
        assert each.key is not None
        assert each.value is not None
        facts = decode_state(each.value, policy).facts
        now_s = facts.last_at // 1_000_000
        read[each.key.decode()] = read_willingness(facts, now_s, epoch_zero(policy), policy)[0][2]
    return read


def kill_in_between(texts: Service, service: Installation, *, more_than: int) -> None:
    """Kill the text worker when it has sent more than so many readings."""
    texts.start()
    wait_until(
        lambda: len(sent(service)) > more_than,
        timeout_s=_PATIENCE_S,
        what=lambda: f"readings; {texts.log()[-3000:]}",
    )
    texts.kill()


def test_words_move_trust_though_their_reader_is_killed_again_and_again(
    install: Install, guarantee: Guarantee
) -> None:
    """SIGKILL in between: nothing is lost, nothing counts twice, and each goes the right way."""
    service = install(guarantee, extra=SESSION)
    texts = service.new_service("texts")
    service.start()
    events = [written(range(n * 3, n * 3 + 3)) for n in range(_ROUNDS // 3)]
    done: list[TouchpointEvent] = []

    for part in events[:-1]:
        service.publish(part)
        before = len(sent(service))
        kill_in_between(texts, service, more_than=before)
        done += part
    service.publish(events[-1])
    done += events[-1]
    texts.start()
    expected = readings_of(done)
    service.wait_until_stored(service.expected(done, readings=len(expected)))
    service.wait_until_quiet()

    assert texts.stop() == 0
    assert texts.kills == len(events) - 1
    assert {(each.customer_id, each.event_id) for each in sent(service)} == set(expected)
    assert service.problems() == []
    neutral = prior_mean(service)
    for customer, share in trust(service).items():
        assert (share < neutral) if is_angry(customer) else (share > neutral)


def test_control_without_a_text_worker_words_leave_trust_alone(install: Install) -> None:
    """The same words, nobody who reads them: everybody's trust is what it was before any event."""
    service = install()
    service.start()
    events = written(range(3))

    service.publish(events)
    service.wait_until_stored(service.expected(events))

    assert set(trust(service).values()) == {prior_mean(service)}


def prior_mean(service: Installation) -> float:
    """Return W3 of a customer without evidence."""
    prior = service.settings.scoring.priors.trust
    return prior.a / (prior.a + prior.b)


def test_a_text_worker_tells_how_it_is_and_passes_over_what_is_no_item(install: Install) -> None:
    """Ready, counted in its metrics; a strange record is named and stays where it is."""
    service = install()
    texts = service.new_service("texts")
    service.start()
    texts.start()
    texts.wait_until_ready()
    items, events = service.topics.knowledge_item, written(range(1))

    produce_raw(service.settings.kafka.bootstrap_servers, [RawRecord(items, b"c-1", b"no item", 0)])
    service.publish(events)
    expected = readings_of(events)
    wait_until(
        lambda: len(sent(service)) == len(expected),
        timeout_s=_PATIENCE_S,
        what=lambda: f"readings; {texts.log()[-3000:]}",
    )
    wait_until(
        lambda: scrape(texts.port).get("ckm_items_rejected_total") == 1,
        timeout_s=_PATIENCE_S,
        what="a rejection in the metrics",
    )

    counts = scrape(texts.port)
    assert counts["ckm_texts_read_total"] == counts["ckm_texts_sent_total"] == len(expected)
    assert service.run("health", "texts").returncode == 0
    assert "texts.rejected" in texts.log()
    assert texts.stop() == 0


def test_a_text_worker_refuses_a_dictionary_that_is_not_there(install: Install) -> None:
    """At its start, with the file and exit code 2."""
    service = install(extra={"CKM__TEXT__TOPICS": "/nowhere/topics.yaml"})

    ended = service.run("texts")

    assert ended.returncode == ConfigurationError.exit_code
    assert "/nowhere/topics.yaml cannot be read" in ended.stderr
    assert "Traceback" not in ended.stderr
