"""``faust -A ckm_stream.streaming.app worker``: the profile worker, from the environment."""

from prometheus_client import REGISTRY

from ckm_stream.operations.metrics import WorkerMetrics
from ckm_stream.settings import load_settings
from ckm_stream.streaming.profiles import build_profile_app

app = build_profile_app(load_settings(), WorkerMetrics(REGISTRY))
