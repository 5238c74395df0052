"""The words of a report on simulated populations, for someone who has never met them."""

from typing import Final

from ckm_stream.evidence.glossary import entries_of

_TEXT: Final = """
Simulated population: Customers who do not exist. Each is drawn with three sides that no event
tells: how much their knowledge is worth, how willing they are to tell it, and how well the company
can take it in. Their calls, tickets, purchases and feedback follow from these, with much chance.
Because the sides are known, it can be checked who was found.

Key source: A customer who is honest and high on all three sides, at 0.7 or more of 1. Two more
truths name the best tenth instead: by the geometric mean of the three sides, and by the weakest of
them.

Total score: What this service ranks customers by. It is made from value, willingness and
absorption, none of which can make up for another.

Precision at R: If R customers are key sources, look at the first R of a ranking: how many of them
are? 100 % is perfect.

Epoch: What was learnt from a population, such as how high is high. For the main figures it was
learnt from another population than the one that is judged; "epoch of its own" was learnt from the
same one, and epoch 0 from none.

Acceptance rate: How likely a customer is to accept when the company calls or makes an offer. An
approach without an answer counts as half a refusal.

Shrunk: With few answers so far, a rate is moved towards that of all customers: one answer out of
one does not mean always.

Calibration error: Sort the approaches by the rate that was told of the customer, and part them into
ten groups of equal size: how far is the mean rate of a group from the share that was accepted in
it? The mean over the groups. Even perfect rates have some, because customers and answers are drawn
by chance: that is the error by chance.

AUC: Take an approach that was accepted and one that was not: the chance that the first customer
was told the higher rate. 0.5 is what chance gives, 1 is perfect.

Bot: A planted customer who calls often and says nothing.

Liar: A planted customer who tells much that looks new, and turns out to be wrong.

Newcomer: A planted customer of whom only the last two weeks are known.

Class: Where a customer stands by being high or low on value, willingness and absorption; unknown
with too little evidence.

95 % interval: How far a figure would move if other customers of the same kind had been drawn. Two
rankings are told apart by the interval of their difference, not by their own intervals.
"""


def glossary() -> list[tuple[str, str]]:
    """Return each term with its explanation."""
    return entries_of(_TEXT)
