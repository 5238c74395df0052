"""
The compiled twin of the application core's hot path: the same bytes in an eighth of the time.

``domain``, ``codec`` and ``pipeline`` are the reference and work alone; what is here is built from
the ``.pyx`` files where there is a C compiler (docs/adr/0009-compiled-core.md). Nothing is decided
here that the reference does not decide: whatever is not plain is handed to it.
"""

from importlib.util import find_spec


def is_built() -> bool:
    """Say whether the compiled modules are there for this interpreter."""
    return find_spec("ckm_stream.native.unit") is not None
