# What knowledge an event carries, as `domain.knowledge` says; inlined where it is asked.

from ckm_stream.native.touchpoint cimport CALL, FEEDBACK, TICKET, TICKET_OPENED, Event


cdef inline bint has_content(const Event* event) noexcept:
    if event.source == FEEDBACK:
        return event.text.size or event.survey_response.size or event.has_rating
    if event.source == TICKET:
        return event.action == TICKET_OPENED and event.text.size
    return event.note.size


cdef inline bint is_externalised(const Event* event) noexcept:
    if event.source == CALL:
        return event.note_usable == 1
    if not event.text.size:
        return False
    return event.topics or (event.source == TICKET and event.category.size)


cdef inline bint is_tacit(const Event* event) noexcept:
    return not is_externalised(event) and (event.source != FEEDBACK or event.text.size)
