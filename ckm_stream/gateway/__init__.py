"""HTTP: events in, profiles and scores out, the console; FastAPI lives here and nowhere else."""
