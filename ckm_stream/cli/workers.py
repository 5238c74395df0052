"""``ckm worker``, ``snapshots``, ``texts`` and ``serve``: the long-running programs."""

import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ckm_stream.settings import Settings


def worker() -> None:
    """
    Run a profile worker: events in; profiles, scores and knowledge items out.

    Start as many as there are cores, up to the number of partitions; they share the partitions.
    Metrics are served on CKM__METRICS__HOST and CKM__METRICS__PROFILE_PORT.
    """
    settings = _begin()

    from ckm_stream.bootstrap import run_profile_worker

    run_profile_worker(settings)


def snapshots() -> None:
    """
    Run a snapshot worker: profiles, scores and knowledge items into the relational store.

    The store is named by CKM__STORE__URL and must be migrated (`ckm migrate`).
    Metrics are served on CKM__METRICS__HOST and CKM__METRICS__SNAPSHOT_PORT.
    """
    settings = _begin()

    from ckm_stream.bootstrap import run_snapshot_worker

    run_snapshot_worker(settings)


def texts() -> None:
    """
    Run a text worker: sentiment and topics of what customers write, to the profile workers.

    It reads by CKM__TEXT__LEXICON and CKM__TEXT__TOPICS, or by what comes with the package.
    Without it no text reaches a score. Metrics are served on CKM__METRICS__HOST and
    CKM__METRICS__TEXT_PORT.
    """
    settings = _begin()

    from ckm_stream.bootstrap import run_text_worker

    run_text_worker(settings)


def serve() -> None:
    """
    Serve HTTP: events in, profiles and scores out, and the console for people.

    It listens on CKM__GATEWAY__HOST and CKM__GATEWAY__PORT; /console/ is for people, and
    /v1/openapi.json describes the rest. Both need a token (`ckm tokens create`).
    Metrics are served on CKM__METRICS__HOST and CKM__METRICS__GATEWAY_PORT.
    """
    settings = _begin()

    from ckm_stream.bootstrap import run_gateway

    run_gateway(settings)


def _begin() -> "Settings":
    """Return the settings, with the log that they ask for; from the start on SIGTERM is heard."""
    _leave_when_told()

    from ckm_stream.operations.logs import configure_logging
    from ckm_stream.settings import load_settings

    settings = load_settings()
    configure_logging(settings.log_level)
    return settings


def _leave_when_told() -> None:
    """End with exit code 0 on SIGTERM, until the program listens: nothing has begun before."""

    def leave(_: int, __: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
