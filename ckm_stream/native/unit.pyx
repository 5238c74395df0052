# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""
The unit of work over compiled states; its reference is ``pipeline.unit`` over ``pipeline.fold``.

A record that is not plain (an old schema version, an unusual value) goes through the Python codec
and checks, which either reject it with a reason or give an event, whose canonical bytes are then
folded here like any other's.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from ckm_stream.native.announcement cimport is_due, put_update
from ckm_stream.native.batches cimport RecordSequence, Span, sequence_of
from ckm_stream.native.choices cimport Choices, EpochNumbers
from ckm_stream.native.decoding cimport decode_employee, decode_profile
from ckm_stream.native.delivery cimport Announced, Delivery
from ckm_stream.native.encoding cimport encode_employee, encode_profile
from ckm_stream.native.fold cimport apply_contact, apply_event
from ckm_stream.native.origin cimport advance, headers_of
from ckm_stream.native.outputs cimport put_contact, put_item, put_referral
from ckm_stream.native.profile cimport Employee, Profile, new_employee, new_profile
from ckm_stream.native.score cimport Score
from ckm_stream.native.scoring cimport read_score
from ckm_stream.native.touchpoint cimport EMPLOYEE, REFERRAL, Event, read_event
from ckm_stream.native.wire cimport Buffer, bytes_of, release, taken

from ckm_stream.codec import state as reference
from ckm_stream.codec.layouts import DEFAULT_LAYOUT, NEWEST_LAYOUT
from ckm_stream.codec.topics import Source as SourceTopic
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.score import SourceClass
from ckm_stream.errors import InvariantError, RejectedRecord
from ckm_stream.pipeline.fold import EMPLOYEES, PROFILES
from ckm_stream.pipeline.records import OutputRecord
from ckm_stream.pipeline.unit import Unit

cdef enum:
    HEAD_BYTES = 5

cdef int64_t _MICROS = MICROS
cdef tuple _SOURCE_CLASSES = tuple(SourceClass)

# A NamedTuple's own constructor is a Python function; this is what it calls.
cdef object make_tuple = tuple.__new__


cdef inline object output(object topic, object partition, object key, object value, object headers):
    return make_tuple(OutputRecord, (topic, partition, key, value, headers))


cdef void note_announced(
    Delivery delivery, const Score* score, int64_t as_of, EpochNumbers epoch
) noexcept:
    cdef Announced* announced = &delivery.announced
    announced.previous = announced.source_class if announced.ever else -1
    announced.ever = True
    announced.source_class = score.source_class
    announced.total = score.total
    announced.as_of = as_of
    announced.version = delivery.version
    announced.epoch = epoch.epoch_id


