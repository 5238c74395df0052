"""The broker that the end-to-end suite runs on: embedded by default, or real Apache Kafka."""

from dataclasses import dataclass
from enum import StrEnum

from ckm_stream.settings import Guarantee


class BrokerKind(StrEnum):
    """Values of the option ``--broker``."""

    EMBEDDED = "embedded"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker and what it can do."""

    bootstrap_servers: str
    kind: BrokerKind

    @property
    def guarantees(self) -> tuple[Guarantee, ...]:
        """What can be had on it, the better one first; the embedded broker has no transactions."""
        if self.kind is BrokerKind.EMBEDDED:
            return (Guarantee.AT_LEAST_ONCE,)
        return (Guarantee.EXACTLY_ONCE, Guarantee.AT_LEAST_ONCE)
