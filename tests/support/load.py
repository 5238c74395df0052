"""Load for crash tests: published in step with the store, so that no kill hits an idle program."""

import os
import random
import time
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.domain.forwarding import forward
from ckm_stream.simulation.customers import SimulationPlan, simulate
from tests.support.installation import Installation
from tests.support.services import Service

_STEP = 200
_BACKLOG = 2_500  # enough for some units of each lane, little enough to be stored in a second
_PATIENCE_S = 120.0
_POLL_S = 0.05


def simulated_in_order(plan: SimulationPlan, events: int) -> list[TouchpointEvent]:
    """Return the first *events* of those that *plan* makes, all customers mixed, in time order."""
    made = [event for customer in simulate(plan) for event in customer.events]
    made.sort(key=lambda event: (event.occurred_at, event.event_id))
    assert len(made) >= events
    return list(made[:events])


class Load:
    """Publishes *events* step by step, as fast as an installation stores what they cause."""

    def __init__(self, service: Installation, events: Iterable[TouchpointEvent]) -> None:
        self._service = service
        self._left = deque(events)
        self._publisher = service.publisher()
        self.owed = 0

    def __enter__(self) -> Self:
        self._publisher.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._publisher.__exit__(kind, error, trace)

    @property
    def left(self) -> int:
        """Events that are not published yet."""
        return len(self._left)

    def publish(self, count: int) -> None:
        """Publish the next *count* events, or what is left, and wait for the acknowledgements."""
        policy = self._service.settings.scoring
        for _ in range(min(count, len(self._left))):
            event = self._left.popleft()
            self._publisher.publish(event)
            self.owed += 1 + len(forward(event, policy=policy))
        self._publisher.flush()

    def get_ahead(self, count: int) -> None:
        """
        Publish the next *count* events, and further steps until not all that is owed is stored.

        A short pause of this process is enough for the programs to catch up with it.
        """
        self.publish(count)
        while self.stored() >= self.owed:
            assert self._left, "the load has ended, and nothing is under way"
            self.publish(_STEP)

    def run_until_stored(self, goal: int) -> None:
        """Keep the programs busy until *goal* events are in the store, referrals included."""
        deadline = time.monotonic() + _PATIENCE_S
        while (stored := self.stored()) < goal:
            self._service.assert_running()
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{stored} events stored, not {goal}, though {self.owed} are owed; "
                    + self._service.logs()
                )
            if self.owed - stored < _BACKLOG and self._left:
                self.publish(_STEP)
            else:
                time.sleep(_POLL_S)

    def stored(self) -> int:
        """Count the events that the store's states have taken in."""
        stored = self._service.stored()
        return stored.profile_events + stored.employee_events


def kill_under_load(load: Load, victims: list[Service], *, kills: int, progress: int) -> None:
    """
    Kill each of *victims* *kills* times and start it again, in an order drawn from a printed seed.

    Before each kill everything that was owed at the kill before has been stored, and *progress*
    events more; at the kill itself, events that were just published are not.
    """
    seed = int(os.environ.get("CKM_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"kills drawn from seed {seed} (repeat with CKM_TEST_SEED={seed})")
    chance = random.Random(seed)
    order = victims * kills
    chance.shuffle(order)
    for victim in order:
        load.run_until_stored(load.owed + progress)
        load.get_ahead(chance.randrange(1, 5) * _STEP)
        assert load.left, "the load has ended before the kills"
        victim.kill()
        victim.start()
