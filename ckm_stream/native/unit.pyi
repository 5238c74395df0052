from collections.abc import Callable
from typing import Any

from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Source, Topics
from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.policy import Policy
from ckm_stream.pipeline.records import Effects
from ckm_stream.pipeline.unit import Unit

class _Fold:
    @property
    def table(self) -> str: ...
    def slot(self, source: Source) -> int: ...
    def load(self, data: bytes | None, partition: int) -> Any: ...
    def seal(self, key: bytes, state: Any, effects: Effects, *, last: Any) -> bytes: ...
    def announce_again(self, key: bytes, state: Any, effects: Effects) -> None: ...

class ProfileFold(_Fold):
    def __init__(
        self,
        *,
        topics: Topics,
        events: EventCodec,
        outputs: OutputCodec,
        policy: Policy,
        epoch_at: Callable[[int], Epoch],
    ) -> None: ...

class EmployeeFold(_Fold):
    def __init__(self, *, policy: Policy) -> None: ...

class CompiledUnit(Unit): ...
