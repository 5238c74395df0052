"""
Writes ``comparison.md`` and ``comparison.svg`` from the figures in ``bench/results``.

    python -m bench.comparison_page
"""

import json
from pathlib import Path
from typing import Any

from bench.comparison_table import (
    comparison_markdown,
    comparison_plot,
    guarantee_cost,
    latency_markdown,
    recovery_markdown,
)

_RESULTS = Path(__file__).parent / "results"


def write_page() -> None:
    """Write all tables for which there are figures, and the plot of the costs."""
    found = _figures("comparison")
    if found is None:
        raise SystemExit("nothing has been compared yet: make bench")
    parts = [_heading(found), comparison_markdown(found["rounds"])]
    cost = guarantee_cost(found["rounds"])
    if cost is not None:
        parts.append(f"This worker's transactions cost {cost:.2f} times at least once.\n")
    worker, peers = _figures("latency"), _figures("peer_latency")
    if worker is not None and peers is not None:
        parts.append(latency_markdown(worker, peers))
    worker, peers = _figures("recovery-1000000"), _figures("peer_recovery")
    if worker is not None and peers is not None:
        parts.append(recovery_markdown(worker, peers))
    (_RESULTS / "comparison.md").write_text("\n".join(parts))
    (_RESULTS / "comparison.svg").write_text(comparison_plot(found["rounds"]))


def quick_page() -> str:
    """Return the tables of the quick comparison."""
    found = _figures("quick")
    return "" if found is None else f"{_heading(found)}\n{comparison_markdown(found['rounds'])}"


def _heading(found: dict[str, Any]) -> str:
    rounds = max(len(each) for each in found["rounds"].values())
    return (
        f"Revision {found['revision']}, {found['at']}; {found['machine']}, "
        f"CPython {found['python']}; rounds: {rounds}; {found['partitions']} partitions.\n"
        f"{found['events']:,} touchpoints of {found['customers']:,} customers; "
        f"{found['slow_events']:,} of {found['slow_customers']:,} for stock Faust.\n"
    )


def _figures(benchmark: str) -> dict[str, Any] | None:
    path = _RESULTS / f"{benchmark}.json"
    return json.loads(path.read_text()) if path.exists() else None


if __name__ == "__main__":
    write_page()
