"""The chaos tier: faults from a seeded schedule against the real service, judged from a history."""
