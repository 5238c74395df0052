"""The comparison's tables and plot say what was measured, like with like."""

from typing import Any

import pytest

from bench.comparison_table import (
    Spread,
    comparison_markdown,
    comparison_plot,
    guarantee_cost,
    latency_markdown,
    recovery_markdown,
    spread,
)


def measured(*costs: float, **more: Any) -> list[dict[str, Any]]:
    """Return rounds with these costs."""
    rest = {"events_per_s": 1000, "peak_mib": 100, "cpu_us_per_handled": 5.0}
    checked = {"updates_per_event": 0.25, "changelog_per_event": 1.5}
    return [{"cpu_us_per_event": cost, **rest, **checked, **more} for cost in costs]


ROUNDS = {
    "worker": measured(10.0, 12.0, 11.0),
    "worker-eos": measured(12.1),
    "streams": measured(22.0),
    "quix-eos": measured(60.5, events_per_s=12345.6),
    "bare-compiled": measured(2.2),
}


def test_a_figure_is_the_median_with_the_range() -> None:
    """One slow round moves the range, not the figure."""
    assert spread(ROUNDS["worker"], "cpu_us_per_event") == Spread(11.0, 10.0, 12.0)


def test_programs_are_compared_with_the_worker_of_the_same_guarantee() -> None:
    """Each guarantee has a table, and each row its ratio to this worker's in it."""
    at_least_once, exactly_once = comparison_markdown(ROUNDS).split("### Exactly once")

    assert "| Kafka Streams | 22.0 (22.0 to 22.0) | 2.00 |" in at_least_once
    assert "Quix" not in at_least_once
    assert "| Quix Streams | 60.5 (60.5 to 60.5) | 5.00 | 12,346 |" in exactly_once


def test_the_ceiling_keeps_nothing_and_is_in_neither_table() -> None:
    """It has no guarantee, no updates and no changelog."""
    bare = [{"cpu_us_per_event": 2.2, "events_per_s": 9, "peak_mib": 1, "cpu_us_per_handled": 2.2}]

    _, ceiling = comparison_markdown({**ROUNDS, "bare-compiled": bare}).split("### The ceiling")

    assert "| 2.2 (2.2 to 2.2) | 0.20 | 9 | 1 | none | none |" in ceiling


def test_what_was_not_run_is_not_in_the_tables() -> None:
    """A run of some programs makes a smaller table, not one with holes."""
    text = comparison_markdown({"worker": ROUNDS["worker"]})

    assert "Faust" not in text
    assert "Exactly once" not in text


def test_handled_events_are_told_of_programs_that_forward() -> None:
    """Forwarded events are this worker's own; they are never in the comparison."""
    assert "this worker, at least once 5.0 µs" in comparison_markdown(ROUNDS)


def test_every_program_that_was_run_is_in_the_plot() -> None:
    """With its title and its figure."""
    drawing = comparison_plot(ROUNDS)

    assert drawing.startswith("<svg")
    assert "Kafka Streams, at least once" in drawing
    assert drawing.count("this worker") >= 2


def test_transactions_cost_their_ratio() -> None:
    """Nothing is said of it when one of the two was not run."""
    assert guarantee_cost(ROUNDS) == pytest.approx(1.1)
    assert guarantee_cost({"worker": ROUNDS["worker"]}) is None


def test_latencies_are_told_by_guarantee() -> None:
    """This worker's come from its own benchmark, whose rounds are guarantees."""
    worker = {"rounds": {"exactly_once": {"p50_ms": 30.0, "p99_ms": 99.0, "cpu_us_per_event": 50}}}
    streams = {"p50_ms": 101.25, "p99_ms": 1234.5, "cpu_us_per_event": 40.04}
    peers = {"rate_hz": 5000.0, "rounds": {"streams": streams}}

    text = latency_markdown(worker, peers)

    assert "at 5,000 touchpoints/s" in text
    assert "| this worker | exactly once | 30.0 | 99.0 | 50.0 |" in text
    assert "| Kafka Streams | at least once | 101.2 | 1,234.5 | 40.0 |" in text
    assert text.count("\n| ") == 4


def test_recovery_tells_how_many_states_each_program_read() -> None:
    """A rate from fewer customers is not passed off as one from a million."""
    worker = {
        "customers": 1_000_000,
        "records_per_s": 400_000,
        "start_to_work_s": 5.0,
        "cpu_us_per_record": 3.0,
    }
    faust = {
        "customers": 50_000,
        "records_per_s": 12_000,
        "start_with_states_s": 6.25,
        "cpu_us_per_record": 90.0,
    }

    text = recovery_markdown(worker, {"rounds": {"faust-job": faust}})

    assert "| this worker | 1,000,000 | 400,000 | 5.0 | 3.0 |" in text
    assert "| stock Faust, the peers' job | 50,000 | 12,000 | 6.2 | 90.0 |" in text
