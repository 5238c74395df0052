"""The ``ckm`` command; ``main`` is its entry point."""

from ckm_stream.cli.main import main

__all__ = ["main"]
