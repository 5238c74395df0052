# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
From a profile to its score, and from the score to its reasons, as of the newest event.

The references are `domain.scoring` with `indicators` and `engagement`, `pipeline.fold` for what
is due, and `codec.outputs`: the same operations in the same order, so the same bits and bytes.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsDouble
from cpython.object cimport PyObject
from libc.math cimport fabs, ldexp, log, pow, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ckm_stream.native.choices cimport Choices, EpochNumbers, Prior
from ckm_stream.native.profile cimport BINS, INDICATORS, Days, Delivery, Profile, decode_profile
from ckm_stream.native.slots cimport (
    COUNT_EXPLICIT, COUNT_EXTERNALISED, COUNT_TACIT, SLOT_ACCEPTED_TWICE, SLOT_BENEFIT,
    SLOT_CATEGORIES, SLOT_COMPLEMENTARY, SLOT_CONFIRMED, SLOT_DECLINED_TWICE, SLOT_DISTRUST,
    SLOT_EMPLOYEES, SLOT_IN_FORM, SLOT_ITEM_VALUE, SLOT_ITEMS, SLOT_NET_MARGIN, SLOT_NO_BENEFIT,
    SLOT_NOT_COMPLEMENTARY, SLOT_ORDERS, SLOT_OUT_OF_FORM, SLOT_REFERRALS, SLOT_REFERRED_MARGIN,
    SLOT_REFUTED, SLOT_REWARDS_OFFERED, SLOT_REWARDS_REDEEMED, SLOT_SOURCES, SLOT_TRUST,
)
from ckm_stream.native.wire cimport (
    Buffer, Text, put_byte, put_double, put_long, put_optional_text, put_raw, release, taken,
)

import math

from ckm_stream.codec.varints import write_int, write_long
from ckm_stream.domain import beta, decay, engagement, indicators, scoring
from ckm_stream.domain.choices import DAY_S, WEEK_S
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.score import Engagement, Indicator, SourceClass, UpdateReason
from ckm_stream.domain.sketch import COUNTER_BITS
from ckm_stream.domain.slots import MILLE

cdef extern from "Python.h":
    PyObject* PyList_GET_ITEM(object values, Py_ssize_t place)  # borrowed

cdef extern from *:
    """
    /* The digits of an int where Cython knows their place in this interpreter; else none. */
    #if CYTHON_USE_PYLONG_INTERNALS && PyLong_SHIFT == 30
        #define CKM_DIGITS(x) __Pyx_PyLong_Digits(x)
        #define CKM_DIGIT_COUNT(x) __Pyx_PyLong_DigitCount(x)
        #define CKM_IS_NEGATIVE(x) __Pyx_PyLong_IsNeg(x)
    #else
        #define CKM_DIGITS(x) ((const uint32_t*)0)
        #define CKM_DIGIT_COUNT(x) 0
        #define CKM_IS_NEGATIVE(x) 0
    #endif
    """
    const uint32_t* CKM_DIGITS(PyObject*) noexcept
    Py_ssize_t CKM_DIGIT_COUNT(PyObject*) noexcept
    bint CKM_IS_NEGATIVE(PyObject*) noexcept

cdef extern from *:
    # Of any 64-bit word; a library's own count where the processor's is not to be relied on.
    int popcount "__builtin_popcountll" (uint64_t) noexcept nogil
    int leading_zeros "__builtin_clzll" (uint64_t) noexcept nogil

cdef enum:
    V1, V2, V3, V4, W1, W2, W3, W4, A1, A2, A3, A4

# Numbers that the reference works with. Read at run time: a compiler that knows the arguments
# may take another function (exp2 for pow) or work a logarithm out itself, a last bit off.
cdef double _TWO = math.ldexp(1.0, 1)
cdef double _LN2 = decay._LN2
cdef double _LN_BINS = math.log(BINS)
cdef double _LN_EPSILON = math.log(indicators._EPSILON)
cdef double _EPSILON = indicators._EPSILON
cdef double _MANTISSA = decay._MANTISSA
cdef double _MILLE = MILLE
cdef double _YEAR_S = indicators._YEAR_S
cdef double _WEEK_S = WEEK_S
cdef int64_t _DAY_S = DAY_S
cdef int64_t _MICROS = MICROS
cdef double _COUNTER_BITS = COUNTER_BITS
cdef double _Y = beta._Y
cdef double _Y2 = beta._Y2
cdef double _FLOOR = scoring.FLOOR
cdef double _SAME = scoring._SAME
cdef double _MOSTLY = engagement._MOSTLY
cdef double _LITTLE = 1 - engagement._MOSTLY
cdef double _FAIR_RATE = engagement._FAIR_RATE
cdef double _HIGH_RATE = engagement._HIGH_RATE

