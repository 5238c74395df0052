from collections.abc import Mapping
from typing import Final

from ckm_stream.native.choices import Choices

PLACES: Final[Mapping[str, Mapping[str, int]]]
SYMBOLS: Final[Mapping[str, int]]

def is_plain(
    source: int, value: bytes, timestamp_ms: int, choices: Choices, checked: bool
) -> bool: ...
