"""
Where each DecayedSum of a customer lives in ``Facts.sums``.

``Facts.sums`` holds the slots that some event has added to. The numbers are part of the state's
layout: append, never reorder.
"""

from typing import Final

from ckm_stream.domain.sketch import BINS

# V1, 13 weeks: margin less service cost in minor units, and orders.
NET_MARGIN: Final = 0
ORDERS: Final = 1

# A4, 4 weeks: events that arrived structured and in time, and that did not.
IN_FORM: Final = 2
OUT_OF_FORM: Final = 3

# V3 and W3, 52 weeks: margin of referred customers, referral events, signed evidence of trust.
REFERRED_MARGIN: Final = 4
REFERRALS: Final = 5
TRUST: Final = 6
DISTRUST: Final = 7

# 26 weeks, counts. Responses count double, so that no answer can be half a refusal.
ITEMS: Final = 8
CONFIRMED: Final = 9
REFUTED: Final = 10
ACCEPTED_TWICE: Final = 11
DECLINED_TWICE: Final = 12
REWARDS_OFFERED: Final = 13
REWARDS_REDEEMED: Final = 14
SOURCES: Final = 15
EMPLOYEES: Final = SOURCES + BINS

# 26 weeks, thousandths and minor units.
ITEM_VALUE: Final = EMPLOYEES + BINS
BENEFIT: Final = ITEM_VALUE + 1
NO_BENEFIT: Final = ITEM_VALUE + 2
COMPLEMENTARY: Final = ITEM_VALUE + 3
NOT_COMPLEMENTARY: Final = ITEM_VALUE + 4
CATEGORIES: Final = ITEM_VALUE + 5

# W3, 52 weeks, thousandths: how pleased and how displeased a customer's words sounded.
TEXT_TRUST: Final = CATEGORIES + BINS
TEXT_DISTRUST: Final = TEXT_TRUST + 1

COUNT: Final = TEXT_DISTRUST + 1

#: The indicator (0 for V1 to 11 for A4) whose half-life each slot decays with.
INDICATOR_OF: Final = (
    (0, 0, 11, 11, 2, 2, 6, 6, 3, 3, 3, 5, 5, 7, 7)
    + (8,) * BINS
    + (10,) * BINS
    + (3, 7, 7, 9, 9)
    + (1,) * BINS
    + (6, 6)
)

#: What a thousandth counts: sums of shares are kept as integers.
MILLE: Final = 1000
