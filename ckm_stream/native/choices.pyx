# cython: language_level=3
"""The policy and the epoch as plain numbers, read once."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from ckm_stream.codec.layouts import DEFAULT_LAYOUT
from ckm_stream.domain.epoch import Saturation
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.quantiles import Quantiles
from ckm_stream.errors import ConfigurationError


cdef Prior prior_of(object prior):
    cdef Prior numbers
    numbers.a, numbers.b = prior.a, prior.b
    return numbers


cdef class Choices:
    """What the folding, reading and writing of states depends on."""

    def __cinit__(self, policy: object, layout: int = DEFAULT_LAYOUT) -> None:
        decay = policy.contact_decay
        self.contact_decay = <double*>malloc(len(decay) * sizeof(double))
        if self.contact_decay is NULL:
            raise MemoryError
        self.contact_decay_days = len(decay)
        for age, worth in enumerate(decay):
            self.contact_decay[age] = worth

    def __dealloc__(self) -> None:
        free(self.contact_decay)

    def __init__(self, policy: object, layout: int = DEFAULT_LAYOUT) -> None:
        self.layout = layout
        self.fingerprint = policy.fingerprint()
        self.landmark_s = policy.landmark_s
        self.limits.landmark_at = policy.landmark_s * MICROS
        self.limits.horizon_at = (policy.landmark_s + policy.horizon_s) * MICROS
        self.limits.max_future = policy.max_future_s * MICROS
        self.in_time_us = policy.in_time_s * MICROS
        self.new_category_after_s = policy.new_category_after_s
        self.seen_capacity = policy.seen_capacity
        for place, half_life_s in enumerate(policy.half_lives_s):
            self.half_life_s[place] = half_life_s
        self._read_money(policy.money)
        for place, kappa in enumerate(policy.kappas):
            self.kappas[place] = kappa
        self.n0, self.epsilon = policy.n0, policy.epsilon
        self.lead_user_from = policy.lead_user_from

    def _read_money(self, money: object) -> None:
        self.default_margin_permille = money.default_margin_permille
        self.call_cost, self.ticket_cost = money.call_cost, money.ticket_cost
        self.referred_margin, self.referrer_share = money.referred_margin, money.referrer_share


cdef class EpochNumbers:
    """
    What scores depend on beside the state and the choices.

    Raises:
        ConfigurationError: If the epoch's scale is none that is compiled.
    """

    def __cinit__(self, epoch: object) -> None:
        self.knots = NULL
        self.network_id = NULL
        self.network_value = NULL
        self.topics.key, self.topics.first, self.topics.seconds = NULL, NULL, NULL

    def __dealloc__(self) -> None:
        free(self.knots)
        free(self.network_id)
        free(self.network_value)
        free(self.topics.key)
        free(self.topics.first)
        free(self.topics.seconds)

    def __init__(self, epoch: object) -> None:
        self.epoch_id = epoch.epoch_id
        self.effective_from = epoch.effective_from_s * MICROS
        self._read_scale(epoch)
        for place in range(12):
            self.within[place] = epoch.within[place]
            self.reference[place] = epoch.reference[place]
            self.weights[place] = epoch.weights[place]
        for place in range(3):
            self.between[place] = epoch.between[place]
            self.high[place] = epoch.high[place]
            self.reference_means[place] = epoch.reference_means[place]
        self.rates = len(epoch.employee_rates)
        for place, rate in enumerate(epoch.employee_rates):
            self.rate[place] = rate
        self._read_priors(epoch.priors)
        self._read_network(epoch.network)
        self.as_of_s = epoch.as_of_s
        self._read_topics(epoch.topics)

    def _read_scale(self, epoch: object) -> None:
        if isinstance(epoch.scale, Quantiles):
            self._read_tables(epoch.scale.tables)
        elif isinstance(epoch.scale, Saturation):
            self.saturating = len(epoch.scale.half_points)
            for number, (place, half_point) in enumerate(epoch.scale.half_points):
                self.place[number], self.half_point[number] = place, half_point
        else:
            raise ConfigurationError(
                f"epoch {epoch.epoch_id} has a scale that the compiled core does not know; "
                "set CKM__CORE=python"
            )

    def _read_tables(self, tables: object) -> None:
        cdef int knot = 0
        for place, table in enumerate(tables):
            self.first_knot[place] = knot
            knot += len(table.values)
        self.first_knot[12] = knot
        self.knots = <double*>malloc(2 * knot * sizeof(double))
        if self.knots is NULL:
            raise MemoryError
        for place, table in enumerate(tables):
            for number, (value, share) in enumerate(zip(table.values, table.shares)):
                self.knots[self.first_knot[place] + number] = value
                self.knots[knot + self.first_knot[place] + number] = share

    def _read_network(self, network: object) -> None:
        self.network = len(network.ids)
        if not self.network:
            return
        self.network_id = <uint64_t*>malloc(self.network * sizeof(uint64_t))
        self.network_value = <double*>malloc(self.network * sizeof(double))
        if self.network_id is NULL or self.network_value is NULL:
            raise MemoryError
        for place, (own, value) in enumerate(zip(network.ids, network.values)):
            self.network_id[place], self.network_value[place] = own, value

    def _read_topics(self, tables: object) -> None:
        cdef Topics* topics = &self.topics
        cdef int place = 0
        topics.count = len(tables)
        # One more of each, so that no size is 0.
        topics.key = <uint32_t*>malloc((topics.count + 1) * sizeof(uint32_t))
        topics.first = <int*>malloc((topics.count + 1) * sizeof(int))
        topics.seconds = <int64_t*>malloc(
            (sum([len(table.seconds) for table in tables]) + 1) * sizeof(int64_t)
        )
        if topics.key is NULL or topics.first is NULL or topics.seconds is NULL:
            raise MemoryError
        for number, table in enumerate(tables):
            topics.key[number], topics.first[number] = table.key, place
            for t_s in table.seconds:
                topics.seconds[place] = t_s
                place += 1
        topics.first[topics.count] = place

    def _read_priors(self, priors: object) -> None:
        self.new_categories = prior_of(priors.new_categories)
        self.referred_buyers = prior_of(priors.referred_buyers)
        self.credibility = prior_of(priors.credibility)
        self.contact_frequency = prior_of(priors.contact_frequency)
        self.acceptance_rate = prior_of(priors.acceptance_rate)
        self.trust = prior_of(priors.trust)
        self.perceived_benefit = prior_of(priors.perceived_benefit)
        self.source_diversity = prior_of(priors.source_diversity)
        self.complementarity = prior_of(priors.complementarity)
        self.employee_motivation = prior_of(priors.employee_motivation)
        self.it_support = prior_of(priors.it_support)
