"""Evidence that key sources are found: simulated populations, whose truth is known."""
