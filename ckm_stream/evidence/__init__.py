"""Evidence that rankings work: measured on what happened later, with intervals, for people."""
