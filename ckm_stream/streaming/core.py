"""The application core of a worker: codecs, rules, and whether they run compiled."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import structlog
from aiokafka.partitioner import murmur2

from ckm_stream import native
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Source, Topics
from ckm_stream.domain.epoch import Epoch
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.pipeline import fold
from ckm_stream.pipeline.unit import Core, Load, PartitionOf, Unit
from ckm_stream.settings import CoreKind, Settings

log = structlog.get_logger(__name__)
# murmur2 in Python costs 3 µs, and events are forwarded to the same few employees and referrers.
_PARTITIONS_KEPT = 1 << 14


def new_core(
    settings: Settings, topics: Topics, *, load: Load, epoch_at: Callable[[int], Epoch]
) -> tuple[Core, type[Unit]]:
    """
    Return what all units of a worker share, and the kind of unit that works with it.

    Raises:
        ConfigurationError: If the compiled core is asked for and was not built.
    """
    schemas, policy = open_schemas(settings), settings.scoring
    events = EventCodec(schemas, topics)
    folds, unit = _kind(settings.core)
    log.info("state.layout", written=settings.state.layout)
    profiles = folds.ProfileFold(
        topics=topics,
        events=events,
        outputs=OutputCodec(schemas),
        policy=policy,
        epoch_at=epoch_at,
        layout=settings.state.layout,
    )
    employees = folds.EmployeeFold(policy=policy, layout=settings.state.layout)
    core = Core(
        application_id=settings.kafka.profile_group,
        topics=topics,
        events=events,
        policy=policy,
        folds={s: employees if s is Source.EMPLOYEE else profiles for s in Source},
        load=load,
        partition_of=partitioner(settings.kafka.partitions),
    )
    return core, unit


def _kind(wanted: CoreKind) -> tuple[Any, type[Unit]]:
    if wanted is not CoreKind.PYTHON and native.is_built():
        from ckm_stream.native import unit  # noqa: PLC0415 -- it is not there on every machine

        log.info("core.compiled")
        return unit, unit.CompiledUnit
    if wanted is CoreKind.COMPILED:
        raise ConfigurationError(
            "CKM__CORE=compiled, but the compiled core was not built; install a C compiler and "
            "the package again, or set CKM__CORE=python"
        )
    log.info("core.python")
    return fold, Unit


def partitioner(partitions: int) -> PartitionOf:
    """Return what tells the partition of a key, as Kafka's Java client and aiokafka choose it."""

    @lru_cache(maxsize=_PARTITIONS_KEPT)
    def partition_of(key: bytes) -> int:
        positive: int = murmur2(key) & 0x7FFFFFFF
        return positive % partitions

    return partition_of
