"""The parts of a gateway, wired: what each works with, and what they tell of their health."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from fastapi import FastAPI
from sqlalchemy import Engine

from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Source, Topics
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.gateway.answers import SourceMap
from ckm_stream.gateway.app import build_app
from ckm_stream.gateway.caching import Cached
from ckm_stream.gateway.census import Census
from ckm_stream.gateway.context import Gateway
from ckm_stream.gateway.cooling import known_epochs
from ckm_stream.gateway.flow import FlowMeter
from ckm_stream.gateway.gathering import Gathered
from ckm_stream.gateway.health import GatewayHealth
from ckm_stream.gateway.producer import AckProducer
from ckm_stream.gateway.rates import RateLimit
from ckm_stream.gateway.rules import Rules
from ckm_stream.gateway.store import StoreReader
from ckm_stream.gateway.streams import Streams
from ckm_stream.gateway.tokens import Doorkeeper, Tokens
from ckm_stream.gateway.updates import UpdateHub
from ckm_stream.operations.metrics import GatewayMetrics
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.pipeline.epochs import Epochs
from ckm_stream.publishing.client import encode_checked, wall_clock_ms
from ckm_stream.settings import Settings
from ckm_stream.snapshots import overview, pages
from ckm_stream.snapshots.overview import Glance
from ckm_stream.snapshots.stored import ClassSize, CustomerProfile
from ckm_stream.snapshots.tokens import TokenStore

# At a million customers the store takes 0.2 s for the one, and for each of the other.
_GLANCE_S: Final = 3.0
_MAP_S: Final = 30.0


def assemble(
    settings: Settings, engine: Engine, *, metrics: GatewayMetrics, health: GatewayHealth
) -> tuple[FastAPI, UpdateHub]:
    """
    Return the application of a gateway, and what its listeners listen to.

    Raises:
        ConfigurationError: If a schema or a file of the security settings cannot be used.
    """
    kafka, limits = settings.kafka, settings.gateway
    topics, schemas = Topics(kafka.topic_prefix), open_schemas(settings)
    events, outputs = EventCodec(schemas, topics), OutputCodec(schemas)
    store = StoreReader(
        engine,
        contact=health.store,
        threads=limits.store_connections,
        timeout_s=limits.query_timeout_s,
    )
    held = Tokens(lambda: store.read(lambda each: TokenStore(each).all()))
    rates = RateLimit(limits.rate_per_s, limits.rate_burst)
    hub = UpdateHub(kafka, topic=topics.score_updated, codec=outputs, broker=health.broker)
    sources = (Source.CALL, Source.TICKET, Source.PURCHASE, Source.FEEDBACK)
    flows = [*(topics.of(source) for source in sources), topics.score_updated]
    readings = _Readings(settings, store, topics, EpochCodec(schemas))
    glance = Cached(readings.glance, for_s=_GLANCE_S).get

    async def sizes() -> list[ClassSize]:
        return (await glance())[0].classes

    gateway = Gateway(
        settings=settings,
        topics=topics,
        outputs=outputs,
        metrics=metrics,
        store=store,
        doorkeeper=Doorkeeper(held, rates, metrics.http_rate_limited.inc),
        producer=AckProducer(
            kafka, codec=events, broker=health.broker, ack_timeout_s=limits.ack_timeout_s
        ),
        hub=hub,
        meter=FlowMeter(kafka, flows, broker=health.broker),
        streams=Streams(limits.max_streams, metrics.http_streams),
        rules=Rules(lambda event: _checked(event, events, settings), now_ms=wall_clock_ms),
        epochs=Cached(readings.epochs, for_s=settings.epoch.refresh_s).get,
        profile=Gathered(readings.profiles).get,
        glance=glance,
        census=Census(sizes, metrics.customers),
        source_map=readings.source_map,
    )
    return build_app(gateway, held), hub


def _checked(event: TouchpointEvent, codec: EventCodec, settings: Settings) -> bytes:
    return encode_checked(event, codec, settings.scoring, wall_clock_ms())


class _Readings:
    """What is read of the store for everybody, once in a while."""

    def __init__(
        self, settings: Settings, store: StoreReader, topics: Topics, codec: EpochCodec
    ) -> None:
        self._settings = settings
        self._store = store
        self._topics = topics
        self._codec = codec
        self._maps: dict[int, Cached[SourceMap]] = {}

    async def profiles(self, customer_ids: Sequence[str]) -> Mapping[str, CustomerProfile]:
        return await self._store.read(pages.profiles, customer_ids)

    async def epochs(self) -> Epochs:
        zero = epoch_zero(self._settings.scoring)
        return await self._store.read(known_epochs, self._codec, zero)

    async def glance(self) -> tuple[Glance, int]:
        topic = self._topics.score_updated
        found, positions = await asyncio.gather(
            self._store.read(overview.glance), self._store.read(overview.positions_of, topic)
        )
        return found, sum(positions.values())

    async def source_map(self, bins: int) -> SourceMap:
        async def read() -> SourceMap:
            cells, is_simulated = await asyncio.gather(
                self._store.read(overview.map_cells, bins),
                self._store.read(overview.has_simulated),
            )
            return SourceMap(bins, cells, is_simulated)

        if bins not in self._maps:  # there are 46
            self._maps[bins] = Cached(read, for_s=_MAP_S)
        return await self._maps[bins].get()