_fsum = math.fsum

# Classes by their places, and by what is high: 4 for value, 2 for willingness, 1 for absorption.
_SOURCE_CLASSES = tuple(SourceClass)
cdef int _UNKNOWN = _SOURCE_CLASSES.index(SourceClass.UNKNOWN)
cdef int _CLASSES[8]
for _high, _class in scoring._CLASSES.items():
    _CLASSES[4 * _high[0] + 2 * _high[1] + _high[2]] = _SOURCE_CLASSES.index(_class)

# Engagements with their reasons; nobody is a lead user yet, in the reference either.
_ADVICES = (
    engagement._EXPERTS,
    engagement._INNOVATORS,
    engagement._PARTNERS,
    engagement._PRODUCERS,
    engagement._LEARNERS,
    *engagement._NOT_YET.values(),
)
cdef enum:
    EXPERTS, INNOVATORS, PARTNERS, PRODUCERS, LEARNERS
cdef int _NOT_YET[8]  # by class; -1 for those that an engagement is chosen for
for _place, _class in enumerate(_SOURCE_CLASSES):
    _advice = engagement._NOT_YET.get(_class)
    _NOT_YET[_place] = -1 if _advice is None else _ADVICES.index(_advice)


def _text(text: str) -> bytes:
    """Return a text as Avro has it."""
    data = text.encode()
    return write_long(len(data)) + data


# Parts of a score update that are always the same bytes.
cdef bytes _REASON = write_int(tuple(UpdateReason).index(UpdateReason.EVENT))
cdef list _ADVICE_BYTES = [
    bytes([scoring._LEAD_USER]) + write_int(tuple(Engagement).index(style)) + _text(reason)
    for style, reason in _ADVICES
]
cdef list _INDICATOR_BYTES = [_text(indicator.value) for indicator in Indicator]


cdef enum:
    DIGIT_BITS = 30
    # Of ints with so many digits: fewer are no faster than by PyLong_AsDouble, more may overflow.
    LEAST_DIGITS = 3
    MOST_DIGITS = 34


cdef double as_double(PyObject* number) except? -1.0:
    # PyLong_AsDouble, in a fifth of its time: to the nearest double, in doubt to the even one.
    cdef Py_ssize_t count = CKM_DIGIT_COUNT(number)
    cdef Py_ssize_t place = count - 3
    cdef const uint32_t* digits = CKM_DIGITS(number)
    cdef uint64_t top, power
    cdef uint32_t rest
    cdef int more
    cdef double scale, value
    if count < LEAST_DIGITS or count > MOST_DIGITS:
        return PyLong_AsDouble(<object>number)
    top = <uint64_t>digits[count - 1] << DIGIT_BITS | digits[count - 2]
    more = leading_zeros(top) - 1  # to the 63 bits of a positive int64_t, if a digit has them
    if more > DIGIT_BITS:
        more = DIGIT_BITS
    top = top << more | digits[place] >> (DIGIT_BITS - more)
    # Whatever is left is below the last bit but one that counts: one bit stands for all of it.
    rest = digits[place] & ((<uint32_t>1 << (DIGIT_BITS - more)) - 1)
    power = DIGIT_BITS * place + DIGIT_BITS - more
    while rest == 0 and place > 0:
        place -= 1
        rest = digits[place]
    if rest:
        top |= 1
    power = (1023 + power) << 52  # 2^power, as it is in memory
    memcpy(&scale, &power, 8)
    value = <double><int64_t>top * scale
    return -value if CKM_IS_NEGATIVE(number) else value


cdef inline double number(list sums, int slot) except? -1.0:
    # A sum as the nearest double, which is what an integer times a float takes; 0 without one.
    cdef PyObject* total = PyList_GET_ITEM(sums, slot)
    if total is <PyObject*>None:
        return 0.0
    return as_double(total)


