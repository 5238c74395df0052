"""What ``ckm demo`` prints at its end."""

import os

from rich.console import Console

from ckm_stream.cli.rendering import class_table, explanation_table, ranking_table
from ckm_stream.demo.run import DemoResult
from ckm_stream.snapshots import queries
from ckm_stream.snapshots.errors import database_name

_MIB = 1 << 20
_RANKED = 10
_COLUMNS = 120


def wide_console() -> Console:
    """Return standard output, wide enough for the tables unless COLUMNS says otherwise."""
    return Console(width=None if "COLUMNS" in os.environ else max(Console().width, _COLUMNS))


def show_result(console: Console, result: DemoResult) -> None:
    """Print the key sources, why the first one is one, the classes, and where to look next."""
    engine, flow = result.engine, result.flow
    ranking = queries.top(engine, _RANKED)
    console.print(ranking_table(ranking))
    explained = queries.explain(engine, ranking[0].customer_id)
    if explained is not None:
        console.print(explanation_table(explained))
    sizes = queries.class_counts(engine)
    console.print(class_table(sizes, simulated=any(each.simulated for each in ranking)))
    console.print(
        f"{flow.consumed:,} records consumed = {flow.applied:,} applied + {flow.deduplicated:,} "
        f"deduplicated + {flow.dead_lettered:,} dead-lettered; {flow.updates:,} score updates; "
        f"{result.seconds:.1f} s in all; profile worker {flow.resident_bytes / _MIB:.0f} MiB"
    )
    metrics = result.settings.metrics
    store = database_name(engine.url)  # without a password
    console.print(f"metrics   http://{metrics.host}:{metrics.profile_port}/metrics (profiles)")
    console.print(f"          http://{metrics.host}:{metrics.snapshot_port}/metrics (snapshots)")
    console.print(f"database  {store}")
    console.print(f"next      CKM__STORE__URL={store} ckm show {ranking[0].customer_id}")
