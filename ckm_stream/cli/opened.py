"""The store that the settings name, for as long as a command works with it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from ckm_stream.settings import load_settings
from ckm_stream.snapshots.store import open_migrated


@contextmanager
def opened_store() -> Iterator[Engine]:
    """
    Give the store's engine.

    Raises:
        ConfigurationError: If the store cannot be used or is not migrated.
    """
    engine = open_migrated(load_settings().store.url.get_secret_value())
    try:
        yield engine
    finally:
        engine.dispose()
