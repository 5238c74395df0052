"""
Every choice of the scoring, as configuration with a documented default.

SCORING.md calls these numbers choices: a user may well change them, so none is a constant in
code. What is learnt from the population is not here but in ``epoch``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import Any, Final

from ckm_stream.domain.beta import LEAST_COUNT
from ckm_stream.domain.choices import (
    DAY_S,
    FORBID_UNKNOWN,
    DimensionWeights,
    HalfLives,
    HighThresholds,
    IndicatorWeights,
    Money,
    Priors,
    References,
    SaturationPoints,
)
from ckm_stream.domain.decay import dampings_at, weights_at
from ckm_stream.domain.slots import INDICATOR_OF, MILLE

#: A sum after so many half-lives, with 2^100 minor units in it, is still below 2^1024.
MAX_HALVINGS: Final = 850

#: Of the requirements: what is read in words never outweighs what the customer has rated.
MAX_SENTIMENT_WEIGHT: Final = 0.3

#: Looking an id up walks through all of them.
MAX_SEEN: Final = 4096

# Live events share their seconds with a few hundred others; those of a replay share them with
# nobody, and a larger cache would only push other things out of the processor's.
_INSTANTS_KEPT: Final = 256
_DAYS_KEPT: Final = 4096


@dataclass(frozen=True, kw_only=True)
class Policy:
    """All choices of the scoring; see the groups for units."""

    __pydantic_config__ = FORBID_UNKNOWN

    #: An instant before any event, in Unix seconds (2015-01-01 UTC); each half-life since it
    #: costs a bit per sum, an earlier event is refused.
    landmark_s: int = 1_420_070_400
    #: No event may lie later than this after the landmark, whatever its record's timestamp says:
    #: it bounds the length of the sums (50 years of 4-week half-lives are 652 bits).
    horizon_s: int = 50 * 365 * DAY_S
    #: How much later than its own record's timestamp an event may claim to have occurred.
    max_future_s: int = 3_600
    #: An event recorded later than this after it occurred did not arrive in time.
    in_time_s: int = DAY_S
    #: A category first bought later than this after the first purchase is growth.
    new_category_after_s: int = 30 * DAY_S
    half_lives: HalfLives = field(default_factory=HalfLives)
    saturation: SaturationPoints = field(default_factory=SaturationPoints)
    reference: References = field(default_factory=References)
    indicator_weights: IndicatorWeights = field(default_factory=IndicatorWeights)
    dimension_weights: DimensionWeights = field(default_factory=DimensionWeights)
    high: HighThresholds = field(default_factory=HighThresholds)
    priors: Priors = field(default_factory=Priors)
    money: Money = field(default_factory=Money)
    #: Below this effective evidence count on a dimension the class is ``unknown``.
    n0: float = 3.0
    #: Until a customer's first event is so long ago the class is ``unknown``: what may be a burst
    #: cannot be told from a habit.
    known_after_s: int = 28 * DAY_S
    #: An update is sent when the total moved by at least this since the last one announced.
    epsilon: float = 0.01
    #: How many event ids are remembered for duplicates.
    seen_capacity: int = 64
    #: Value of a contact: report or suggestion with content, question, status chase.
    kappas: tuple[float, float, float] = (1.0, 0.5, 0.1)
    #: What a wholly pleased or displeased text is worth as a sign of trust, where a rating is worth
    #: 1; 0 leaves texts out. Rules tell the sign of a single text no better than that.
    sentiment_weight: float = MAX_SENTIMENT_WEIGHT
    #: Contacts are read over this many half-lives (2^-8 = 0.4 % of a contact's worth is lost).
    contact_window: int = 8
    #: Whoever spoke of topics ahead of so many is a lead user: a mean share, shrunk by n/(n + 3).
    #: If each place among a topic's customers were by lot, at most one in 700 customers would be,
    #: for any number of topics; with five it takes 96 %, with 20 it takes 69 %.
    lead_user_from: float = 0.6

    def __post_init__(self) -> None:
        """
        Refuse a policy that the formulas cannot work with.

        Raises:
            ValueError: If a number is outside its range; the message names it.
        """
        for group in (self.half_lives, self.money, self.saturation, self.reference):
            for each in fields(group):
                if not getattr(group, each.name) >= 0:
                    raise ValueError(f"{each.name} must be >= 0")
        checks = (
            (self.landmark_s >= 0, "landmark_s must be >= 0"),
            (min(self.half_lives.values()) >= DAY_S, "every half-life must be at least a day"),
            (
                0 < self.horizon_s <= MAX_HALVINGS * min(self.half_lives.values()),
                f"horizon_s must be > 0 and at most {MAX_HALVINGS} of the shortest half-life",
            ),
            (self.max_future_s >= 0, "max_future_s must be >= 0"),
            (
                self.money.default_margin_permille <= MILLE,
                f"money.default_margin_permille must be at most {MILLE}",
            ),
            (self.money.annual_discount <= 10, "money.annual_discount must be at most 10"),  # noqa: PLR2004 -- 1,000 %
            (self.money.horizon_weeks <= 10_000, "money.horizon_weeks must be at most 10,000"),  # noqa: PLR2004 -- two centuries
            (1 <= self.seen_capacity <= MAX_SEEN, f"seen_capacity must be within 1..{MAX_SEEN}"),
            (
                0 <= self.sentiment_weight <= MAX_SENTIMENT_WEIGHT,
                f"sentiment_weight must be within 0..{MAX_SENTIMENT_WEIGHT}",
            ),
            (self.contact_window >= 1, "contact_window must be at least one half-life"),
            (self.n0 > 0, "n0 must be > 0"),
            (self.known_after_s >= 0, "known_after_s must be >= 0"),
            (0 < self.epsilon < 1, "epsilon must be within 0..1"),
            (max(self.kappas) <= 1 and min(self.kappas) > 0, "kappas must be within 0..1"),
            (min(self.indicator_weights.values()) > 0, "indicator weights must be > 0"),
            (min(self.dimension_weights.values()) > 0, "dimension weights must be > 0"),
            (max(self.high.values()) < 1 and min(self.high.values()) > 0, "high must be in (0, 1)"),
            (0 < self.lead_user_from < 1, "lead_user_from must be within 0..1"),
            (0 < self.priors.new_categories.a <= 1, "priors.new_categories.a must be in (0, 1]"),
        )
        for holds, message in checks:
            if not holds:
                raise ValueError(message)
        for each in fields(self.priors):
            prior = getattr(self.priors, each.name)
            least = LEAST_COUNT if each.name == "acceptance_rate" else 1e-9
            if not (prior.a >= least and prior.b >= least):
                raise ValueError(f"priors.{each.name} must be >= {least:g}")

    @cached_property
    def half_lives_s(self) -> tuple[int, ...]:
        """The half-lives of the twelve indicators, V1 to A4, in seconds."""
        return tuple(int(each) for each in self.half_lives.values())

    @cached_property
    def weights(self) -> Callable[[int], tuple[int, ...]]:
        """
        The decay weights w(t) of the twelve indicators at a Unix second.

        Raises:
            ValueError: When called with a second before the landmark.
        """
        distinct, spread = self._distinct_half_lives
        landmark_s = self.landmark_s

        @lru_cache(maxsize=_INSTANTS_KEPT)
        def weights(t_s: int) -> tuple[int, ...]:
            return spread(weights_at(t_s - landmark_s, distinct))

        return weights

    @cached_property
    def dampings(self) -> Callable[[int], tuple[float, ...]]:
        """
        The factors 1/w(now) that the sums of the twelve indicators are read with.

        Raises:
            ValueError: When called with a second before the landmark.
        """
        distinct, spread = self._distinct_half_lives
        landmark_s = self.landmark_s

        @lru_cache(maxsize=_INSTANTS_KEPT)
        def dampings(now_s: int) -> tuple[float, ...]:
            return spread(dampings_at(now_s - landmark_s, distinct))

        return dampings

    @cached_property
    def _distinct_half_lives(
        self,
    ) -> tuple[tuple[int, ...], Callable[[list[Any]], tuple[Any, ...]]]:
        """The half-lives, each once, and what spreads a list over them to the twelve indicators."""
        distinct = tuple(dict.fromkeys(self.half_lives_s))
        return distinct, itemgetter(*map(distinct.index, self.half_lives_s))

    @cached_property
    def idle_bits(self) -> Callable[[int], tuple[int, ...]]:
        """By slot, the low bits that are 0 in each sum of events from a given day onwards."""
        half_lives = self.half_lives_s

        @lru_cache(maxsize=_DAYS_KEPT)
        def idle_bits(day: int) -> tuple[int, ...]:
            return tuple([day * DAY_S // half_lives[place] for place in INDICATOR_OF])

        return idle_bits

    @cached_property
    def contact_decay(self) -> tuple[float, ...]:
        """Worth of a contact by its age in whole days, over the window that is read."""
        half_life_days = self.half_lives.contact_frequency / DAY_S
        window_days = int(half_life_days * self.contact_window)
        return tuple(2.0 ** (-age / half_life_days) for age in range(window_days + 1))

    def fingerprint(self) -> bytes:
        """
        Identify, in 4 bytes, all choices that flow into a state.

        A state written under another fingerprint must be refused: its sums mean something else.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> bytes:
        flows_in = (
            self.landmark_s,
            self.half_lives.values(),
            self.in_time_s,
            self.seen_capacity,
            self.money.default_margin_permille,
            self.money.call_cost,
            self.money.ticket_cost,
        )
        return blake2b(repr(flows_in).encode(), digest_size=4).digest()
