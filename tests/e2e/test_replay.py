"""Dead letters put back once the cause is repaired: as if nothing had ever failed (P8)."""

import signal
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from ckm_stream.domain.events import Call, TouchpointEvent
from ckm_stream.errors import ConfigurationError
from ckm_stream.settings import Guarantee
from tests.e2e.conftest import Install, Simulated
from tests.support.bad_input import varied
from tests.support.broker import Broker, BrokerKind
from tests.support.commands import run_command
from tests.support.installation import Installation
from tests.support.parked import (
    UNLIMITED,
    new_worker,
    origins,
    problems_after_repair,
    publish_strange,
    repaired,
)
from tests.support.producing import RawRecord, produce_raw
from tests.support.services import Service, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]  # `make test` has to stay short
_PARKED = 500
_BAD = 20
_ALL = ("--policy", "skip", "--max-records", "9999")


def park(service: Installation, events: Sequence[TouchpointEvent]) -> list[Call]:
    """Let a worker set 500 calls aside, and some records that nothing can repair among them."""
    calls = [event for event in events if isinstance(event, Call)][-_PARKED:]
    assert len(calls) == _PARKED
    bad = varied(_BAD, [calls[0].customer_id])
    service.publish([event for event in events if event not in calls])
    service.start()
    # Set aside before anything else is, or a replay that stops has nothing to put back before.
    service.wait_until_dead_lettered(publish_strange(service, calls[: _PARKED // 2]))
    produce_raw(
        service.settings.kafka.bootstrap_servers,
        [RawRecord(service.topics.of(each.source), each.key, each.value) for each in bad],
    )
    publish_strange(service, calls[_PARKED // 2 :])
    service.wait_until_consumed()
    # A control too: without limits, a flood of 500 is set aside whole.
    assert len(origins(service.read())) == _PARKED + _BAD
    return calls


def replayed(service: Installation, *options: str, code: int = 0) -> dict[str, Any]:
    """Run the replay; return its report."""
    report: dict[str, Any] = run_command(
        service, "deadletters", "replay", "--json", *options, code=code
    )
    return report


def faulty(service: Installation, fault: str) -> Service:
    """Return a replay of everything with something wrong in it, started."""
    entry = [sys.executable, "-m", "tests.support.faulty_replay", fault, "deadletters", "replay"]
    made = service.new_service("replay", entry=[*entry, *_ALL])
    made.start()
    return made


def restart(service: Installation) -> None:
    """Stop the worker in order, and start one with the settings as they are now."""
    assert service.worker.stop() == 0
    new_worker(service).start()


@pytest.mark.parametrize("point", ["sent", pytest.param("done", marks=pytest.mark.kafka)])
def test_what_was_set_aside_is_put_back_once_also_by_a_replay_that_is_killed(
    install: Install, simulated: Simulated, guarantee: Guarantee, point: str, broker: Broker
) -> None:
    """Park 500, repair, replay (kill -9 in the middle), twice: as if it had never failed."""
    if point == "done" and guarantee is Guarantee.AT_LEAST_ONCE:
        pytest.skip("between sending and progress is where at_least_once can go wrong")
    events = simulated(150, 2500)
    service = install(guarantee, extra=UNLIMITED)
    park(service, events)
    stopped = replayed(service, "--max-records", "5", code=1)
    assert (stopped["put_back"], stopped["left"], stopped["stopped"]) == (0, 1, True)

    with repaired(service):
        restart(service)
        looked = replayed(service, *_ALL, "--dry-run")
        halted = replayed(service, "--max-records", "9999", "--dry-run", code=1)
        capped = replayed(service, "--policy", "skip", "--max-records", "5")
        dying = faulty(service, point)
        assert dying.wait(timeout_s=60) == -signal.SIGKILL, dying.log()
        first = replayed(service, *_ALL, "--reason", "schema_unknown")
        second = replayed(service, *_ALL)
        again = replayed(service, *_ALL, "--again")
        service.wait_until_stored(service.expected(events))
        service.wait_until_consumed()
        service.wait_until_quiet()

        assert looked["put_back"] == _PARKED
        assert 0 < halted["put_back"] < _PARKED
        assert (halted["left"], halted["stopped"], halted["capped"]) == (1, True, False)
        assert (capped["put_back"], capped["stopped"], capped["capped"]) == (5, False, True)
        assert second["left"] == _BAD
        assert again["put_back"] == _PARKED  # and counted once all the same, by their ids
        if broker.kind is BrokerKind.KAFKA:  # the embedded one keeps no metadata of offsets
            assert 0 < first["put_back"] < _PARKED
            assert second["put_back"] == 0
        assert problems_after_repair(service) == []
        assert service.stored() == service.expected(events)


def test_control_without_progress_and_without_seen_ids_a_second_replay_counts_twice(
    install: Install, simulated: Simulated
) -> None:
    """Both mechanisms off: what is put back again is applied again, and it shows."""
    events = simulated(150, 2500)
    service = install(extra={**UNLIMITED, "CKM__SCORING__SEEN_CAPACITY": "1"})
    park(service, events)
    once = service.expected(events).profile_events

    with repaired(service):
        restart(service)
        replayed(service, *_ALL)
        service.wait_until_stored(service.expected(events))
        forgetful = faulty(service, "forgetful")
        assert forgetful.wait(timeout_s=60) == 0, forgetful.log()
        wait_until(
            lambda: service.stored().profile_events > once,
            timeout_s=60,
            what=lambda: f"events that count twice; {service.logs()}",
        )


def test_the_dead_letters_can_be_listed_and_looked_at(
    install: Install, simulated: Simulated
) -> None:
    """By reason and topic, counted, one by one with how far it can be read; keys when asked."""
    events = simulated(20, 200)
    service = install()
    key = events[0].customer_id.encode()
    cut = service.codec.encode(next(event for event in events if isinstance(event, Call)))[:30]
    bad = [
        RawRecord(service.topics.call, key, cut, headers=(("trace", b"t-1"),)),
        RawRecord(service.topics.purchase, key, b"\x1b[2Jno event"),
        RawRecord(service.topics.purchase, key, None),
    ]
    produce_raw(service.settings.kafka.bootstrap_servers, bad)
    service.worker.start()
    service.wait_until_dead_lettered(len(bad))

    def run(*arguments: str, code: int = 0) -> Any:
        return run_command(service, "deadletters", *arguments, code=code)

    listed = run("list", "--json")
    assert sorted(each["reason"] for each in listed) == ["not_framed", "null_value", "undecodable"]
    assert all("key" not in each and not each["put_back"] for each in listed)
    assert {each["key"] for each in run("list", "--json", "--keys")} == {key.decode()}
    of_topic = run("list", "--json", "--topic", "ckm.touchpoint.call.v1", "--limit", "1")
    assert [each["reason"] for each in of_topic] == ["undecodable"]
    assert run("list", "--json", "--since", "2999-01-01") == []
    counted = {each["reason"]: each["count"] for each in run("list", "--summary", "--json")}
    assert counted == {"not_framed": 1, "null_value": 1, "undecodable": 1}
    assert "undecodable" in run("list")
    assert "3 dead letters, 0 of them put back" in run("list", "--summary")

    shown = run("show", of_topic[0]["place"], "--json")
    assert bytes.fromhex(shown["value_hex"]) == cut
    assert ["trace", "t-1"] in shown["headers"]
    assert shown["fields"][0][0] == "event_id"
    assert "the bytes" in shown["problem"] or "announced" in shown["problem"]
    assert shown["verdict"].startswith("undecodable")
    for each in listed:
        assert "\x1b" not in run("show", each["place"])  # a customer's bytes steer no terminal
    run("show", "0:999999", code=1)
    with pytest.raises(ConfigurationError, match="PARTITION:OFFSET"):
        run("show", "nowhere")
    with pytest.raises(ConfigurationError, match="there is no reason 'bad luck'"):
        run("list", "--reason", "bad luck")
