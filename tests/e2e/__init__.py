"""The service as a whole: real programs, a real broker, a real store."""
