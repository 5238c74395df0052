"""The peers' job on stock Faust: an agent, a table of plain values written for every event."""

from typing import Any

from bench.peers.contract import KINDS, PeerSettings, Progress
from bench.peers.faust_app import RAW, new_app, run
from bench.peers.job import announce, apply_touchpoint, new_state
from bench.peers.touchpoints import touchpoint_reader

peer = PeerSettings.of_environment()
progress = Progress()
readers = {peer.topic_of(kind): touchpoint_reader(peer, kind) for kind in KINDS}
app = new_app(peer)
customers = app.Table("customers", key_type=bytes, partitions=peer.partitions)
updates = app.topic(peer.output, key_serializer="raw")


@app.agent(app.topic(*readers, **RAW))
async def score(stream: Any) -> None:  # noqa: ANN401 -- Faust's
    """Apply each event, write its customer's state, and send an update that is due."""
    async for event in stream.events():
        message = event.message
        touchpoint = readers[message.topic](event.value)
        state = customers.get(message.key) or new_state()
        if apply_touchpoint(state, *touchpoint):
            update = announce(state, touchpoint.event_id)
            customers[message.key] = state
            if update is not None:
                await updates.send(key=message.key, value=update)
        progress.touchpoints += 1


if __name__ == "__main__":
    progress.start()
    run(app)
