"""
The peers' job on Quix Streams 3: one dataframe over the four topics, its state in RocksDB.

Four dataframes are joined by ``concat``, which is how Quix Streams has one state for several
topics; it costs the alignment of partitions in time. All settings are the defaults, which are the
recommended ones: a checkpoint every 5 s, and a changelog.
"""

from quixstreams import Application
from quixstreams.models import Deserializer
from quixstreams.state import State

from bench.peers.contract import KINDS, PeerSettings, Progress
from bench.peers.job import Update, announce, apply_touchpoint, new_state
from bench.peers.touchpoints import Touchpoint, touchpoint_reader

_PROFILE = "profile"


class TouchpointDeserializer(Deserializer):  # type: ignore[misc] # it is not installed where types are checked
    """Decodes the touchpoints of one topic."""

    def __init__(self, settings: PeerSettings, kind: str) -> None:
        super().__init__()
        self._read = touchpoint_reader(settings, kind)

    def __call__(self, value: bytes, ctx: object) -> Touchpoint:  # noqa: ARG002 -- its own name
        """Return the touchpoint in a value."""
        return self._read(value)


def main() -> None:
    """Run until SIGTERM."""
    peer = PeerSettings.of_environment()
    progress = Progress()
    app = Application(
        broker_address=peer.bootstrap,
        consumer_group=peer.application,
        auto_offset_reset="earliest",
        state_dir=peer.state_dir,
        processing_guarantee=peer.guarantee.replace("_", "-"),
        loglevel="WARNING",
    )

    def score(touchpoint: Touchpoint, state: State) -> Update | None:
        progress.touchpoints += 1
        profile = state.get(_PROFILE) or new_state()
        if not apply_touchpoint(profile, *touchpoint):
            return None
        update = announce(profile, touchpoint.event_id)
        state.set(_PROFILE, profile)
        return update

    frames = [
        app.dataframe(
            app.topic(peer.topic_of(kind), value_deserializer=TouchpointDeserializer(peer, kind))
        )
        for kind in KINDS
    ]
    joined = frames[0]
    for frame in frames[1:]:
        joined = joined.concat(frame)
    updates = joined.apply(score, stateful=True)
    updates = updates[updates.apply(lambda update: update is not None)]
    updates.to_topic(app.topic(peer.output))
    progress.start()
    app.run()
    progress.say()


if __name__ == "__main__":
    main()
