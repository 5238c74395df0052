from typing import TypeAlias

from ckm_stream.native.choices import Choices, EpochNumbers

Numbers: TypeAlias = tuple[float, ...]

def scored(
    data: bytes, choices: Choices, epoch: EpochNumbers
) -> tuple[
    Numbers, Numbers, Numbers, tuple[float, float, float], float, Numbers, str, str, str, bool
]: ...
def update_of(
    data: bytes, key: bytes, head: bytes, choices: Choices, epoch: EpochNumbers
) -> bytes: ...
