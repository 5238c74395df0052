"""
What customers answer when the company approaches them, after the instant that they are judged at.

An answer counts as the acceptance rate counts it: accepted 1, declined 1, none at all half a
refusal. So what is predicted and what is counted are the same rate.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ckm_stream.domain.events import (
    Call,
    CallOutcome,
    CampaignResponse,
    Direction,
    Purchase,
    TouchpointEvent,
)
from ckm_stream.evidence.arrays import Indices, Numbers
from ckm_stream.simulation.customers import SimulationPlan, simulate_later

#: How much longer than the history that is known the time is in which answers are gathered: the
#: defaults of `ckm evaluate sources` then give 480,000 of them, and chance alone an ECE of 0.003.
TIMES_AS_LONG: Final = 2

_ACCEPTED: Final = frozenset({CampaignResponse.ACCEPTED, CallOutcome.ANSWERED})
_DECLINED: Final = frozenset({CampaignResponse.DECLINED, CallOutcome.DECLINED})


@dataclass(frozen=True, slots=True)
class Answers:
    """
    Answers of n customers.

    Attributes:
        approaches: How often each was approached, >= 0; int64[n].
        weight: What the answers count, one that never came half, >= 0; float64[n].
        accepted: What those count that were accepted, 0 to *weight*; float64[n].
    """

    approaches: Indices
    weight: Numbers
    accepted: Numbers


def later_answers(plan: SimulationPlan) -> Answers:
    """Simulate the customers of *plan* after its end; return their answers from then on."""
    until_s = later_until_s(plan)
    approaches = np.zeros(plan.customers, dtype=np.int64)
    weight, accepted = np.zeros(plan.customers), np.zeros(plan.customers)
    for index in range(plan.customers):
        for event in simulate_later(plan, index, until_s=until_s):
            answer = answer_of(event)
            if answer is not None:
                approaches[index] += 1
                accepted[index] += answer[0]
                weight[index] += sum(answer)
    return Answers(approaches, weight, accepted)


def later_until_s(plan: SimulationPlan) -> int:
    """Return the first instant after the last answer, Unix seconds."""
    return plan.end_s + TIMES_AS_LONG * (plan.end_s - plan.start_s)


def answer_of(event: TouchpointEvent) -> tuple[float, float] | None:
    """Return what an answer counts for and against; None if the event answers no approach."""
    response: CampaignResponse | CallOutcome | None = None
    if isinstance(event, Purchase):
        response = event.response
    elif isinstance(event, Call) and event.direction is Direction.OUTBOUND:
        response = None if event.outcome is CallOutcome.ABANDONED else event.outcome
    if response is None:
        return None
    if response in _ACCEPTED:
        return 1.0, 0.0
    return 0.0, 1.0 if response in _DECLINED else 0.5
