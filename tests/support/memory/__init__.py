"""A world in memory for crash tests: a log, the programs' own code over it, and crash points."""
