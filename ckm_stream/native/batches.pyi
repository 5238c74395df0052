from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import overload

from typing_extensions import Buffer

from ckm_stream.pipeline.store import StateStore

class BatchError(ValueError): ...

class Record:
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

class RecordSequence(Sequence[Record]):
    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Record]: ...
    def __iter__(self) -> Iterator[Record]: ...
    def __len__(self) -> int: ...
    def run_at_end(self, name: bytes) -> tuple[bytes | None, list[bytes]]: ...
    def put_into(self, store: StateStore) -> None: ...

class BatchReader:
    next_fetch_offset: int
    def __init__(
        self,
        data: bytes,
        aborted: Iterable[tuple[int, int]] | None,
        fetch_offset: int,
        *,
        read_committed: bool,
        crc32c: Callable[[memoryview], int] | None,
        decompress: Callable[[int, memoryview], Buffer],
    ) -> None: ...
    @staticmethod
    def is_readable(data: bytes) -> bool: ...
    @property
    def end_offset(self) -> int: ...
    @property
    def has_more(self) -> bool: ...
    def take(self, max_records: int | None = None) -> RecordSequence: ...
