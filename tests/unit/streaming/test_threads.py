"""What is different about the client that Faust's consumer thread fetches with."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from ckm_stream.operations.health import Health
from ckm_stream.settings import HealthSettings
from ckm_stream.streaming.threads import notice_answers, pace_fetches

INTERVAL_S = 0.05


async def test_each_answer_of_the_broker_is_noticed() -> None:
    """An answer is a sign of life, whatever it says; a request without one is none."""
    answers: list[Any] = ["heartbeat", KafkaError("no answer")]

    class Client:
        """A client whose requests end as *answers* say."""

        async def send(self, _node: int, _request: object, *, group: str) -> Any:
            answer = answers.pop(0)
            if isinstance(answer, KafkaError):
                raise answer
            return answer, group

    client, broker = Client(), Health(HealthSettings()).broker
    notice_answers(client, broker)
    before = broker.check().ok

    assert await client.send(0, "request", group="g") == ("heartbeat", "g")
    assert (before, broker.check().ok) == (False, True)
    broker._answered_at = None
    with pytest.raises(KafkaError):
        await client.send(0, "request", group="g")
    assert not broker.check().ok


class FakeFetcher:
    """Notes when which broker is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float]] = []

    async def _proc_fetch_request(self, _assignment: object, node_id: int, request: object) -> Any:
        self.asked.append((node_id, time.monotonic()))
        return request


async def fetch(fetcher: Any, node_id: int) -> Any:
    """Ask a broker as aiokafka's routine does."""
    return await fetcher._proc_fetch_request(None, node_id, "answer")


async def test_a_broker_is_asked_at_most_once_in_an_interval() -> None:
    """Each answer is the fetcher's own."""
    fetcher: Any = FakeFetcher()
    pace_fetches(fetcher, interval_s=INTERVAL_S)

    assert [await fetch(fetcher, 1) for _ in range(4)] == ["answer"] * 4

    instants = [at for _, at in fetcher.asked]
    gaps = [late - early for early, late in pairwise(instants)]
    assert min(gaps) >= INTERVAL_S


async def test_one_broker_does_not_wait_for_another() -> None:
    """Each has its own interval, and the first answer is not waited for."""
    fetcher: Any = FakeFetcher()
    pace_fetches(fetcher, interval_s=60.0)

    assert await fetch(fetcher, 1) == await fetch(fetcher, 2) == "answer"


async def test_a_fetch_that_is_given_up_while_it_waits_has_fetched_nothing() -> None:
    """A fetcher that closes awaits its fetches, and does not expect one to raise."""
    fetcher: Any = FakeFetcher()
    pace_fetches(fetcher, interval_s=60.0)
    await fetch(fetcher, 1)
    waiting = asyncio.ensure_future(fetch(fetcher, 1))
    await asyncio.sleep(0)

    waiting.cancel()

    assert await waiting is False
    assert len(fetcher.asked) == 1
