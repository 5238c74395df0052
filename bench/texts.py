"""
How many texts a second the text worker takes: decode an item, read its words, encode what they say.

    python -m bench.texts train.csv [--column text]

The texts are a column of a CSV file, BANKING77's questions by default. Each is the words of a
feedback item, decoded, read and encoded as `ckm texts` does it, without Kafka, on one core. Rates
are of CPU time, so they hold on a busy machine too; the better of two rounds counts.
"""

import argparse
import csv
import time
from pathlib import Path

from bench.programs import report
from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.events import MICROS, Feedback, FeedbackKind
from ckm_stream.domain.knowledge import extract_items
from ckm_stream.pipeline.records import SourceRecord
from ckm_stream.pipeline.texts import ItemReader
from ckm_stream.streaming.schema import StockRecord
from ckm_stream.text.reading import TextReader

_AT_S = 1_700_000_000
_SLICE = 2_000


def main() -> None:
    """Measure, print the figures, and write them to ``bench/results``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("file", type=Path, help="CSV with a column of texts")
    parser.add_argument("--column", default="text")
    given = parser.parse_args()
    with given.file.open(encoding="utf-8", newline="") as lines:
        texts = [row[given.column] for row in csv.DictReader(lines)]
    schemas = Catalogue.load()
    outputs = OutputCodec(schemas)
    items = ItemReader(events=EventCodec(schemas), outputs=outputs, reader=TextReader())
    records = _records(texts, outputs)
    said = _round(items, records)[1]  # the word lists are read meanwhile
    seconds = min(_round(items, records)[0] for _ in range(2))
    report(
        "texts",
        {
            "texts": len(texts),
            "characters_per_text": round(sum(map(len, texts)) / len(texts), 1),
            "said_something": said,
            "texts_per_cpu_s": round(len(texts) / seconds),
        },
    )


def _records(texts: list[str], outputs: OutputCodec) -> list[SourceRecord]:
    records: list[SourceRecord] = []
    for number, text in enumerate(texts):
        at = (_AT_S + number) * MICROS
        (item,) = extract_items(
            Feedback(
                event_id=f"f-{number}",
                source="bench",
                customer_id=f"c-{number % 5_000}",
                occurred_at=at,
                recorded_at=at,
                feedback_id=f"f-{number}",
                kind=FeedbackKind.QUESTION,
                text=text,
            )
        )
        key, value = item.customer_id.encode(), outputs.encode_item(item)
        records.append(StockRecord(number, at // 1000, key, value, ()))
    return records


def _round(items: ItemReader, records: list[SourceRecord]) -> tuple[float, int]:
    """Return the seconds of CPU that all records take, in slices, and how many say something."""
    begun_s, said = time.process_time(), 0
    for start in range(0, len(records), _SLICE):
        found = items.read(Topics().knowledge_item, 0, records[start : start + _SLICE])
        said += len(found.records)
    return time.process_time() - begun_s, said


if __name__ == "__main__":
    main()
