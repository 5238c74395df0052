package ckm.peer;

/**
 * What the job uses of an event.
 *
 * @param kind which of the four it is
 * @param eventId UTF-8 bytes of the event's id
 * @param occurredAtMicros event time, microseconds since 1970, UTC
 */
record Touchpoint(Kind kind, byte[] eventId, long occurredAtMicros) {}
