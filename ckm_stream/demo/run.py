"""
The demo from a clean start to its result: provision, start, replay, wait, show.

All purchases are real (CDNOW, 1997-98); calls, tickets and feedback are simulated, and every
screen says so. Nothing is kept from an earlier demo.
"""

import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from sqlalchemy import Engine

from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.demo.programs import Program, broker, start, with_free_ports, workers
from ckm_stream.demo.progress import Flow, Stored, flow, stored
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.domain.forwarding import forward
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.connection import kafka_client_options
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.operations.topics import apply_topics
from ckm_stream.publishing.client import DEFAULT_OPTIONS, Publisher, open_producer
from ckm_stream.publishing.demo_events import demo_events
from ckm_stream.settings import Settings
from ckm_stream.snapshots.store import migrate, open_engine
from ckm_stream.snapshots.tokens import Scope, TokenStore

_POLL_S = 0.2
# Ten times what it takes on two cores; a demo that hangs must say so.
_PATIENCE_S = 300.0
_TOKEN_S = 86_400.0


@dataclass(frozen=True, slots=True)
class DemoResult:
    """A finished replay: the demo's settings, its store, the worker's counts, seconds in all."""

    settings: Settings
    engine: Engine
    flow: Flow
    seconds: float


def run_demo(
    settings: Settings,
    *,
    once: bool,
    seed: int,
    console: Console,
    show: Callable[[DemoResult], None],
) -> None:
    """
    Run the demo until Ctrl-C, or to its result with *once*; *show* presents the result.

    Raises:
        ConfigurationError: If a port is taken, the broker's wheel is missing, or a program ends.
    """
    folder = (settings.data_dir / "demo").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Ctrl-C and a plain kill both end the demo the same way: by leaving the contexts in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()
    with broker(settings, folder) as ours, _progress(console) as progress:
        console.print(f"broker at [bold]{ours.kafka.bootstrap_servers}[/], data under {folder}")
        apply_topics(ours)
        engine = open_engine(ours.store.url.get_secret_value())
        migrate(engine)
        with workers(ours, folder) as programs:
            total = _replay(ours, seed, programs, progress)
            result = _await_result(ours, engine, total, programs, progress)
            progress.stop()
            show(DemoResult(ours, engine, result, time.monotonic() - started))
            if not once:
                programs.append(_open_console(ours, engine, folder, console))
                _keep_running(console, programs)
        engine.dispose()


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<42}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _replay(settings: Settings, seed: int, programs: list[Program], progress: Progress) -> int:
    """Publish the demo's events; return how many must be applied, forwarded ones included."""
    topics = Topics(settings.kafka.topic_prefix)
    events = list(demo_events(seed))
    producer = open_producer(kafka_client_options(settings), DEFAULT_OPTIONS)
    codec = EventCodec(open_schemas(settings), topics)
    task = progress.add_task("publish (purchases real, rest simulated)", total=len(events))
    with Publisher(producer, topics=topics, codec=codec, policy=settings.scoring) as publisher:
        for number, event in enumerate(events):
            publisher.publish(event)
            progress.advance(task)
            if number % 1000 == 0:
                _check(programs)
    return len(events) + sum(_forwards(event, settings) for event in events)


def _forwards(event: TouchpointEvent, settings: Settings) -> int:
    return len(forward(event, policy=settings.scoring))


def _await_result(
    settings: Settings,
    engine: Engine,
    total: int,
    programs: list[Program],
    progress: Progress,
) -> Flow:
    url = metrics_url(settings)
    applied = progress.add_task("fold into profiles and scores", total=total)
    snapshots = progress.add_task("snapshots into the store", total=total)
    last = Stored(0, 0, 0)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        _check(programs)
        now, last = flow(url), stored(engine)
        progress.update(applied, completed=0 if now is None else now.applied)
        progress.update(snapshots, completed=last.events)
        if now is not None and now.applied == total == last.events and last.scores == now.updates:
            return now
        time.sleep(_POLL_S)
    raise ConfigurationError(
        f"the demo has not finished after {_PATIENCE_S:g} s ({last.events} of {total} events are "
        f"in the store); the logs are under {settings.data_dir / 'demo'}"
    )


def metrics_url(settings: Settings) -> str:
    """Return the address of the profile worker's metrics."""
    return f"http://{settings.metrics.host}:{settings.metrics.profile_port}/metrics"


def _check(programs: list[Program]) -> None:
    for program in programs:
        program.check()


def _open_console(settings: Settings, engine: Engine, folder: Path, console: Console) -> Program:
    """Start the gateway, and tell where its console is and how to sign in."""
    served = with_free_ports(settings)
    token, _ = TokenStore(engine).create(
        "demo", [Scope.ADMIN], now_s=time.time(), expires_s=time.time() + _TOKEN_S
    )
    program = start(served, folder, "serve", "gateway")
    address = f"http://{served.gateway.host}:{served.gateway.port}/console/"
    console.print(f"console   {address} (in a few seconds)")
    console.print(f"token     {token}", soft_wrap=True)
    return program


def _keep_running(console: Console, programs: list[Program]) -> None:
    console.print("\nrunning; press Ctrl-C to stop everything")
    try:
        while True:
            _check(programs)
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        console.print("stopping …")
