"""Writing JSON lines: to a file, compressed if its name ends in ``.gz``, or to standard output."""

import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final, cast

import msgspec

from ckm_stream.errors import ConfigurationError

STDOUT: Final = Path("-")


@contextmanager
def open_lines(path: Path) -> Iterator[Callable[[object], None]]:
    """
    Open *path*, or standard output for ``-``, and give the function that writes one line.

    The same lines give the same bytes, also compressed.

    Raises:
        ConfigurationError: If it cannot be opened or written.
    """
    encode = msgspec.json.Encoder().encode
    with ExitStack() as stack:
        with _as_configuration_error(path):
            file = _open(path, stack)

        def write(value: object) -> None:
            with _as_configuration_error(path):
                file.write(encode(value) + b"\n")

        yield write
        with _as_configuration_error(path):
            file.flush()


def _open(path: Path, stack: ExitStack) -> IO[bytes]:
    if path == STDOUT:
        return sys.stdout.buffer
    raw = stack.enter_context(path.open("wb"))
    if path.suffix != ".gz":
        return raw
    # No name and no time in the header: they would make equal lines different bytes.
    return cast(IO[bytes], stack.enter_context(gzip.GzipFile("", "wb", fileobj=raw, mtime=0)))


@contextmanager
def _as_configuration_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # whoever reads our output has had enough, which is no error of ours
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
