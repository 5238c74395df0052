"""
A Kafka cluster in memory: logs, transactions with their markers, fencing, one group's offsets.

What matters for exactness is as in Kafka: the end of a transaction takes an offset that nobody is
given, readers of committed records get none from the first open transaction on, and a producer id
that is asked for again fences whoever had it and aborts what they left open (KIP-98).
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka.errors import InvalidProducerEpoch

from ckm_stream.pipeline.records import Headers
from tests.support.reading import ReadRecord
from tests.support.touchpoints import T0_S

#: (topic, partition).
Tp = tuple[str, int]


@dataclass(eq=False, slots=True)
class Transaction:
    """Records and offsets that count together or not at all."""

    transactional_id: str
    epoch: int
    is_open: bool = True
    is_committed: bool = False
    partitions: set[Tp] = field(default_factory=set)
    offsets: dict[Tp, int] = field(default_factory=dict)


class _Entry(NamedTuple):
    record: ReadRecord | None
    transaction: Transaction | None

    @property
    def is_undecided(self) -> bool:
        """Whether its transaction is open."""
        return self.transaction is not None and self.transaction.is_open

    @property
    def is_visible(self) -> bool:
        """Whether a reader of committed records is given it."""
        if self.record is None:
            return False
        return self.transaction is None or self.transaction.is_committed


class Fetch(NamedTuple):
    """Committed records, where the reader is after them, and the end of the log."""

    records: list[ReadRecord]
    position: int
    highwater: int


class Cluster:
    """All topics; any number of programs may come and go."""

    def __init__(self) -> None:
        self.committed: dict[Tp, int] = {}
        self._logs: defaultdict[Tp, list[_Entry]] = defaultdict(list)
        self._epochs: dict[str, int] = {}
        self._open: dict[str, Transaction] = {}

    def append(
        self,
        tp: Tp,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        transaction: Transaction | None = None,
    ) -> int:
        """
        Append a record and return its offset.

        Raises:
            InvalidProducerEpoch: If the transaction's producer has been fenced.
        """
        if transaction is not None:
            self._join(transaction).partitions.add(tp)
        log = self._logs[tp]
        offset = len(log)
        record = ReadRecord(*tp, offset, T0_S * 1000, key, value, tuple(headers))
        log.append(_Entry(record, transaction))
        return offset

    def init_producer_id(self, transactional_id: str) -> int:
        """Fence the predecessor, abort its transaction, and return the new epoch."""
        if (left := self._open.get(transactional_id)) is not None:
            self._end(left, is_committed=False)
        epoch = self._epochs.get(transactional_id, -1) + 1
        self._epochs[transactional_id] = epoch
        return epoch

    def add_offsets(self, transaction: Transaction, offsets: dict[Tp, int]) -> None:
        """
        Let *offsets* be committed with the transaction.

        Raises:
            InvalidProducerEpoch: If the producer has been fenced.
        """
        self._join(transaction).offsets.update(offsets)

    def commit(self, transaction: Transaction) -> None:
        """
        Decide a transaction for good.

        Raises:
            InvalidProducerEpoch: If the producer has been fenced.
        """
        self._end(self._join(transaction), is_committed=True)

    def fetch(self, tp: Tp, start: int, limit: int) -> Fetch:
        """Read up to *limit* committed records from *start*, and past whatever is not one."""
        records: list[ReadRecord] = []
        log, position = self._logs[tp], start
        for entry in log[start:]:
            if entry.is_undecided or len(records) == limit:
                break
            position += 1
            if entry.is_visible:
                assert entry.record is not None
                records.append(entry.record)
        return Fetch(records, position, len(log))

    def read(self, topic: str, partitions: int) -> list[ReadRecord]:
        """Return all committed records of *topic*, partition by partition."""
        return [
            record
            for number in range(partitions)
            for record in self.fetch((topic, number), 0, 1 << 30).records
        ]

    def _join(self, transaction: Transaction) -> Transaction:
        if self._epochs[transaction.transactional_id] != transaction.epoch:
            raise InvalidProducerEpoch
        self._open[transaction.transactional_id] = transaction
        return transaction

    def _end(self, transaction: Transaction, *, is_committed: bool) -> None:
        transaction.is_open, transaction.is_committed = False, is_committed
        for tp in transaction.partitions:
            self._logs[tp].append(_Entry(None, transaction))
        if is_committed:
            self.committed.update(transaction.offsets)
        del self._open[transaction.transactional_id]
