"""
The ceiling: a bare aiokafka loop that fetches and decodes, and does nothing with it.

    python -m bench.peers.bare fastavro|compiled

``fastavro`` makes a dict of every field; ``compiled`` is this worker's own decoder, which makes no
Python objects. Settings of the consumer are those of this worker's.
"""

import asyncio
import signal
import sys
from collections.abc import Callable

import aiokafka
import uvloop

from bench.peers.contract import KINDS, PeerSettings, Progress
from bench.peers.touchpoints import full_reader

_MOST_AT_ONCE = 2000
_FETCH_BYTES = 1 << 20

Decode = Callable[[bytes], object]


async def fetch(settings: PeerSettings, decoders: dict[str, Decode], progress: Progress) -> None:
    """Fetch and decode until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    consumer = aiokafka.AIOKafkaConsumer(
        *decoders,
        bootstrap_servers=settings.bootstrap,
        group_id=settings.application,
        auto_offset_reset="earliest",
        max_poll_records=_MOST_AT_ONCE,
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    try:
        while not stopped.is_set():
            fetched = await consumer.getmany(timeout_ms=100)
            for tp, records in fetched.items():
                decode = decoders[tp.topic]
                for record in records:
                    decode(record.value)
                progress.touchpoints += len(records)
    finally:
        await consumer.stop()


def compiled_decoders(settings: PeerSettings) -> dict[str, Decode]:
    """Return this worker's compiled decoder for each topic."""
    from ckm_stream.domain.policy import Policy  # noqa: PLC0415 -- the other decoder does without
    from ckm_stream.native.choices import Choices  # noqa: PLC0415 -- not there on every machine
    from ckm_stream.native.touchpoint import is_plain  # noqa: PLC0415 -- likewise

    choices = Choices(Policy())

    def decoder(source: int) -> Decode:
        def decode(value: bytes) -> None:
            if not is_plain(source, value, -1, choices, False):  # noqa: FBT003 -- positional only
                raise SystemExit("a touchpoint of the benchmark is not of the newest schema")

        return decode

    return {topic: decoder(source) for topic, source in settings.kinds.items()}


def main() -> None:
    """Run with the decoder that the command line names."""
    settings = PeerSettings.of_environment()
    if sys.argv[1] == "compiled":
        decoders = compiled_decoders(settings)
    else:
        decoders = {settings.topic_of(kind): full_reader(settings, kind) for kind in KINDS}
    progress = Progress()
    progress.start()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(fetch(settings, decoders, progress))
    progress.say()


if __name__ == "__main__":
    main()