cdef inline double damping_of(int64_t age_s, int64_t half_life_s) noexcept:
    cdef double grown = pow(_TWO, <double>(age_s % half_life_s) / <double>half_life_s)
    return ldexp(1.0 / <double><int64_t>(grown * _MANTISSA), -<int>(age_s // half_life_s))


cdef void read_dampings(double* damping, int64_t age_s, const int64_t* half_life_s) noexcept:
    cdef int place, same
    for place in range(INDICATORS):
        same = 0
        while half_life_s[same] != half_life_s[place]:
            same += 1
        if same < place:
            damping[place] = damping[same]
        else:
            damping[place] = damping_of(age_s, half_life_s[place])


cdef inline double beta_mean(double supporting, double against, Prior prior) noexcept:
    return (prior.a + supporting) / (prior.a + prior.b + supporting + against)


cdef double counter_estimate(const uint64_t* words) noexcept:
    cdef int ones = popcount(words[0]) + popcount(words[1])
    ones += popcount(words[2]) + popcount(words[3])
    if ones == 0:
        return 0.0
    if ones > _COUNTER_BITS - 1:
        ones = <int>_COUNTER_BITS - 1
    return -_COUNTER_BITS * log(1.0 - <double>ones / _COUNTER_BITS)


cdef double lower_decile(double a, double b) noexcept:
    cdef double c = 1.0 / (9.0 * a)
    cdef double d = 1.0 / (9.0 * b)
    cdef double p = 1.0 - c
    cdef double q = 1.0 - d
    cdef double y2d = _Y2 * d
    cdef double cube_root = (
        (p * q - _Y * sqrt(p * p * d + (q * q - y2d) * c)) / (q * q - y2d)
    )
    cdef double odds = a * cube_root * cube_root * cube_root
    return odds / (odds + b)


cdef double exposure_s(int64_t age_s, int64_t half_life_s) noexcept:
    if age_s <= 0:
        return 0.0
    cdef double left = pow(_TWO, -<double>age_s / <double>half_life_s)
    return <double>half_life_s / _LN2 * (1.0 - left)


cdef int read_value(Score* to, Profile profile, Choices choices, const double* damping) except -1:
    cdef list sums = profile.sums
    cdef double base = number(sums, SLOT_NET_MARGIN)
    cdef double learning = number(sums, SLOT_ITEM_VALUE)
    cdef double d4 = damping[V4]
    cdef double credibility
    to.indicators[V1] = base * damping[V1] if base > 0 else 0.0
    to.evidence[V1] = number(sums, SLOT_ORDERS) * damping[V1]
    read_growth(to, profile, choices, damping[V2])
    read_networking(to, profile, choices, damping[V3])
    to.indicators[V4] = 0.0
    if learning != 0:
        credibility = beta_mean(
            number(sums, SLOT_CONFIRMED) * d4, number(sums, SLOT_REFUTED) * d4, choices.credibility
        )
        to.indicators[V4] = learning * d4 / _MILLE * credibility
    to.evidence[V4] = number(sums, SLOT_ITEMS) * d4
    return 0


cdef int read_growth(Score* to, Profile profile, Choices choices, double damping) except -1:
    cdef int64_t new_from_s = profile.first_purchase_s + choices.new_category_after_s
    cdef int64_t first_s
    cdef double faded[BINS]
    cdef double half_life_s = <double>choices.half_life_s[V2]
    cdef int known = 0
    cdef int new = 0
    cdef int key
    cdef object margin
    # Exact integers, None for 0; they are added in no particular order, and fsum has none.
    cdef object in_new = None
    cdef object total = None
    for key in range(BINS):
        first_s = profile.first_in_category[key]
        if first_s < 0:
            continue
        known += 1
        if first_s > new_from_s:
            faded[new] = pow(_TWO, -<double>(to.as_of_s - first_s) / half_life_s)
            new += 1
        margin = profile.sums[SLOT_CATEGORIES + key]
        if margin is None or not margin > 0:
            continue
        total = margin if total is None else total + margin
        if first_s > new_from_s:
            in_new = margin if in_new is None else in_new + margin
    to.indicators[V2] = to.evidence[V2] = 0.0
    if known:
        to.indicators[V2] = growth_of(to, profile, choices, damping, total, in_new, new)
        to.evidence[V2] = fsum_of(faded, new)
    return 0


cdef double growth_of(
    const Score* to, Profile profile, Choices choices, double damping,
    object total, object in_new, int new,
) except? -1.0:
    cdef Prior prior = choices.new_categories
    cdef int64_t age_s = to.as_of_s - profile.first_purchase_s
    cdef double years = <double>(age_s if age_s > 0 else 0) / _YEAR_S
    cdef double margin = 0.0 if total is None else as_double(<PyObject*>total)
    cdef double margin_in_new = 0.0 if in_new is None else as_double(<PyObject*>in_new)
    cdef double expected = (
        (prior.a + new) / (prior.b + years) * (margin * damping) / <double>(1 + new)
    )
    return margin_in_new * damping + expected


cdef double fsum_of(const double* parts, int count) except? -1.0:
    # Rounded once; two doubles are by themselves.
    if count > 2:
        return _fsum([parts[place] for place in range(count)])
    if count == 2:
        return parts[0] + parts[1]
    return parts[0] if count else 0.0


cdef int read_networking(Score* to, Profile profile, Choices choices, double damping) except -1:
    cdef Prior prior = choices.referred_buyers
    cdef double referred = counter_estimate(profile.referred)
    cdef double buyers, margin, mean_margin, share
    to.indicators[V3] = to.evidence[V3] = 0.0
    if referred != 0:
        buyers = counter_estimate(profile.referred_buyers)
        margin = number(profile.sums, SLOT_REFERRED_MARGIN) * damping
        if not margin > 0:
            margin = 0.0
        mean_margin = (choices.referred_margin + margin) / (1.0 + buyers)
        share = (prior.a + buyers) / (prior.a + prior.b + referred)
        to.indicators[V3] = share * referred * mean_margin * choices.referrer_share
        to.evidence[V3] = number(profile.sums, SLOT_REFERRALS) * damping
    return 0


cdef int read_willingness(
    Score* to, Profile profile, Choices choices, const double* damping
) except -1:
    cdef list sums = profile.sums
    cdef double contacts = contact_worth(profile, to.as_of_s, choices)
    cdef int64_t age_s = to.as_of_s - profile.first_s if profile.first_s >= 0 else 0
    cdef double weeks = exposure_s(age_s, choices.half_life_s[W1]) / _WEEK_S
    cdef double accepted = number(sums, SLOT_ACCEPTED_TWICE) * damping[W2] / 2.0
    cdef double declined = number(sums, SLOT_DECLINED_TWICE) * damping[W2] / 2.0
    cdef double trust = number(sums, SLOT_TRUST) * damping[W3]
    cdef double distrust = number(sums, SLOT_DISTRUST) * damping[W3]
    cdef Prior prior = choices.contact_frequency
    to.indicators[W1] = (prior.a + contacts) / (prior.b + weeks)
    to.evidence[W1] = contacts
    prior = choices.acceptance_rate
    to.indicators[W2] = lower_decile(prior.a + accepted, prior.b + declined)
    to.evidence[W2] = accepted + declined
    if 0 <= profile.last_complaint_s < profile.last_purchase_s:
        age_s = profile.last_purchase_s - to.as_of_s
        trust += pow(_TWO, <double>age_s / <double>choices.half_life_s[W3])
    to.indicators[W3] = beta_mean(trust, distrust, choices.trust)
    to.evidence[W3] = trust + distrust
    return read_benefit(to, sums, choices, damping[W4])


cdef int read_benefit(Score* to, list sums, Choices choices, double damping) except -1:
    cdef object offered = sums[SLOT_REWARDS_OFFERED]
    cdef object redeemed = sums[SLOT_REWARDS_REDEEMED]
    cdef double spurned = 0.0
    cdef double gained = number(sums, SLOT_REWARDS_REDEEMED) * damping
    cdef double gain, no_gain
    if offered is not None:
        if redeemed is not None:
            offered = offered - redeemed
        spurned = as_double(<PyObject*>offered)
    spurned = spurned * damping if spurned > 0 else 0.0
    gain = gained + number(sums, SLOT_BENEFIT) * damping / _MILLE
    no_gain = spurned + number(sums, SLOT_NO_BENEFIT) * damping / _MILLE
    to.indicators[W4] = beta_mean(gain, no_gain, choices.perceived_benefit)
    to.evidence[W4] = gain + no_gain
    return 0


cdef double contact_worth(Profile profile, int64_t now_s, Choices choices) noexcept:
    cdef int64_t today = (now_s - choices.landmark_s) // _DAY_S
    cdef double worth = 0.0
    cdef int kind
    for kind in range(3):
        if profile.contact_days[kind].count:
            worth += choices.kappas[kind] * decayed_days(
                profile.contact_days, kind, today, choices
            )
    return worth


cdef double decayed_days(const Days* kinds, int kind, int64_t today, Choices choices) noexcept:
    # The days with a contact of this kind and of no kind before it, the newest first.
    cdef double worth = 0.0
    cdef int before[3]
    cdef int place, other
    cdef int32_t day
    cdef int64_t age
    for other in range(kind):
        before[other] = kinds[other].count - 1
    for place in range(kinds[kind].count - 1, -1, -1):
        day = kinds[kind].day[place]
        age = today - day
        if age >= choices.contact_decay_days:
            break
        for other in range(kind):
            if walk_to(&kinds[other], &before[other], day):
                break
        else:
            worth += choices.contact_decay[age if age > 0 else 0]
    return worth


cdef inline bint walk_to(const Days* days, int* place, int32_t day) noexcept:
    # Go down from *place* to the day or below it; whether it is there.
    while place[0] >= 0 and days.day[place[0]] > day:
        place[0] -= 1
    return place[0] >= 0 and days.day[place[0]] == day


cdef int read_absorption(
    Score* to, Profile profile, Choices choices, EpochNumbers epoch, const double* damping
) except -1:
    cdef list sums = profile.sums
    cdef double fitting = number(sums, SLOT_COMPLEMENTARY) * damping[A2] / _MILLE
    cdef double unfitting = number(sums, SLOT_NOT_COMPLEMENTARY) * damping[A2] / _MILLE
    cdef double in_form = number(sums, SLOT_IN_FORM) * damping[A4]
    cdef double out_of_form = number(sums, SLOT_OUT_OF_FORM) * damping[A4]
    read_diversity(to, sums, choices.source_diversity, damping[A1])
    to.indicators[A2] = beta_mean(fitting, unfitting, choices.complementarity)
    to.evidence[A2] = fitting + unfitting
    if epoch.rates:
        read_motivation(to, sums, epoch, damping[A3])
    else:
        read_prior_motivation(to, sums, choices.employee_motivation, damping[A3])
    to.indicators[A4] = beta_mean(in_form, out_of_form, choices.it_support)
    to.evidence[A4] = in_form + out_of_form
    return 0


cdef int read_diversity(Score* to, list sums, Prior prior, double damping) except -1:
    cdef double seen = 0.0
    cdef double smoothed = 0.0
    cdef double inner = 0.0
    cdef double entropy = 0.0
    cdef int full = 0
    cdef int key
    cdef double count, empty, total
    for key in range(BINS):
        count = number(sums, SLOT_SOURCES + key)
        if count != 0:
            count *= damping
            full += 1
            seen += count
            count += _EPSILON
            smoothed += count
            inner += count * log(count)
    if full:
        empty = (BINS - full) * _EPSILON
        total = smoothed + empty
        inner += empty * _LN_EPSILON
        entropy = (log(total) - inner / total) / _LN_BINS
    to.indicators[A1] = (prior.a + seen * entropy) / (prior.a + prior.b + seen)
    to.evidence[A1] = seen
    return 0


cdef int read_prior_motivation(Score* to, list sums, Prior prior, double damping) except -1:
    cdef object handled = None
    cdef PyObject* each
    cdef int key
    for key in range(BINS):
        each = PyList_GET_ITEM(sums, SLOT_EMPLOYEES + key)
        if each is not <PyObject*>None:
            handled = <object>each if handled is None else handled + <object>each
    to.indicators[A3] = prior.a / (prior.a + prior.b)
    to.evidence[A3] = 0.0 if handled is None else as_double(<PyObject*>handled) * damping
    return 0


cdef int read_motivation(Score* to, list sums, EpochNumbers epoch, double damping) except -1:
    cdef double contacts[BINS]
    cdef double handled = 0.0
    cdef double motivation = 0.0
    cdef double total
    cdef int key
    for key in range(BINS):
        contacts[key] = number(sums, SLOT_EMPLOYEES + key) * damping
        handled += contacts[key]
    total = handled + BINS * _EPSILON
    for key in range(BINS):
        motivation += (contacts[key] + _EPSILON) / total * epoch.rate[key]
    to.indicators[A3] = motivation
    to.evidence[A3] = handled
    return 0


cdef int read_score(Score* score, Profile profile, Choices choices, EpochNumbers epoch) except -1:
    cdef double damping[INDICATORS]
    cdef int each, place
    cdef double z
    if profile.last_at < choices.limits.landmark_at:
        raise ValueError("an instant lies before the landmark")
    score.as_of_s = profile.last_at // _MICROS
    read_dampings(damping, score.as_of_s - choices.landmark_s, choices.half_life_s)
    read_value(score, profile, choices, damping)
    read_willingness(score, profile, choices, damping)
    read_absorption(score, profile, choices, epoch, damping)
    for place in range(INDICATORS):
        score.normalised[place] = score.indicators[place]
    for each in range(epoch.saturating):
        place = epoch.place[each]
        z = score.indicators[place]
        score.normalised[place] = z / (z + epoch.half_point[each])
    conclude(score, profile.counts, choices, epoch)
    return 0


cdef void conclude(
    Score* score, const int64_t* counts, Choices choices, EpochNumbers epoch
) noexcept:
    # From the indicators to dimensions, total, class and advice.
    cdef int side, first
    cdef const double* n = score.evidence
    cdef bint known = True
    cdef int high = 0
    for side in range(3):
        first = 4 * side
        score.dimensions[side] = clamp(mean_of(score.normalised, epoch.within, first))
        score.n_eff[side] = 0.0 + n[first] + n[first + 1] + n[first + 2] + n[first + 3]
        known = known and score.n_eff[side] >= choices.n0
        high = 2 * high + (score.dimensions[side] >= epoch.high[side])
    score.total = combine(score.dimensions, epoch)
    score.source_class = _CLASSES[high] if known else _UNKNOWN
    score.advice = advise(score.source_class, counts, score.indicators[W1])


cdef inline double mean_of(const double* x, const double* u, int first) noexcept:
    x += first
    u += first
    return u[0] * x[0] + u[1] * x[1] + u[2] * x[2] + u[3] * x[3]


cdef inline double clamp(double mean) noexcept:
    if mean < _FLOOR:
        return _FLOOR
    return 1.0 if mean > 1.0 else mean


cdef double combine(const double* dimensions, EpochNumbers epoch) noexcept:
    return (
        pow(dimensions[0], epoch.between[0])
        * pow(dimensions[1], epoch.between[1])
        * pow(dimensions[2], epoch.between[2])
    )


cdef int advise(int source_class, const int64_t* counts, double contacts_per_week) noexcept:
    cdef int64_t items = counts[COUNT_EXPLICIT] + counts[COUNT_TACIT]
    cdef double share = 0.5
    if _NOT_YET[source_class] >= 0:
        return _NOT_YET[source_class]
    if items:
        share = <double>(counts[COUNT_TACIT] + counts[COUNT_EXTERNALISED]) / <double>items
    if share >= _MOSTLY and contacts_per_week >= _FAIR_RATE:
        return EXPERTS if contacts_per_week >= _HIGH_RATE else INNOVATORS
    if share <= _LITTLE:
        return PARTNERS if contacts_per_week >= _HIGH_RATE else PRODUCERS
    return LEARNERS


cdef bint is_due(const Score* score, Profile profile, Choices choices) noexcept:
    cdef Delivery delivery = profile.delivery
    return (
        not delivery.announced.ever
        or delivery.announced.source_class != score.source_class
        or fabs(score.total - delivery.announced.total) >= choices.epsilon
    )


cdef int put_update(
    Buffer* out, const Score* score, bytes key, Profile profile, bytes head,
    Choices choices, EpochNumbers epoch,
) except -1:
    cdef Delivery delivery = profile.delivery
    cdef int previous = delivery.announced.previous
    put_bytes(out, head)
    put_string(out, key)
    put_long(out, delivery.announced.version)
    put_long(out, profile.last_at)
    put_bytes(out, _REASON)
    put_raw(out, score.dimensions, sizeof(score.dimensions))
    put_double(out, score.total)
    put_raw(out, score.n_eff, sizeof(score.n_eff))
    put_long(out, score.source_class)
    if previous < 0:
        put_byte(out, 0)
    else:
        put_byte(out, 2)
        put_long(out, previous)
    put_bytes(out, _ADVICE_BYTES[score.advice])
    put_long(out, epoch.epoch_id)
    put_double(out, reference_total(epoch))
    put_long(out, INDICATORS)
    put_factors(out, score, profile, choices, epoch)
    put_byte(out, 0)  # the end of the array
    put_string(out, delivery.announced_event_id)
    return 0


cdef inline int put_bytes(Buffer* out, bytes data) except -1:
    return put_raw(out, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


cdef inline int put_string(Buffer* out, bytes text) except -1:
    put_long(out, PyBytes_GET_SIZE(text))
    return put_bytes(out, text)


cdef double reference_total(EpochNumbers epoch) noexcept:
    cdef double dimensions[3]
    cdef int side
    for side in range(3):
        dimensions[side] = clamp(epoch.reference_means[side])
    return combine(dimensions, epoch)


cdef int put_factors(
    Buffer* out, const Score* score, Profile profile, Choices choices, EpochNumbers epoch
) except -1:
    cdef Text newest[INDICATORS]
    cdef double off, contribution, mean
    cdef double slope = 0.0
    cdef double acceptance = mean_acceptance(score, profile.sums, choices)
    cdef int place
    find_newest(newest, profile)
    for place in range(INDICATORS):
        if place % 4 == 0:
            mean = mean_of(score.normalised, epoch.within, place)
            slope = slope_of(mean, epoch.reference_means[place // 4])
        off = score.normalised[place] - epoch.reference[place]
        contribution = epoch.weights[place] * off * slope
        put_bytes(out, _INDICATOR_BYTES[place])
        # The lower tenth of the acceptance rate ranks, its mean is shown.
        put_double(out, acceptance if place == W2 else score.indicators[place])
        put_double(out, score.normalised[place])
        put_double(out, epoch.weights[place])
        put_double(out, contribution)
        put_long(out, choices.half_life_s[place])
        put_double(out, score.evidence[place])
        put_optional_text(out, newest[place])
    return 0


cdef double mean_acceptance(const Score* score, list sums, Choices choices) except? -1.0:
    cdef double damping = damping_of(score.as_of_s - choices.landmark_s, choices.half_life_s[W2])
    cdef double accepted = number(sums, SLOT_ACCEPTED_TWICE) * damping / 2.0
    cdef double declined = number(sums, SLOT_DECLINED_TWICE) * damping / 2.0
    return beta_mean(accepted, declined, choices.acceptance_rate)


cdef double slope_of(double ours, double theirs) noexcept:
    cdef double change = ours - theirs
    if fabs(change) < _SAME:
        return 1.0 / ours if ours > _FLOOR else 0.0
    return (log(clamp(ours)) - log(clamp(theirs))) / change


cdef void find_newest(Text* newest, Profile profile) noexcept:
    # The texts point into the profile's own.
    cdef int entry, place
    cdef bytes event_id
    for place in range(INDICATORS):
        newest[place].at = NULL
        newest[place].size = 0
    for entry in range(profile.newest):
        event_id = profile.newest_ids[entry]
        for place in range(INDICATORS):
            if profile.newest_bits[entry] >> place & 1:
                newest[place].at = <const uint8_t*>PyBytes_AS_STRING(event_id)
                newest[place].size = PyBytes_GET_SIZE(event_id)


def double_of(number: int) -> float:
    """Return, for tests, an int as the scores take it: ``float(number)``."""
    return as_double(<PyObject*>number)


cdef Profile profile_of(bytes data, Choices choices):
    cdef Profile profile = decode_profile(data, choices)
    if profile is None:
        raise ValueError("not the bytes of a plain state")
    return profile


def scored(data: bytes, choices: Choices, epoch: EpochNumbers) -> tuple:
    """
    Return, for tests, the score of an encoded state.

    They are the indicators, their evidence, the normalised indicators, the dimensions, the total,
    the evidence of the dimensions, the class, the engagement, its reason, and whether it is due.
    """
    cdef Profile profile = profile_of(data, choices)
    cdef Score score
    read_score(&score, profile, choices, epoch)
    style, reason = _ADVICES[score.advice]
    return (
        tuple(score.indicators),
        tuple(score.evidence),
        tuple(score.normalised),
        tuple(score.dimensions),
        score.total,
        tuple(score.n_eff),
        _SOURCE_CLASSES[score.source_class].value,
        style.value,
        reason,
        is_due(&score, profile, choices),
    )


def update_of(
    data: bytes, key: bytes, head: bytes, choices: Choices, epoch: EpochNumbers
) -> bytes:
    """Return, for tests, the framed score update of the last announcement of an encoded state."""
    cdef Profile profile = profile_of(data, choices)
    cdef Score score
    cdef Buffer out
    out.data, out.size, out.room = NULL, 0, 0
    read_score(&score, profile, choices, epoch)
    try:
        put_update(&out, &score, key, profile, head, choices, epoch)
        return taken(&out)
    finally:
        release(&out)
