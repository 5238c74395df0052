"""Which code collects a batch: compiled for PostgreSQL where it was built, else Python."""

from collections.abc import Callable

from sqlalchemy import Engine

from ckm_stream import native
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.errors import ConfigurationError
from ckm_stream.settings import CoreKind, Settings
from ckm_stream.snapshots.collect import BatchCollector, Collector


def collectors(
    settings: Settings, engine: Engine, *, topics: Topics, outputs: OutputCodec
) -> Callable[[], BatchCollector]:
    """
    Return what makes the collector of each transaction into the store of *engine*.

    Raises:
        ConfigurationError: If the compiled core is asked for and was not built.
    """
    policy = settings.scoring
    if settings.core is CoreKind.COMPILED and not native.is_built():
        raise ConfigurationError(
            "CKM__CORE=compiled, but the compiled core was not built; install a C compiler and "
            "the package again, or set CKM__CORE=python"
        )
    if (
        settings.core is CoreKind.PYTHON
        or not native.is_built()
        or engine.dialect.name != "postgresql"
    ):
        return lambda: Collector(topics=topics, outputs=outputs, policy=policy)
    from ckm_stream.native.choices import Choices  # noqa: PLC0415 -- it is not there on every machine
    from ckm_stream.snapshots.compiled import CompiledCollector  # noqa: PLC0415 -- likewise

    choices = Choices(policy)
    return lambda: CompiledCollector(topics=topics, outputs=outputs, policy=policy, choices=choices)
