"""Word lists that come with this package."""

from importlib import resources


def packaged_text(name: str) -> str:
    """Return the file *name* of ``ckm_stream/text/data``."""
    return resources.files("ckm_stream.text").joinpath("data", name).read_text("utf-8")


def packaged_words(name: str) -> list[str]:
    """Return the words of the file *name*, between blanks; lines that begin with # are comments."""
    lines = packaged_text(name).splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]
