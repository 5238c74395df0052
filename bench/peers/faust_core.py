"""
The same agent on stock Faust: this worker's compiled core under it, so only the framework differs.

One ordinary agent over all six source topics; each event is folded and scored by the core, its
state written to a Faust table, and whatever it causes (score update, knowledge item, forwarded
event) sent with ``topic.send``. The core is called with one record at a time, as Faust gives them.
"""

from collections import defaultdict
from typing import Any

from bench.peers.contract import PeerSettings, Progress
from bench.peers.faust_app import RAW, new_app, run
from ckm_stream.codec.topics import Source, Topics
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.pipeline.fold import EMPLOYEES, PROFILES
from ckm_stream.pipeline.origin import FORWARDED
from ckm_stream.pipeline.recent import RecentStates
from ckm_stream.pipeline.records import Effects, Slice
from ckm_stream.settings import CoreKind, KafkaSettings, Settings
from ckm_stream.streaming.core import new_core
from ckm_stream.streaming.schema import records_of

# What this worker keeps decoded of each partition.
_RECENT = 1024

peer = PeerSettings.of_environment()
progress = Progress()
names = Topics(peer.prefix)
sources = {name: source for name, source in names.sources.items() if source is not Source.TEXT}
app = new_app(peer)
tables = {
    table: app.Table(table, key_type=bytes, value_type=bytes, partitions=peer.partitions)
    for table in (PROFILES, EMPLOYEES)
}
outputs = {
    name: app.topic(name, **RAW)
    for name in (names.score_updated, names.knowledge_item, names.referral, names.employee)
}
settings = Settings(
    core=CoreKind.COMPILED,
    kafka=KafkaSettings(topic_prefix=peer.prefix, partitions=peer.partitions),
)
epoch = epoch_zero(settings.scoring)
core, unit_type = new_core(
    settings, names, load=lambda table, _, key: tables[table].get(key), epoch_at=lambda _: epoch
)
recent: dict[int, RecentStates] = defaultdict(lambda: RecentStates(_RECENT))


@app.agent(app.topic(*sources, **RAW))
async def score(stream: Any) -> None:  # noqa: ANN401 -- Faust's
    """Fold each event, write its customer's state, and send what it causes."""
    async for event in stream.events():
        message = event.message
        partition, source = message.partition, sources[message.topic]
        unit = unit_type(core, partition, recent[partition])
        unit.add(Slice(source, message.topic, partition, records_of(message)))
        effects = unit.seal()
        for table, entries in effects.changelog.items():
            for key, state in entries:
                tables[table][key] = state
        await send(effects)
        unit.release()
        if source in FORWARDED:
            progress.forwarded += 1
        else:
            progress.touchpoints += 1


async def send(effects: Effects) -> None:
    """Send what a touchpoint caused; nothing in the benchmark's load is ever set aside."""
    if effects.dead_letters:
        raise SystemExit(f"set aside: {effects.rejections}")
    for output in (*effects.updates, *effects.items, *effects.forwarded):
        await outputs[output.topic].send(
            key=output.key,
            value=output.value,
            partition=output.partition,
            headers=list(output.headers),
        )


if __name__ == "__main__":
    progress.start()
    run(app)
