"""How the laws are tried: no deadline, because a shared machine's pauses are nobody's fault."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "laws",
    max_examples=50,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("laws")
