"""One mechanism taken away from the gateway, or from what all programs say."""

import logging
import zlib
from collections.abc import Sequence
from typing import Any

from ckm_stream.codec.events import EventCodec
from ckm_stream.gateway import bodies, producer
from ckm_stream.gateway.verdicts import Judged


def without_acknowledgements() -> None:
    """Events are handed to the client, and nobody waits for what the brokers say."""

    async def send(self: producer.AckProducer, events: Sequence[Judged]) -> list[Judged]:
        for each in events:
            await self._start_sending(each)
        return []

    producer.AckProducer.send = send  # type: ignore[method-assign] # the fault


def without_unpacking_in_bounds() -> None:
    """What was sent packed is unpacked whole before its size is looked at."""

    def unpack(data: bytes, max_bytes: int) -> bytes:
        unpacked = zlib.decompress(data, wbits=31)
        if len(unpacked) > max_bytes:
            raise vars(bodies)["_too_large"](max_bytes)
        return unpacked

    vars(bodies)["_unpack"] = unpack


def without_discretion() -> None:
    """Whoever reads a record says whose it is."""
    decode = EventCodec.decode

    def telling(self: EventCodec, source: Any, key: bytes | None, value: bytes | None) -> Any:
        logging.getLogger("ckm_stream").warning("a record of %s", (key or b"").decode())
        return decode(self, source, key, value)

    EventCodec.decode = telling  # type: ignore[method-assign] # the fault


def without_renewal() -> None:
    """Go on with a producer after the brokers have refused what it sent."""

    async def never(self: producer.AckProducer) -> None:
        pass

    producer.AckProducer._renew_if_spoilt = never  # type: ignore[method-assign] # the fault


FAULTS = (
    without_acknowledgements,
    without_unpacking_in_bounds,
    without_discretion,
    without_renewal,
)
