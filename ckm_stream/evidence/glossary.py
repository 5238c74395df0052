"""The words of a report, for someone who has never met them."""

from typing import Final

_TEXT: Final = """
Calibration: The first part of the data. Rankings and models know this part and nothing else.

Horizon: The weeks after calibration, which the rankings are judged on.

Decayed sum: What a customer has spent, where an amount counts half after each half-life: recent
spending counts more. It is what this service ranks the value of customers by. Its half-life is
chosen on the last third of calibration.

Top-decile share: Take the tenth of the customers that a ranking puts first: how much of all that
was spent in the horizon did they spend? 10 % is what chance gives.

Normalised Gini: How well the whole ranking orders customers by what they spent later: 1 is a
perfect order, 0 is no better than chance.

AUC: Take a customer who bought again and one who did not: the chance that the ranking puts the
buyer first. 0.5 is what chance gives, 1 is perfect.

Mean error: How far the forecast of a customer's spending in the horizon was off, on average, in the
currency of the data. Models forecast money themselves. For the other rankings the score is
multiplied by a ratio learnt on the last third of calibration.

95 % interval: How far a figure would move if other customers of the same kind had been seen. Two
rankings are told apart by the interval of their difference, not by their own intervals.

BG/NBD, MBG/NBD, Pareto/NBD: Models of how often customers buy and when they leave for good; with
the Gamma-Gamma model of how much they pay they forecast spending.

RFM score: Recency, frequency and money, each in fifths from 1 to 5, added up with equal weights.

Purchase: A day on which a customer bought: several on one day count once. A negative amount is a
refund: it lowers what was spent, and is no purchase.
"""


def glossary() -> list[tuple[str, str]]:
    """Return each term with its explanation."""
    return entries_of(_TEXT)


def entries_of(text: str) -> list[tuple[str, str]]:
    """Return the terms and explanations of a text: ``Term: words``, empty lines in between."""
    entries = [" ".join(entry.split()).partition(": ") for entry in text.strip().split("\n\n")]
    return [(term, words) for term, _, words in entries]
