# What an event causes elsewhere: knowledge items, and events for other keys, as Avro bodies.

from ckm_stream.native.choices cimport Choices
from ckm_stream.native.touchpoint cimport Event
from ckm_stream.native.wire cimport Buffer

# Write the framed knowledge item of the event behind what is in *out*; False if it carries none.
cdef bint put_item(Buffer* out, const Event* event, bytes head) except -1

# Write what the event says of its referrer, or of the employee who handled it, framed;
# False if it says nothing. The keys are `referred_by` and `employee_id`.
cdef bint put_referral(Buffer* out, const Event* event, bytes head, Choices choices) except -1
cdef bint put_contact(Buffer* out, const Event* event, bytes head) except -1
