"""Workers that die or stop at a chosen step, and what happens around them."""

from collections.abc import Sequence
from signal import SIGKILL

from ckm_stream.domain.events import TouchpointEvent
from tests.support.installation import Installation
from tests.support.services import Service, wait_until

#: Seconds after which the broker gives a dead worker's partitions to another one.
SESSION = {"CKM__KAFKA__SESSION_TIMEOUT_S": "1.5"}
# The unit that a worker dies in: late enough for others to be durable before it.
_UNIT = 2
_PATIENCE_S = 60.0


def die_at(
    points: Sequence[str],
    service: Installation,
    events: Sequence[TouchpointEvent],
    *,
    without: Sequence[str] = (),
) -> None:
    """
    Let a worker kill itself at each of *points*, one after the other, then start one that lives.

    Each gets its share of *events* while the one before it is dead. Those that die lack the
    mechanisms named by *without*; the one that lives is the installation's worker.
    """
    share = -(-len(events) // (len(points) + 1))
    service.snapshots.start()
    for number, point in enumerate(points):
        service.publish(events[number * share : (number + 1) * share])
        dying = service.new_faulty("worker", f"{point}:dies:{_UNIT}", *without)
        dying.start()
        assert dying.wait(timeout_s=_PATIENCE_S) == -SIGKILL, dying.log()[-3000:]
    service.publish(events[len(points) * share :])
    service.worker.start()


def outlive(
    zombie: Service, successor: Service, service: Installation, events: Sequence[TouchpointEvent]
) -> None:
    """
    Start *zombie*, which stops itself at a chosen step, and let *successor* do all the work.

    The zombie continues when everything is stored.
    """
    other = service.snapshots if successor is service.worker else service.worker
    service.publish(events)

    zombie.start()
    other.start()
    wait_until(
        lambda: zombie.is_stopped,
        timeout_s=_PATIENCE_S,
        what=lambda: f"the zombie to stop itself; {zombie.log()[-3000:]}",
    )
    successor.start()
    service.wait_until_stored(service.expected(events))
    zombie.resume()
