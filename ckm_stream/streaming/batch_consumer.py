"""
A consumer that hands over fetched batches, where aiokafka's makes an object of each record first.

The fetcher is aiokafka's own: what to ask for, positions, backoff and errors stay with it, and so
do batches of older formats than 2. Other classes take the place of three that its methods make, by
name. Importable with the compiled core alone (docs/adr/0013-records-in-place.md).
"""

from collections.abc import Callable, Collection, Sequence
from math import inf
from types import FunctionType
from typing import Any, Final

import aiokafka
from aiokafka import codec
from aiokafka.consumer import fetcher as stock
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition

from ckm_stream.native.batches import BatchError, BatchReader, RecordSequence

#: In the place of the most records that are wanted. aiokafka takes what it was given from it, and
#: goes on with the next partition while something is left.
_UNREAD: Final = inf
#: What the Java client's blocks of Snappy begin with, which all clients write.
_BLOCKS: Final = b"\x82SNAPPY\0\0\0\0\1\0\0\0\1"


def _decode_snappy(compressed: memoryview) -> Any:
    """Decode into one buffer of the right size; aiokafka copies each block three times."""
    snappy = codec.cramjam.snappy
    end = len(compressed)
    if end <= len(_BLOCKS) or compressed[: len(_BLOCKS)] != _BLOCKS:
        return codec.snappy_decode(compressed)
    blocks = []
    size, at = 0, len(_BLOCKS)
    while at < end:
        begin = at + 4
        at = begin + int.from_bytes(compressed[at:begin], "big")
        if at > end:
            raise CorruptRecordException("a block of Snappy that is not there to its end")
        block = compressed[begin:at]
        length = snappy.decompress_raw_len(block)
        blocks.append((block, size, size + length))
        size += length
    decoded = memoryview(bytearray(size))
    for block, first, last in blocks:
        snappy.decompress_raw_into(block, decoded[first:last])
    return decoded


_DECODERS: Final = {
    1: codec.gzip_decode,
    2: _decode_snappy,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}


def decompress(codec_number: int, compressed: memoryview) -> Any:
    """
    Return the bytes that a batch's records were before they were compressed.

    Raises:
        UnsupportedCodecError: If the number stands for no codec.
    """
    decode = _DECODERS.get(codec_number)
    if decode is None:
        raise UnsupportedCodecError(f"no codec has the number {codec_number}")
    return decode(compressed)


class _Reader(BatchReader):
    """Reads the batches of one partition."""

    def take(self, max_records: int | None = None) -> RecordSequence:
        """
        Return the next records, at most *max_records*; none only if there are no more.

        Raises:
            CorruptRecordException: If a batch is corrupt.
        """
        try:
            return super().take(max_records)
        except BatchError as error:
            raise CorruptRecordException(str(error)) from error


class _PlainReader:
    """Records that aiokafka has read, in portions; what a ``_Reader`` is to the others."""

    def __init__(self, records: list[Any]) -> None:
        self._records = records

    def take(self, max_records: int) -> Sequence[Any]:
        taken, self._records = self._records[:max_records], self._records[max_records:]
        return taken


class _FetchedBytes:
    """A fetched record set as it came; in the place of ``MemoryRecords``."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.records = MemoryRecords(data)
        self.has_next = self.records.has_next
        self.size_in_bytes = self.records.size_in_bytes


def _new_reader(  # noqa: PLR0913, PLR0917 -- the signature of `PartitionRecords`, whose place it takes
    tp: TopicPartition,
    fetched: _FetchedBytes,
    aborted: Collection[tuple[int, int]] | None,
    fetch_offset: int,
    key_deserializer: Callable[[bytes], Any] | None,
    value_deserializer: Callable[[bytes], Any] | None,
    check_crcs: bool,  # noqa: FBT001 -- likewise
    isolation_level: int,
) -> Any:
    if not _Reader.is_readable(fetched.data) or key_deserializer or value_deserializer:
        return stock.PartitionRecords(
            tp,
            fetched.records,
            aborted,
            fetch_offset,
            key_deserializer,
            value_deserializer,
            check_crcs,
            isolation_level,
        )
    return _Reader(
        fetched.data,
        aborted,
        fetch_offset,
        read_committed=isolation_level == stock.READ_COMMITTED,
        crc32c=calc_crc32c if check_crcs else None,
        decompress=decompress,
    )


class _FetchResult(stock.FetchResult):  # type: ignore[misc] # aiokafka has no types
    """What was fetched of a partition; reads batches where these are ours to read."""

    def getone(self) -> Any:
        """Return the next record, or None."""
        records = self.getall(1)
        return records[0] if records else None

    def getall(self, max_records: float | None = None) -> Any:
        """Return the next records, or the one reader of them all if they are wanted unread."""
        if not self.has_more() or not self.check_assignment(self._topic_partition):
            return []
        reader: Any = self._partition_records  # type: ignore[has-type] # likewise
        if not isinstance(reader, _Reader):
            if max_records == _UNREAD:
                return [_PlainReader(super().getall())]
            return super().getall(max_records)
        if max_records == _UNREAD:
            self._partition_records = None
            state = self._assignment.state_value(self._topic_partition)
            state.consumed_to(reader.end_offset)
            return [reader]
        records = reader.take(None if max_records is None else int(max_records))
        self._update_position()
        if not reader.has_more:
            self._partition_records = None
        return records


def _renamed(function: Any, **names: Any) -> Any:
    """Return *function* as it were if its module had other objects under *names*."""
    renamed = FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    renamed.__kwdefaults__ = function.__kwdefaults__
    return renamed


class _Fetcher(stock.Fetcher):  # type: ignore[misc] # aiokafka has no types
    """aiokafka's fetcher, which leaves the batches as they are."""

    _proc_fetch_request = _renamed(
        stock.Fetcher._proc_fetch_request,  # noqa: SLF001 -- where an answer is taken apart
        FetchResult=_FetchResult,
        MemoryRecords=_FetchedBytes,
        PartitionRecords=_new_reader,
    )
    fetched_records = _renamed(stock.Fetcher.fetched_records, FetchResult=_FetchResult)
    next_record = _renamed(stock.Fetcher.next_record, FetchResult=_FetchResult)


class BatchConsumer(aiokafka.AIOKafkaConsumer):  # type: ignore[misc] # aiokafka has no types
    """A consumer whose records are sequences over fetched memory."""

    start = _renamed(aiokafka.AIOKafkaConsumer.start, Fetcher=_Fetcher)

    async def fetched_readers(
        self, *partitions: TopicPartition, timeout_s: float
    ) -> dict[TopicPartition, Any]:
        """
        Return what was fetched of each partition, to be taken in portions.

        The positions are behind it at once, so that the next fetch is under way meanwhile.
        """
        self._coordinator.check_errors()
        with self._subscription.fetch_context():
            fetched = await self._fetcher.fetched_records(partitions, timeout_s, _UNREAD)
        return {tp: reader for tp, (reader,) in fetched.items()}