cdef class ProfileFold:
    """Customers: the rules of ``pipeline.fold.ProfileFold`` over compiled profiles."""

    cdef readonly str table
    cdef Choices choices
    cdef object policy
    cdef object epoch_at
    cdef object epoch
    cdef EpochNumbers numbers
    cdef dict known  # the numbers of each epoch so far, by its own
    cdef Buffer out
    cdef object score_topic
    cdef object item_topic
    cdef object referral_topic
    cdef object employee_topic
    cdef bytes score_head
    cdef bytes item_head
    cdef bytes referral_head
    cdef bytes employee_head

    def __init__(
        self, *, topics, events, outputs, policy, epoch_at, layout=DEFAULT_LAYOUT
    ):
        self.table = PROFILES
        self.choices, self.policy = Choices(policy, layout), policy
        self.epoch_at, self.known = epoch_at, {}
        self.score_topic, self.item_topic = topics.score_updated, topics.knowledge_item
        self.referral_topic = topics.of(SourceTopic.REFERRAL)
        self.employee_topic = topics.of(SourceTopic.EMPLOYEE)
        self.score_head, self.item_head = outputs.score_head, outputs.item_head
        self.referral_head = events.head(SourceTopic.REFERRAL)
        self.employee_head = events.head(SourceTopic.EMPLOYEE)

    def __dealloc__(self):
        release(&self.out)

    def slot(self, source):
        """Return the source's own number: all but the employees' are a profile's."""
        return int(source)

    def load(self, data, int partition):
        """Decode a stored profile, or make the empty one."""
        if data is None:
            return new_profile(partition)
        profile = decode_profile(data, self.choices)
        if profile is None:  # the reference reads it, or says what is wrong
            state = reference.decode_state(data, self.policy)
            data = reference.encode_state(state, self.policy, layout=NEWEST_LAYOUT)
            profile = decode_profile(data, self.choices)
            if profile is None:
                raise InvariantError(f"a state of {len(data)} bytes is unreadable when compiled")
        return profile

    def seal(self, bytes key, Profile profile, effects, *, last):
        """Score as of the newest event, announce the score if it moved, encode the profile."""
        cdef Score score
        if last is not None:
            epoch = self.score_at(&score, profile, profile.last_at // _MICROS)
            if is_due(&score, profile, self.choices):
                profile.delivery.announced_event_id = last
                note_announced(profile.delivery, &score, profile.last_at, epoch)
                self.announce(key, profile, &score, epoch, effects)
        return encode_profile(profile, self.choices)

    def announce_again(self, bytes key, Profile profile, effects):
        """Add the update that the state was announced with last."""
        cdef Score score
        epoch = self.score_at(&score, profile, profile.delivery.announced.as_of // _MICROS)
        self.announce(key, profile, &score, epoch, effects)

    def first_s(self, Profile profile):
        """Return the Unix second of the first event."""
        return profile.first_s

    def newest_s(self, Profile profile):
        """Return the Unix second of the newest event."""
        return profile.last_at // _MICROS

    def announced(self, Profile profile):
        """Return the class announced last and the second that it is as of; None before any."""
        cdef Announced* announced = &profile.delivery.announced
        if not announced.ever:
            return None
        return _SOURCE_CLASSES[announced.source_class], announced.as_of // _MICROS

    def class_at(self, Profile profile, int64_t at_s):
        """Return the class as of a Unix second that is not before the newest event."""
        cdef Score score
        self.score_at(&score, profile, at_s)
        return _SOURCE_CLASSES[score.source_class]

    def announce_change(self, bytes key, Profile profile, int64_t at_s, effects):
        """Announce the class as of a Unix second, if time alone has changed it; else False."""
        cdef Score score
        cdef Announced* announced = &profile.delivery.announced
        cdef int64_t since = max(announced.as_of, profile.last_at) // _MICROS
        if not announced.ever or at_s <= since:
            return False
        epoch = self.score_at(&score, profile, at_s)
        if score.source_class == announced.source_class:
            return False
        note_announced(profile.delivery, &score, at_s * _MICROS, epoch)
        self.announce(key, profile, &score, epoch, effects)
        return True

    cdef EpochNumbers score_at(self, Score* score, Profile profile, int64_t as_of_s):
        epoch = self.epoch_for(as_of_s)
        read_score(score, profile, as_of_s, self.choices, epoch)
        return epoch

    cdef int announce(
        self, bytes key, Profile profile, const Score* score, EpochNumbers epoch, object effects
    ) except -1:
        self.out.size = 0
        put_update(&self.out, score, key, profile, self.score_head, self.choices, epoch)
        effects.updates.append(
            output(self.score_topic, effects.partition, key, taken(&self.out), ())
        )
        return 0

    cdef EpochNumbers epoch_for(self, int64_t as_of_s):
        epoch = self.epoch_at(as_of_s)
        if epoch is not self.epoch:
            numbers = self.known.get(epoch.epoch_id)
            if numbers is None:
                numbers = self.known[epoch.epoch_id] = EpochNumbers(epoch)
            self.numbers, self.epoch = numbers, epoch
        return self.numbers

    cdef int cause(
        self, const Event* event, bytes key, object effects, object core, int64_t offset
    ) except -1:
        # What the event causes elsewhere; its ids are derived from it.
        self.out.size = 0
        if put_item(&self.out, event, self.item_head):
            effects.items.append(
                output(self.item_topic, effects.partition, key, taken(&self.out), ())
            )
        if put_referral(&self.out, event, self.referral_head, self.choices):
            key = bytes_of(event.referred_by)
            self.forward(self.referral_topic, key, event, effects, core, offset)
        if put_contact(&self.out, event, self.employee_head):
            key = bytes_of(event.employee_id)
            self.forward(self.employee_topic, key, event, effects, core, offset)
        return 0

    cdef int forward(
        self, object topic, bytes key, const Event* event, object effects, object core,
        int64_t offset,
    ) except -1:
        headers = headers_of(event.source, effects.partition, offset)
        effects.forwarded.append(
            output(topic, core.partition_of(key), key, taken(&self.out), headers)
        )
        return 0


cdef class EmployeeFold:
    """Employees: the rules of ``pipeline.fold.EmployeeFold`` over compiled states."""

    cdef readonly str table
    cdef Choices choices
    cdef object policy

    def __init__(self, *, policy, layout=DEFAULT_LAYOUT):
        self.table = EMPLOYEES
        self.choices, self.policy = Choices(policy, layout), policy

    def slot(self, source):
        """Return 0, the only one."""
        return 0

    def load(self, data, int partition):
        """Decode a stored employee state, or make the empty one."""
        if data is None:
            return new_employee(partition)
        employee = decode_employee(data, self.choices)
        if employee is None:
            state = reference.decode_employee(data, self.policy)
            data = reference.encode_employee(state, self.policy, layout=NEWEST_LAYOUT)
            employee = decode_employee(data, self.choices)
            if employee is None:
                raise InvariantError(f"a state of {len(data)} bytes is unreadable when compiled")
        return employee

    def seal(self, bytes key, Employee employee, effects, *, last):
        """Encode the employee's state."""
        return encode_employee(employee, self.choices)

    def announce_again(self, bytes key, Employee employee, effects):
        """Do nothing: employees are not scored."""

    def announce_change(self, bytes key, Employee employee, int64_t at_s, effects):
        """Return False: employees have no class."""
        return False


class CompiledUnit(Unit):
    """One partition's open work over compiled states; see ``pipeline.unit.Unit``."""

    def _fold(self, part, fold, dict states, dict dirty):
        return _Folding(self, part, fold, states, dirty).run()


cdef class _Folding:
    """One slice on its way into the states of its unit."""

    cdef object unit
    cdef object part
    cdef RecordSequence records
    cdef bytes decoded  # what the event points into, if that is not the record
    cdef object core
    cdef object events
    cdef Py_ssize_t max_value_bytes
    cdef object effects
    cdef object fold
    cdef ProfileFold profiles  # None for the employees' source
    cdef Choices choices
    cdef dict states
    cdef dict dirty
    cdef int source
    cdef int slot
    cdef int64_t applied
    cdef int64_t duplicates
    cdef int64_t redelivered

    def __init__(self, unit, part, fold, dict states, dict dirty):
        self.unit, self.part, self.fold = unit, part, fold
        self.records = sequence_of(part.records)
        self.core, self.effects = unit._core, unit._effects
        self.events = self.core.events
        self.max_value_bytes = self.events.max_value_bytes
        self.states, self.dirty = states, dirty
        self.source, self.slot = int(part.source), fold.slot(part.source)
        if self.source == EMPLOYEE:
            self.choices = (<EmployeeFold?>fold).choices
        else:
            self.profiles = <ProfileFold?>fold
            self.choices = self.profiles.choices

    def run(self):
        """Apply the records; return how many were applied, were duplicates, were redelivered."""
        cdef Event event
        cdef Py_ssize_t place
        cdef dict odd = self.decode_odd()
        for place in range(self.records.size):
            if self.read(&event, place, odd.get(place) if odd else None):
                self.take(&event, place)
        return self.applied, self.duplicates, self.redelivered

    cdef dict decode_odd(self):
        # Decode what is not of the newest schema before anything is applied: a registry that
        # cannot be asked leaves the unit as it was.
        cdef dict odd = {}
        cdef bytes plain = b""
        cdef Py_ssize_t place
        cdef const Span* span
        source = self.part.source
        for place in range(self.records.size):
            span = &self.records.spans[place]
            if span.value_size > HEAD_BYTES:
                if plain and not memcmp(span.value, PyBytes_AS_STRING(plain), HEAD_BYTES):
                    continue
                head = span.value[:HEAD_BYTES]
                try:
                    if self.events.is_newest(source, head):
                        plain = head
                        continue
                except RejectedRecord:
                    pass  # decoding says it again, with all that is checked before
            odd[place] = self.unit._decode(source, self.records.record(place))
        return odd

    cdef bint read(self, Event* event, Py_ssize_t place, object odd) except -1:
        """Fill *event*; False if the record was rejected."""
        cdef const Span* span = &self.records.spans[place]
        if odd is None:
            if (
                span.value_size <= self.max_value_bytes
                and self.parse(event, span.value, span.value_size, span.timestamp_ms, False)
                and span.key_size == event.about.size
                and not memcmp(span.key, event.about.at, event.about.size)
            ):
                return True
            odd = self.unit._decode(self.part.source, self.records.record(place))
        if isinstance(odd, RejectedRecord):
            self.unit._reject(self.part, self.records.record(place), odd)
            return False
        self.decoded = self.events.encode(odd)
        if not self.parse(
            event,
            <const uint8_t*>PyBytes_AS_STRING(self.decoded),
            PyBytes_GET_SIZE(self.decoded),
            -1,
            True,
        ):
            raise InvariantError(f"a {type(odd).__name__} is unreadable when compiled")
        return True

    cdef bint parse(
        self,
        Event* event,
        const uint8_t* value,
        Py_ssize_t size,
        int64_t timestamp_ms,
        bint checked,
    ):
        return read_event(
            event,
            self.source,
            value + HEAD_BYTES,
            size - HEAD_BYTES,
            timestamp_ms,
            &self.choices.limits,
            checked,
        )

    cdef int take(self, const Event* event, Py_ssize_t place) except -1:
        # Apply the event, unless it has been before.
        cdef bytes key = self.records.key(place)
        cdef int64_t offset = self.records.spans[place].offset
        cdef Delivery delivery
        state = self.states.get(key)
        if state is None:  # 2. load the state of each customer touched
            try:
                state = self.states[key] = self.unit._load(self.fold, key)
            except RejectedRecord as rejection:
                self.unit._reject(self.part, self.records.record(place), rejection)
                return 0
        delivery = (<Employee>state).delivery if self.source == EMPLOYEE else (<Profile>state).delivery
        if offset <= delivery.applied[self.slot]:
            self.redelivered += 1
            return 0
        if self.is_new(delivery, place) and self.apply(state, event):
            delivery.version += 1
            self.applied += 1
            self.dirty[key] = bytes_of(event.event_id)
            self.cause(event, key, offset)
        else:
            self.duplicates += 1
            self.dirty.setdefault(key, None)
        # A duplicate's offset is recorded too; see the reference.
        delivery.applied[self.slot] = offset
        return 0

    cdef bint is_new(self, Delivery delivery, Py_ssize_t place) except -1:
        if self.source == EMPLOYEE or self.source == REFERRAL:
            return advance(delivery, self.records.headers(place))
        return True

    cdef bint apply(self, object state, const Event* event) except -1:
        if self.source == EMPLOYEE:
            return apply_contact(<Employee>state, event, self.choices)
        return apply_event(<Profile>state, event, self.choices)

    cdef int cause(self, const Event* event, bytes key, int64_t offset) except -1:
        if self.profiles is not None:
            self.profiles.cause(event, key, self.effects, self.core, offset)
        return 0
