"""
The job that all peers share: a simpler state and score than this worker's, never a heavier one.

Per customer: events of each kind, their sums with a half-life of 90 days of event time, the newest
event time, the score announced last, and the ids of the 16 latest events, by which duplicates are
skipped. The score is the logistic function of the weighted sums as of the newest event; it is
announced the first time, and whenever it has moved by more than 0.01.
"""

from math import exp
from typing import TypedDict

_HALF_LIFE_US = 90 * 86_400e6
_LN_2 = 0.6931471805599453
#: What one undecayed event of each kind adds to the logit; in the order of ``contract.KINDS``.
_WEIGHTS = (0.02, -0.03, 0.05, 0.04)
_LEAST_MOVE = 0.01
_REMEMBERED = 16


class CustomerState(TypedDict):
    """The state of a customer; plain values, so that every framework can store it as it is."""

    counts: list[int]
    sums: list[float]
    newest: int
    announced: float | None
    seen: list[str]


class Update(TypedDict):
    """What is announced of a customer, who is the record's key."""

    score: float
    count: int
    event_id: str


def new_state() -> CustomerState:
    """Return the state of a customer of whom nothing is known."""
    return {
        "counts": [0, 0, 0, 0],
        "sums": [0.0, 0.0, 0.0, 0.0],
        "newest": 0,
        "announced": None,
        "seen": [],
    }


def apply_touchpoint(state: CustomerState, kind: int, event_id: str, occurred_at: int) -> bool:
    """
    Add an event to *state*; return False, with nothing changed, if it is among the latest ones.

    Args:
        state: The customer's state.
        kind: Place in ``contract.KINDS``.
        event_id: The event's id.
        occurred_at: Event time in microseconds since the Unix epoch; any order.
    """
    seen = state["seen"]
    if event_id in seen:
        return False
    seen.append(event_id)
    if len(seen) > _REMEMBERED:
        del seen[0]
    elapsed = occurred_at - state["newest"]
    kept = exp(-_LN_2 * abs(elapsed) / _HALF_LIFE_US)
    if elapsed > 0:
        a, b, c, d = state["sums"]
        sums = state["sums"] = [a * kept, b * kept, c * kept, d * kept]
        sums[kind] += 1.0
        state["newest"] = occurred_at
    else:
        state["sums"][kind] += kept
    state["counts"][kind] += 1
    return True


def announce(state: CustomerState, event_id: str) -> Update | None:
    """Return the update that *event_id* made due, and note it in *state*; None if none is due."""
    a, b, c, d = state["sums"]
    wa, wb, wc, wd = _WEIGHTS
    score = 1.0 / (1.0 + exp(-(wa * a + wb * b + wc * c + wd * d)))
    announced = state["announced"]
    if announced is not None and abs(score - announced) <= _LEAST_MOVE:
        return None
    state["announced"] = score
    return {"score": score, "count": sum(state["counts"]), "event_id": event_id}
