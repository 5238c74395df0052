"""The pure core: events, facts, scores; no clock, no I/O, no framework."""
