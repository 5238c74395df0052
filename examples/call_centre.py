"""
Publish a telephone system's records as calls, with the publisher of ckm-stream.

    python call_centre.py calls.jsonl

Needs: ckm-stream, of the release that the workers run.
Settings: those of every program, such as CKM__KAFKA__BOOTSTRAP_SERVERS (docs/configuration.md).
Exit code: 0 if all are published, 1 if some were refused. Run it again after an error: an event
keeps its id, and counts once.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ckm_stream.domain.events import Call, CallOutcome, Channel, Direction
from ckm_stream.errors import RejectedRecord
from ckm_stream.publishing.client import Publisher
from ckm_stream.settings import load_settings

SOURCE = "telephony"
OUTCOMES = {
    "answered": CallOutcome.ANSWERED,
    "hung up": CallOutcome.ABANDONED,
    "no answer": CallOutcome.NO_ANSWER,
}


def call_of(record: dict[str, Any]) -> Call:
    """Return the event of one of the telephone system's records."""
    started = datetime.fromisoformat(record["started"])
    return Call(
        # The system's own number, never a new one: sent again, it is the same event.
        event_id=record["uid"],
        source=SOURCE,
        customer_id=record["caller"],
        occurred_at=micros(started),
        recorded_at=micros(datetime.now(UTC)),
        channel=Channel.PHONE,
        employee_id=record["agent"],
        topics=(record["subject"],),
        direction=Direction.INBOUND,
        outcome=OUTCOMES[record["result"]],
        wait_s=record["rang_s"],
        duration_s=record["talked_s"],
        satisfaction=record["rating"],
        note=record["note"],
    )


def micros(instant: datetime) -> int:
    """Return microseconds since 1970, UTC, without the rounding of a float."""
    since = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def main() -> int:
    """Publish the file; what is wrong is reported, and the others are published."""
    refused = published = 0
    with Publisher.from_settings(load_settings()) as publisher:
        for number, line in enumerate(Path(sys.argv[1]).read_text().splitlines(), start=1):
            try:
                publisher.publish(call_of(json.loads(line)))
                published += 1
            except RejectedRecord as error:
                # It would have become a dead letter; who reports it can still put it right.
                print(f"line {number}: {error.reason}: {error}", file=sys.stderr)
                refused += 1
    # Leaving the block has waited for the acknowledgements of all replicas.
    print(f"{published} published, {refused} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
