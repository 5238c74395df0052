"""Writes the comparison's tables and plot from the figures in ``bench/results``."""

import json
from pathlib import Path

from bench.comparison_table import comparison_markdown, comparison_plot

_RESULTS = Path(__file__).parent / "results"


def write_page() -> None:
    """Write ``comparison.md`` and ``comparison.svg``."""
    found = json.loads((_RESULTS / "comparison.json").read_text())
    heading = (
        f"Revision {found['revision']}, {found['at']}, {found['machine']}, "
        f"CPython {found['python']}, {found['partitions']} partitions; "
        f"{found['events']:,} touchpoints of {found['customers']:,} customers, "
        f"{found['slow_events']:,} of {found['slow_customers']:,} for slow programs.\n"
    )
    text = f"{heading}\n{comparison_markdown(found['rounds'])}"
    (_RESULTS / "comparison.md").write_text(text)
    (_RESULTS / "comparison.svg").write_text(comparison_plot(found["rounds"]))


if __name__ == "__main__":
    write_page()
