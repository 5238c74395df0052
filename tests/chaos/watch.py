"""Watching a run from outside: committed offsets, the outputs' ends, memory and handles."""

import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import product
from types import TracebackType
from typing import Self

import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.chaos.fleet import Fleet
from tests.chaos.history import History
from tests.support.installation import Installation

_POLL_S = 0.25
_SAMPLE_S = 5.0
_ANSWER_S = 2.0


class Watch:
    """
    Follows the profile workers' committed offsets in the touchpoint topics, on its own thread.

    These topics hold no transaction markers, so the offsets count events. A broker that does not
    answer leaves the figures as they are.
    """

    def __init__(self, service: Installation, fleet: Fleet, history: History) -> None:
        kafka = service.settings.kafka
        topics, partitions = service.topics, range(kafka.partitions)
        touchpoints = (topics.call, topics.ticket, topics.purchase, topics.feedback)
        self._tps = [TopicPartition(*tp) for tp in product(touchpoints, partitions)]
        self._updates = [TopicPartition(topics.score_updated, p) for p in partitions]
        self._fleet, self._history = fleet, history
        self._options = {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": kafka.profile_group,
            "enable.auto.commit": False,
            "log_level": 0,  # a broker that is down is what these runs are about
        }
        self._thread = threading.Thread(target=self._run, name="watch")
        self._stopping = threading.Event()
        self._committed: dict[tuple[str, int], int] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self._looks = 0
        self._moved_at: dict[tuple[str, int], float] = {}
        self._longest_stall_s = 0.0
        self._error: BaseException | None = None
        self.updates = 0

    @property
    def committed(self) -> int:
        """How many touchpoint events the profile workers have committed."""
        return sum(self._committed.values())

    def owing(self) -> Callable[[], bool]:
        """
        Return what tells whether all that is in the topics by now has been committed.

        By now means at the second look from here: the first may be under way.
        """
        first = self._looks + 2
        goal: dict[tuple[str, int], int] = {}

        def is_done() -> bool:
            if not goal and self._looks >= first:
                goal.update(self._ends)
            return bool(goal) and all(self._committed[tp] >= end for tp, end in goal.items())

        return is_done

    def restart_stalls(self) -> None:
        """Forget the stalls until now."""
        now = time.monotonic()
        self._moved_at = dict.fromkeys(self._moved_at, now)
        self._longest_stall_s = 0.0

    @property
    def longest_stall_s(self) -> float:
        """The longest that a partition had work and committed none, since ``restart_stalls``."""
        return round(self._longest_stall_s, 2)

    def check(self) -> None:
        """Fail if watching has failed."""
        if self._error is not None:
            raise AssertionError("nobody watches the run any more") from self._error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._watch()
        except BaseException as error:  # noqa: BLE001 -- raised by check, in the test's thread
            self._error = error

    def _watch(self) -> None:
        sampled_at = 0.0
        with closing(Consumer(self._options)) as consumer:
            while not self._stopping.wait(_POLL_S):
                with suppress(KafkaException):
                    self._look(consumer)
                if time.monotonic() - sampled_at >= _SAMPLE_S:
                    sampled_at = time.monotonic()
                    self._sample()

    def _look(self, consumer: Consumer) -> None:
        found = consumer.committed(self._tps, timeout=_ANSWER_S)
        now = time.monotonic()
        for tp in found:
            place, offset = (tp.topic, tp.partition), max(0, tp.offset)
            _, end = consumer.get_watermark_offsets(tp, timeout=_ANSWER_S)
            if offset != self._committed.get(place) or offset >= end:
                self._moved_at[place] = now
            self._committed[place], self._ends[place] = offset, end
            stall_s = now - self._moved_at.setdefault(place, now)
            self._longest_stall_s = max(self._longest_stall_s, stall_s)
        self.updates = sum(
            consumer.get_watermark_offsets(tp, timeout=_ANSWER_S)[1] for tp in self._updates
        )
        self._looks += 1

    def _sample(self) -> None:
        for name, service in self._fleet.running.items():
            assert service.process is not None
            with suppress(psutil.NoSuchProcess):  # it may end at any time
                process = psutil.Process(service.process.pid)
                with process.oneshot():
                    self._history.write(
                        "sample",
                        target=name,
                        pid=process.pid,
                        at_s=self._history.now_s,
                        rss_bytes=process.memory_info().rss,
                        fds=process.num_fds(),
                        threads=process.num_threads(),
                    )
